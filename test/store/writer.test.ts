import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import t from 'tap'
import { openStore } from '../../server/store/open-store.ts'
import { startWriterThread, Writer } from '../../server/store/writer.ts'
import { testFolder } from '../folder.ts'
import { aLease } from '../networks/a-network.ts'

t.test(
  'a disk that takes no more is told, what was acknowledged stays, and with room it goes on',
  async (t) => {
    const path = join(testFolder(t), 'ironwake.db')
    // The kernel refuses each write past this size as it does on a full disk. The signal for it is ignored; the test runner
    // would have the program listen to it.
    const child = spawn(
      'sh',
      [
        '-c',
        `unset NODE_OPTIONS; trap '' XFSZ; ulimit -S -f 1000; exec "$0" "$@"`,
        process.execPath,
        join(import.meta.dirname, 'writer-child.ts'),
        path,
      ],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    )
    const exit = once(child, 'exit')
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    const next = async () => JSON.parse((await lines.next()).value as string) as Record<string, unknown>

    const fault = await next()
    t.match(fault['kind'], /^(full|unwritable)$/)
    t.match(fault['message'], /disk/i)
    t.ok(Number(fault['stored']) > 20, `${String(fault['stored'])} leases went before`)
    t.strictSame(await next(), { readable: fault['stored'] }, 'the failed write has left nothing')

    execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited:'])
    child.stdin.write('go on\n')
    t.strictSame(await next(), { readable: Number(fault['stored']) + 1 })
    t.strictSame(await exit, [0, null])

    const database = new DatabaseSync(path)
    t.strictSame({ ...database.prepare('pragma integrity_check').get() }, { integrity_check: 'ok' })
    database.close()
  },
)

t.test('writes that pile up behind the disk are refused at a limit', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  const outcomes = await Promise.allSettled(
    Array.from({ length: 10_100 }, () => store.saveLeases([aLease()])),
  )
  const refused = outcomes.filter(({ status }) => status === 'rejected')
  t.equal(refused.length, 100)
  t.match(refused[0], { reason: { kind: 'overloaded', message: /too slow/ } })
})

t.test('a thread that ends takes its writes with it, and a new one takes the next', async (t) => {
  const path = join(testFolder(t), 'ironwake.db')
  await using store = await openStore(path)
  void store
  const threads: Worker[] = []
  await using writer = await Writer.start(path, (file) => {
    const thread = startWriterThread(file)
    threads.push(thread)
    return thread
  })
  const insert = (hostname: string) =>
    writer.write([
      {
        sql: 'insert or replace into leases (network, address, mac, state, since, ends_at, hostname) values (?, ?, ?, ?, ?, ?, ?)',
        rows: [['lab', '10.0.0.1', '52:54:00:00:00:01', 'leased', 1, 2, hostname]],
      },
    ])
  await insert('before')
  const ended = threads[0]?.terminate()
  const fault = { kind: 'failed', message: /has failed.*opened again/ }
  await t.rejects(insert('lost'), fault)
  await ended
  await t.rejects(insert('refused'), fault)

  const end = performance.now() + 120_000
  const kept = async () =>
    await insert('after').then(
      () => true,
      () => false,
    )
  while (!(await kept())) {
    if (performance.now() > end) return t.fail('no new thread has come')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  t.equal(threads.length, 2)
  t.match(await store.leases.all(), [{ hostname: 'after' }])
})
