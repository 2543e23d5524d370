import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { filesOf, versionName } from '../../server/images/manifest.ts'
import { storeContent } from '../../server/images/store-content.ts'
import { storeFolder } from '../../server/images/store-folder.ts'
import { sweepStore } from '../../server/images/sweep-store.ts'
import { lockFile } from '../../server/store/file-lock.ts'
import { testFolder } from '../folder.ts'

const kills = 30
/** On a machine that is busy fewer versions are finished between two kills. */
const mostKills = 200
const versionsWanted = 6

t.test('every version is whole, whenever kill -9 comes', async (t) => {
  const path = testFolder(t)
  const folder = storeFolder(path)
  let next = 0
  let resumes = 0
  let unfinished = 0

  for (let kill = 0; kill < kills || (next < versionsWanted && kill < mostKills); kill++) {
    const printed = await writeAndKill(path, next, 5 + Math.random() * 200)
    const published = printed.flatMap((line) =>
      line.startsWith('published ') ? [Number(line.slice(10))] : [],
    )
    resumes += printed.filter((line) => line.startsWith('resumed ')).length
    // The next program begins with the version that this one broke off, so that it finds what came of it.
    next = Math.max(next, ...published.map((number) => number + 1))

    const content = await storeContent(folder)
    unfinished += content.unfinished.length
    t.strictSame(content.unreadable, [])
    const broken = content.blobs.filter(({ sha256 }) => digestAt(folder.blob(sha256)) !== sha256)
    t.strictSame(broken, [], 'every blob has its digest')
    const there = new Map(content.blobs.map(({ sha256, byteCount }) => [sha256, byteCount]))
    const halves = content.manifests.flatMap((manifest) =>
      filesOf(manifest)
        .filter(([, { sha256, byteCount }]) => there.get(sha256) !== byteCount)
        .map(([role]) => `${versionName(manifest)} ${role}`),
    )
    t.strictSame(halves, [], 'every version has its blobs')
    const versions = content.manifests.map(({ version }) => Number(version))
    const newest = published.at(-1)
    if (newest !== undefined) t.ok(versions.includes(newest), `${newest}, which was acknowledged, is there`)
  }

  t.ok(next >= versionsWanted, `${next} versions were published`)
  t.ok(unfinished > 0, `${unfinished} blobs were broken off`)
  t.ok(resumes > 0, `${resumes} went on where they stopped`)

  const rules = { now: Date.now() + 1, keep: 2, orphansKeptMs: 0, unfinishedKeptMs: 0 }
  const swept = await sweepStore(path, { lock: lockFile, wanted: [], rules })
  t.equal(swept.kind, 'swept', 'a program that was killed holds no lock')
  const content = await storeContent(folder)
  t.equal(content.manifests.length, Math.min(2, next))
  t.equal(content.blobs.length, content.manifests.length * 3, 'and what it left behind is swept')
  t.strictSame(content.unfinished, [])
})

function digestAt(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}

/** Lets a program write, kills it a while after it has begun, and gives the whole lines it printed. */
async function writeAndKill(path: string, first: number, afterMs: number): Promise<readonly string[]> {
  const program = join(import.meta.dirname, 'blob-store-writer.ts')
  const child = spawn(process.execPath, [program, path, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (printed === '') setTimeout(() => child.kill('SIGKILL'), afterMs)
    printed += text
  })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  if (signal !== 'SIGKILL') throw new Error(`The writing program ended by itself: ${printed.slice(-200)}`)
  return printed.slice(0, printed.lastIndexOf('\n')).split('\n')
}
