import { join } from 'node:path'

/** The files that a folder with an image consists of; nothing else of the folder is served. */
export const imageFiles = ['vmlinuz', 'initrd', 'squashfs'] as const

/** A file of an image. One whose digest is known is told by it, wherever it lies. */
export type ImageFile = { readonly path: string; readonly sha256?: string }

/** Finds what `/images/IMAGE/FILE` names. */
export type FindImageFile = (
  image: string,
  file: string,
) => ImageFile | undefined | Promise<ImageFile | undefined>

export function fileInFolder(folder: string, file: string): ImageFile | undefined {
  return imageFiles.some((name) => name === file) ? { path: join(folder, file) } : undefined
}
