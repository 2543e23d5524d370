import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { openStore } from '../../server/store/open-store.ts'
import { testFolder } from '../folder.ts'

// kill -9 shows that what a program was told is in the file as the kernel sees it. That it is also on the disk, for a power
// cut, rests on `synchronous=full`, which the last test looks at.

const kills = 12
/** On a machine that is busy fewer batches are acknowledged between two kills. */
const mostKills = 200
const batchesWanted = kills * 10

t.test('every acknowledged record outlives kill -9, whenever it comes', async (t) => {
  const path = join(testFolder(t), 'ironwake.db')
  const acknowledged = new Set<number>()
  let next = 0

  for (let kill = 0; kill < kills || (acknowledged.size <= batchesWanted && kill < mostKills); kill++) {
    const printed = await writeAndKill(path, next, 20 + Math.random() * 250)
    for (const number of printed) acknowledged.add(number)
    const database = new DatabaseSync(path)
    t.strictSame(
      database
        .prepare('pragma integrity_check')
        .all()
        .map((row) => row['integrity_check']),
      ['ok'],
    )
    const events = new Map<unknown, unknown>(
      database
        .prepare('select at, count(*) as count from events group by at')
        .all()
        .map((row) => [row['at'], row['count']]),
    )
    const latest = new Map<unknown, unknown>(
      database
        .prepare('select address, since from leases')
        .all()
        .map((row) => [row['address'], row['since']]),
    )
    // What the program printed last may be lost with it, so the file says how far it came; no number is written twice.
    next = Math.max(next, ...printed, ...[...events.keys()].map(Number)) + 100
    const written = new Map<unknown, unknown>([...events.keys()].map((at) => [Number(at) % 5000, at]))
    database.close()

    t.strictSame(
      [...acknowledged].filter((number) => !events.has(number)),
      [],
      `${acknowledged.size} are there`,
    )
    t.strictSame(
      [...events].filter(([, count]) => count !== 2),
      [],
      'no batch is there by half',
    )
    t.equal(latest.size, written.size, 'each batch has its lease')
  }
  t.ok(acknowledged.size > batchesWanted, `${acknowledged.size} batches were acknowledged`)

  await using store = await openStore(path)
  t.equal((await store.events.list({ limit: 1 }))[0]?.event.kind, 'job-ran', 'and the store opens')
})

t.test('a commit waits for the disk', async (t) => {
  const { connect } = await import('../../server/store/connect.ts')
  const database = connect(join(testFolder(t), 'ironwake.db'))
  t.equal(database.prepare('pragma synchronous').get()?.['synchronous'], 2)
  t.equal(database.prepare('pragma journal_mode').get()?.['journal_mode'], 'wal')
  database.close()
})

/** Lets a program write from a number on, kills it a while after it has opened the store, and gives what it printed. */
async function writeAndKill(path: string, first: number, afterMs: number): Promise<readonly number[]> {
  const program = join(import.meta.dirname, 'store-writer.ts')
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
  // The last line may have been cut off.
  const [, ...lines] = printed.slice(0, printed.lastIndexOf('\n')).split('\n')
  return lines.map(Number)
}
