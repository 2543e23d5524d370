import { unpackedPackages } from '../../server/demo/debian-packages.ts'
import { thisDistribution } from '../../server/demo/distribution.ts'
import { imageCache } from './rig.ts'

// Boot programs that this machine cannot install, being for another processor or of a later release of its distribution.

/** The signed GRUB of Debian 12 has no HTTP, and its iPXE is of 2019 and for x64 alone; Debian 13 has the next ones. */
const later: ReadonlyMap<string, string> = new Map([['bookworm', 'trixie']])

async function laterRelease(): Promise<string> {
  const { codename } = await thisDistribution()
  return later.get(codename) ?? codename
}

/** The folders of the distribution's signed shim and GRUB for arm64. */
export async function arm64Loaders(): Promise<readonly string[]> {
  const root = await unpackedPackages({
    cacheFolder: imageCache,
    processor: 'arm64',
    names: ['shim-signed', 'shim-helpers-arm64-signed', 'grub-efi-arm64-signed'],
  })
  return [`${root}/usr/lib/shim`, `${root}/usr/lib/grub/arm64-efi-signed`]
}

/** The folders of shim, as it is on this machine, and of a signed GRUB that has HTTP. */
export async function httpLoaders(): Promise<readonly string[]> {
  const root = await unpackedPackages({
    cacheFolder: imageCache,
    processor: 'amd64',
    names: ['grub-efi-amd64-signed'],
    codename: await laterRelease(),
  })
  return [`${root}/usr/lib/grub/x86_64-efi-signed`, '/usr/lib/shim']
}

/** The folder of an iPXE that fetches `autoexec.ipxe`, for x64 and arm64. */
export async function laterIpxe(): Promise<string> {
  const root = await unpackedPackages({
    cacheFolder: imageCache,
    processor: 'amd64',
    names: ['ipxe'],
    codename: await laterRelease(),
  })
  return `${root}/usr/lib/ipxe`
}
