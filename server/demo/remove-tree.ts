import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { promisify } from 'node:util'

/**
 * Removes a folder in which a system was being built. A build that was killed may have left file systems of this machine
 * mounted there: they are unmounted first, the deepest first, and where one stays nothing is removed.
 */
export async function removeTree(folder: string): Promise<void> {
  for (const place of mountsBelow(folder, await readFile('/proc/self/mountinfo', 'utf8'))) {
    await promisify(execFile)('umount', ['--', place]).catch((error: unknown) => {
      const because = error instanceof Error ? error.message.trim() : String(error)
      throw new Error(`${folder} is not removed: something is mounted at ${place}. Unmount it. (${because})`)
    })
  }
  await rm(folder, { recursive: true, force: true })
}

/** Where something is mounted at or below a folder, the last mounted first (proc(5), /proc/PID/mountinfo). */
export function mountsBelow(folder: string, mountinfo: string): readonly string[] {
  return mountinfo
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replaceAll(/\\([0-7]{3})/g, (_, octal: string) => fromOctal(octal)),
    )
    .filter((place) => place === folder || place.startsWith(`${folder}/`))
    .toReversed()
}

function fromOctal(digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 8))
}
