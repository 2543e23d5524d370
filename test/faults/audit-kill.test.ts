import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { auditStart, followAudit } from '../../server/access/audit-chain.ts'
import { openStore } from '../../server/store/open-store.ts'

const kills = 8
const leastActs = 11

t.test('no act is done without a row, whenever kill -9 comes, and the chain goes on', async (t) => {
  // Not t.testdir: the path of a socket file has at most 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-audit-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
  const [did, told] = [new Set<string>(), new Set<string>()]
  for (let kill = 0; kill < kills; kill++) {
    for (const line of await actAndKill(folder, kill * 1_000_000, Math.random() * 250)) {
      const [word, number = ''] = line.split(' ')
      if (word === 'did') did.add(number)
      if (word === 'told') told.add(number)
    }
  }
  await using store = await openStore(join(folder, 'ironwake.db'))
  const rows = await store.audit.after(0, 1_000_000)
  t.match(followAudit(auditStart, rows), { kind: 'fits', head: { seq: rows.length } })
  const entries = rows.map(
    ({ row }) => JSON.parse(row) as { readonly kind: string; readonly on?: string; readonly begun?: number },
  )
  const begun = new Set(entries.filter(({ kind }) => kind === 'begun').map(({ on }) => on))
  t.ok(told.size >= kills * leastActs, `${told.size} acts were answered`)
  t.strictSame(
    [...did].filter((number) => !begun.has(number)),
    [],
    `${did.size} were done, ${begun.size} begun`,
  )
  t.strictSame(
    [...told].filter((number) => !did.has(number)),
    [],
  )
  const ended = entries.filter(({ kind }) => kind === 'ended').length
  t.ok(ended <= begun.size && ended >= begun.size - kills * 4, `${ended} have an end`)
})

/** Lets a program act from a number on, kills it a while after some acts were answered, and gives what it printed. */
async function actAndKill(folder: string, first: number, afterMs: number): Promise<readonly string[]> {
  const program = join(import.meta.dirname, 'audit-writer.ts')
  const child = spawn(process.execPath, [program, folder, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  let killing: NodeJS.Timeout | undefined
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
    if (killing === undefined && printed.split('\ntold ').length > leastActs)
      killing = setTimeout(() => child.kill('SIGKILL'), afterMs)
  })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  if (signal !== 'SIGKILL') throw new Error(`The acting program ended by itself: ${printed.slice(-200)}`)
  return printed.slice(0, printed.lastIndexOf('\n') + 1).split('\n')
}
