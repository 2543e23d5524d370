import { expectedMiss } from '../boot/expected-misses.ts'
import { raspberryPiFolder } from '../boot/programs.ts'
import type { BootDesk } from '../http/boot-app.ts'
import type { Outcome } from '../http/outcome.ts'
import type { FoundFile, WantedFile } from '../listen/tftp.ts'
import type { Network } from '../networks/network.ts'
import { bytesOfText } from '../wire/text.ts'
import type { Programs } from './boot-material.ts'
import type { imageBytes } from './image-bytes.ts'

/** The script that iPXE 2 and later fetch from the folder they came from (iPXE, `efi_autoexec.c`). */
const autoexec = 'autoexec.ipxe'

/** Both are shim; the second is its name on installation media, which some boot menus ask for. */
const otherNames: ReadonlyMap<string, string> = new Map([
  ['bootx64.efi', 'shimx64.efi'],
  ['bootaa64.efi', 'shimaa64.efi'],
])

/**
 * What TFTP serves on a network: boot programs, `autoexec.ipxe` and GRUB's configuration, by name, in whatever folder they
 * are asked for, unless a program lies in just that folder; and the kernels and initrds of `images/`.
 */
export function tftpDesk(
  parts: {
    readonly programs: Programs
    readonly boot: Pick<BootDesk, 'chainScript' | 'grubConfig'>
    readonly imageBytes: ReturnType<typeof imageBytes>
  },
  network: Network,
): (wanted: WantedFile) => FoundFile | Promise<FoundFile> {
  const { programs, boot } = parts
  return ({ file, client }) => {
    const [, image, part] = /^images\/([^/]+)\/([^/]+)$/.exec(file) ?? []
    if (image !== undefined && part !== undefined) {
      return parts
        .imageBytes(image, part)
        .then((read) => (read.kind === 'bytes' ? read : { ...read, code: 'no-such-file' as const }))
    }
    const name = file.slice(file.lastIndexOf('/') + 1)
    const arrival = { from: client, to: network.serverAddress }
    if (name === autoexec) return found(file, boot.chainScript(arrival))
    const bytes = programs.get(file) ?? programs.get(otherNames.get(name.toLowerCase()) ?? name)
    if (bytes !== undefined) return { kind: 'bytes', bytes }
    // Under its serial number or MAC address first, where a board has files of its own, and then without.
    const ofBoard = programs.get(`${raspberryPiFolder}/${file}`)
    if (ofBoard !== undefined) return { kind: 'bytes', bytes: ofBoard }
    if (!name.startsWith('grub.cfg')) return missing(file)
    return boot.grubConfig(arrival, file).then((outcome) => found(file, outcome))
  }
}

function found(file: string, outcome: Outcome | undefined): FoundFile {
  switch (outcome?.kind) {
    case 'text':
      return { kind: 'bytes', bytes: bytesOfText(outcome.text) }
    case 'bytes':
      return outcome
    case 'refused':
      return { kind: 'refused', code: 'no-such-file', because: outcome.because }
    case 'accepted':
    case undefined:
      return missing(file)
  }
}

function missing(file: string): FoundFile {
  const because = expectedMiss(file)
  if (because !== undefined) return { kind: 'refused', code: 'no-such-file', because, expected: true }
  return { kind: 'refused', code: 'no-such-file', because: `${file} is no boot program of this box` }
}
