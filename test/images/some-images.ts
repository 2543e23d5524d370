import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { pack, type Pack } from 'tar-stream'
import { someBytes } from './a-store.ts'

/** A disk with a GPT of sgdisk's kind and something at its begin and end; the middle is a hole. */
export function rawDisk(byteCount: number): Buffer {
  const disk = Buffer.alloc(byteCount)
  disk.writeUInt16LE(0xaa55, 510)
  disk[446 + 4] = 0xee
  disk.write('EFI PART', 512, 'latin1')
  someBytes(100_000).copy(disk, 4096)
  someBytes(100_000).copy(disk, byteCount - 100_000)
  return disk
}

/** A kernel as far as its head says what it is for (arch/x86/boot/header.S). */
export function kernelOf(architecture: 'amd64' | 'arm64', byteCount = 20_000): Buffer {
  const kernel = someBytes(byteCount)
  if (architecture === 'amd64') kernel.write('HdrS', 0x202, 'latin1')
  else kernel.write('ARMd', 0x38, 'latin1')
  return kernel
}

export type TarPart = {
  readonly header: Parameters<Pack['entry']>[0]
  readonly content?: string | Uint8Array
}

export async function tarGz(parts: readonly TarPart[]): Promise<Buffer> {
  const tar = pack()
  for (const { header, content } of parts) tar.entry(header, content ?? '')
  tar.finalize()
  const pieces: Uint8Array[] = []
  for await (const piece of tar as AsyncIterable<Uint8Array>) pieces.push(piece)
  return gzipSync(Buffer.concat(pieces))
}

/** A medium as Ubuntu's live server has it, made by xorriso. */
export function isoOf(folder: string, files: { readonly [path: string]: string | Uint8Array }): string {
  const content = join(folder, 'content')
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(join(content, path, '..'), { recursive: true })
    writeFileSync(join(content, path), bytes)
  }
  const iso = join(folder, 'medium.iso')
  execFileSync('xorriso', ['-as', 'mkisofs', '-quiet', '-r', '-J', '-o', iso, content], { stdio: 'pipe' })
  return iso
}
