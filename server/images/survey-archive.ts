import { ImageFault } from './image-fault.ts'
import type { Architecture } from './manifest.ts'
import { netbootEntry } from './netboot-entry.ts'
import { partsOf } from './tar-guard.ts'
import { walkTarGz } from './walk-tar-gz.ts'
import type { Work } from './work.ts'

/** What a tar.gz archive is: Ubuntu's tarball for booting from the network, or the root of a system. */
export type ArchiveKind =
  { readonly kind: 'netboot'; readonly architecture: Architecture } | { readonly kind: 'root' }

/** Looks through the whole archive, so that what is published of it was looked at. */
export async function surveyArchive(path: string, work: Work): Promise<ArchiveKind> {
  const netboot = new Set<string>()
  const top = new Set<string>()
  await walkTarGz(
    path,
    async ({ name, type }) => {
      const [first] = partsOf(name)
      if (first !== undefined) top.add(first)
      const entry = netbootEntry(name)
      if (entry === undefined) return
      if (type === 'file') netboot.add(`${entry.architecture} ${entry.role}`)
      else throw new ImageFault('unsafe', `the archive is refused: ${name} in it is no file, but a ${type}`)
    },
    work,
  )
  for (const architecture of ['amd64', 'arm64'] as const) {
    if (netboot.has(`${architecture} kernel`) && netboot.has(`${architecture} initrd`)) {
      return { kind: 'netboot', architecture }
    }
  }
  if (top.has('etc') && (top.has('usr') || top.has('bin'))) return { kind: 'root' }
  throw new ImageFault('not-an-image', 'the archive is neither a netboot tarball nor the root of a system', {
    nextStep:
      'A netboot tarball has amd64/linux and amd64/initrd (or arm64/…), the root of a system has etc and usr. See what it has: tar -tzf FILE',
  })
}
