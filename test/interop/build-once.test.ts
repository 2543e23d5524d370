import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { buildOnce } from '../../server/demo/build-once.ts'
import { mountsBelow, removeTree } from '../../server/demo/remove-tree.ts'
import { needs } from './needs.ts'

/** A folder of this test, and in it one whose contents must outlive every build. */
function aFolder(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-build-'))
  t.teardown(async () => await removeTree(folder))
  const precious = join(folder, 'precious')
  mkdirSync(precious)
  writeFileSync(join(precious, 'file'), 'of this machine')
  return { folder, precious }
}

t.test(
  'what a killed build has left mounted is unmounted, and nothing of it is removed',
  needs('mount'),
  async (t) => {
    const { folder, precious } = aFolder(t)
    const cacheFolder = join(folder, 'cache')
    // A process of this number has never been.
    const left = join(cacheFolder, 'building-4194999-system')
    const inside = join(left, 'root', 'dev and more')
    mkdirSync(inside, { recursive: true })
    execFileSync('mount', ['--bind', precious, inside])
    execFileSync('mount', ['--bind', precious, inside])
    const made = await buildOnce({
      cacheFolder,
      key: 'system',
      isWhole: async (folder) => await Promise.resolve(existsSync(folder)),
      build: async (building) => await Promise.resolve(writeFileSync(join(building, 'made'), '')),
    })
    t.ok(existsSync(join(made, 'made')))
    t.notOk(existsSync(left), 'it is removed')
    t.strictSame(mountsBelow(cacheFolder, readFileSync('/proc/self/mountinfo', 'utf8')), [])
    t.equal(readFileSync(join(precious, 'file'), 'utf8'), 'of this machine')
  },
)

t.test(
  'where something stays mounted, nothing is removed and the place is named',
  needs('mount'),
  async (t) => {
    const { folder, precious } = aFolder(t)
    const cacheFolder = join(folder, 'cache')
    const inside = join(cacheFolder, 'building-4194999-system', 'root')
    mkdirSync(inside, { recursive: true })
    execFileSync('mount', ['--bind', precious, inside])
    const build = buildOnce({
      cacheFolder,
      key: 'system',
      isWhole: async () => {
        // Somebody stands in it.
        process.chdir(inside)
        return await Promise.resolve(false)
      },
      build: async () => await Promise.resolve(),
    })
    await t.rejects(build, { message: new RegExp(`something is mounted at ${inside}`) })
    process.chdir('/')
    t.ok(existsSync(join(inside, 'file')))
  },
)
