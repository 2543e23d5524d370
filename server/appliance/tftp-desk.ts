import type { FoundFile, WantedFile } from '../listen/tftp.ts'
import type { Network } from '../networks/network.ts'
import { bytesOfText } from '../wire/text.ts'
import { chainScriptFor, type BootDeskParts } from './boot-desk.ts'

/** The script that iPXE 2 and later fetch from the folder they came from (iPXE, `efi_autoexec.c`). */
const autoexec = 'autoexec.ipxe'

/** What TFTP serves on a network: boot programs and `autoexec.ipxe`, by name, in whatever folder they are asked for. */
export function tftpDesk(parts: BootDeskParts, network: Network): (wanted: WantedFile) => FoundFile {
  return ({ file }) => {
    const name = file.slice(file.lastIndexOf('/') + 1)
    if (name === autoexec) {
      const script = chainScriptFor(parts, network.serverAddress)
      if (script.kind === 'text') return { kind: 'bytes', bytes: bytesOfText(script.text) }
    }
    const bytes = parts.programs.get(name)
    if (bytes !== undefined) return { kind: 'bytes', bytes }
    return { kind: 'refused', code: 'no-such-file', because: `${name} is no boot program of this box` }
  }
}
