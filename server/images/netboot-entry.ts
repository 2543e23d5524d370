import type { Architecture, ImageRole } from './manifest.ts'
import { partsOf } from './tar-guard.ts'

/** A file of Ubuntu's netboot tarball that a machine boots by. */
export type NetbootEntry = { readonly architecture: Architecture; readonly role: ImageRole }

/** Names in `ubuntu-…-netboot-ARCH.tar.gz`, behind the folder of its architecture. */
const roles: { readonly [architecture in Architecture]: ReadonlyMap<string, ImageRole> } = {
  amd64: new Map([
    ['linux', 'kernel'],
    ['initrd', 'initrd'],
    ['bootx64.efi', 'shim'],
    ['grubx64.efi', 'grub'],
  ]),
  arm64: new Map([
    ['linux', 'kernel'],
    ['initrd', 'initrd'],
    ['bootaa64.efi', 'shim'],
    ['grubaa64.efi', 'grub'],
  ]),
}

/** What an entry of the tarball is for; `undefined` for those that are not served. */
export function netbootEntry(name: string): NetbootEntry | undefined {
  const [folder, file = '', ...deeper] = partsOf(name)
  if ((folder !== 'amd64' && folder !== 'arm64') || deeper.length > 0) return undefined
  const role = roles[folder].get(file)
  return role === undefined ? undefined : { architecture: folder, role }
}
