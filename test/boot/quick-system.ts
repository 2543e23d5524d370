import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildOnce } from '../../server/demo/build-once.ts'
import { debianImage } from '../../server/demo/debian-image.ts'
import { imageCache } from './rig.ts'

const init = fileURLToPath(new URL('quick-init', import.meta.url))

/**
 * The folder of a system in memory that writes a disk a third of a minute sooner: that of the other tests, where `quick-init`
 * stands in for systemd and cloud-init.
 */
export async function quickSystem(): Promise<string> {
  const image = await debianImage({ cacheFolder: imageCache })
  const digest = createHash('sha256').update(image.manifest.key).update(readFileSync(init))
  return await buildOnce({
    cacheFolder: imageCache,
    key: `quick-${digest.digest('hex').slice(0, 16)}`,
    isWhole: async (folder) => existsSync(join(folder, 'squashfs')),
    async build(building) {
      const root = join(building, 'root')
      const quietly = { stdio: 'pipe' } as const
      execFileSync('unsquashfs', ['-quiet', '-no-progress', '-dest', root, image.squashfs], quietly)
      // The link that stands there would be followed.
      rmSync(join(root, 'usr/sbin/init'))
      cpSync(init, join(root, 'usr/sbin/init'))
      for (const name of ['vmlinuz', 'initrd']) cpSync(join(image.folder, name), join(building, name))
      const words = ['-comp', 'lz4', '-noappend', '-quiet', '-no-progress']
      execFileSync('mksquashfs', [root, join(building, 'squashfs'), ...words], quietly)
      rmSync(root, { recursive: true })
    },
  })
}
