import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildOnce } from './build-once.ts'
import { debianImage } from './debian-image.ts'
import { unpackedPackages } from './debian-packages.ts'
import { followProgram, needProgram } from './follow-program.ts'

const material = new URL('../../images/debian-disk/', import.meta.url)

const tools = [
  { program: 'unsquashfs', debianPackage: 'squashfs-tools' },
  { program: 'busybox', debianPackage: 'busybox' },
  { program: 'zstd', debianPackage: 'zstd' },
  { program: 'mke2fs', debianPackage: 'e2fsprogs' },
  { program: 'grub-mkimage', debianPackage: 'grub-common' },
  { program: 'mkfs.fat', debianPackage: 'dosfstools' },
  { program: 'mcopy', debianPackage: 'mtools' },
  { program: 'sgdisk', debianPackage: 'gdisk' },
] as const

/** GRUB's modules for both firmwares. Unpacked and not installed: this machine starts as it did. */
const grubPackages = ['grub-pc-bin', 'grub-efi-amd64-bin'] as const

/**
 * The image of a disk, as clouds are given them, made of the network-boot image: from the cache, or built now. Gives the
 * path of its raw form. Needs root.
 */
export async function debianDisk(order: {
  readonly cacheFolder: string
  readonly progress?: (step: string) => void
}): Promise<string> {
  const { cacheFolder, progress } = order
  const image = await debianImage({ cacheFolder, ...(progress === undefined ? {} : { progress }) })
  const grub = await unpackedPackages({ cacheFolder, processor: 'amd64', names: grubPackages })
  const digest = createHash('sha256').update(JSON.stringify([image.manifest.key, grub]))
  for (const name of (await readdir(material, { recursive: true })).toSorted()) {
    const url = new URL(name, material)
    if ((await stat(url)).isFile() && !name.endsWith('.md')) digest.update(name).update(await readFile(url))
  }
  const folder = await buildOnce({
    cacheFolder,
    key: `disk-${image.manifest.key}-${digest.digest('hex').slice(0, 16)}`,
    isWhole: async (found) => (await stat(join(found, 'disk.raw')).catch(() => undefined)) !== undefined,
    build: async (building) => {
      for (const tool of tools) await needProgram(tool)
      progress?.('the disk image')
      const script = fileURLToPath(new URL('make-disk', material))
      await followProgram([script, image.vmlinuz, image.initrd, image.squashfs, grub, building], {
        otherwise: 'the disk image cannot be made',
        nextStep: 'See the lines above for the step that failed; is there 2 GB of free space?',
      })
    },
  })
  return join(folder, 'disk.raw')
}
