import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { openStore } from '../../server/store/open-store.ts'
import { aLease } from '../networks/a-network.ts'

t.test(
  'a disk that takes no more is told, what was acknowledged stays, and with room it goes on',
  async (t) => {
    const path = join(t.testdir(), 'ironwake.db')
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
  await using store = await openStore(join(t.testdir(), 'ironwake.db'))
  const outcomes = await Promise.allSettled(
    Array.from({ length: 10_100 }, () => store.saveLeases([aLease()])),
  )
  const refused = outcomes.filter(({ status }) => status === 'rejected')
  t.equal(refused.length, 100)
  t.match(refused[0], { reason: { kind: 'overloaded', message: /too slow/ } })
})
