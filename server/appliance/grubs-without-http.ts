import { closeSync, openSync, readSync } from 'node:fs'
import { programPaths } from './boot-material.ts'

/**
 * The GRUBs of the folders that fetch by TFTP and in no other way, such as the signed one of Debian 12: every GRUB that has
 * HTTP tells servers what it is, and so has the name of that field in it.
 */
export function grubsWithoutHttp(folders: readonly string[]): ReadonlySet<string> {
  const grubs = [...programPaths(folders)].filter(([name]) => name.startsWith('grub'))
  return new Set(grubs.flatMap(([name, path]) => (contains(path, 'User-Agent') ? [] : [name])))
}

const chunkBytes = 256 * 1024

/** Looks through a file piece by piece, for it need not be kept. */
function contains(path: string, word: string): boolean {
  using stack = new DisposableStack()
  const fd = stack.adopt(openSync(path, 'r'), closeSync)
  const chunk = Buffer.alloc(chunkBytes)
  let kept = 0
  for (;;) {
    const length = readSync(fd, chunk, kept, chunk.length - kept, null)
    if (length === 0) return false
    const end = kept + length
    if (chunk.subarray(0, end).includes(word)) return true
    // The word may lie across the border of two pieces.
    kept = Math.min(word.length, end)
    chunk.copyWithin(0, end - kept, end)
  }
}
