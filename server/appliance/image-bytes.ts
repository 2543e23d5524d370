import { fileTrouble } from '../wire/file-trouble.ts'
import { readFile, stat } from 'node:fs/promises'
import type { FindImageFile } from '../http/image-files.ts'

export type ImageBytes =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'refused'; readonly because: string }

/** The largest initrds have half of it; a squashfs is for HTTP, and fetched by systems that have it. */
const longestFileBytes = 256 * 1024 * 1024

/**
 * Kernels and initrds as TFTP sends them, from memory: for the signed GRUB of Debian 12, which has no HTTP. Many machines
 * that start together share one copy, and it is given up with the last transfer that holds it.
 */
export function imageBytes(find: FindImageFile): (image: string, file: string) => Promise<ImageBytes> {
  const held = new Map<string, WeakRef<Uint8Array>>()
  const underWay = new Map<string, Promise<ImageBytes>>()

  return async (image, file) => {
    const found = file === 'vmlinuz' || file === 'initrd' ? await find(image, file) : undefined
    if (found === undefined) {
      return { kind: 'refused', because: `there is no file ${image}/${file} for TFTP` }
    }
    const { path } = found
    const before = underWay.get(path)
    if (before !== undefined) return await before
    const reading = read(path).finally(() => underWay.delete(path))
    underWay.set(path, reading)
    return await reading
  }

  async function read(path: string): Promise<ImageBytes> {
    try {
      const { size, mtimeMs } = await stat(path)
      if (size > longestFileBytes) return { kind: 'refused', because: `${path} is too large for TFTP` }
      const version = `${path} ${size} ${mtimeMs}`
      const kept = held.get(version)?.deref()
      if (kept !== undefined) return { kind: 'bytes', bytes: kept }
      const bytes = await readFile(path)
      for (const [name, ref] of held) if (ref.deref() === undefined) held.delete(name)
      held.set(version, new WeakRef(bytes))
      return { kind: 'bytes', bytes }
    } catch (error) {
      return { kind: 'refused', because: `${path} cannot be read: ${fileTrouble(error)}` }
    }
  }
}
