import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { AuditRow } from '../../server/access/audit-chain.ts'
import { run } from '../../server/cli/run.ts'
import { apiApp } from '../../server/http/api-app.ts'
import { listenSocketFile } from '../../server/listen/http.ts'
import { aDesk } from '../http/an-api-desk.ts'

t.test('the log is listed and verified, and what does not fit is named', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-cli-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'ironwake.yaml'), `data: ${JSON.stringify(folder)}\n`)
  const { audit } = aDesk()
  let damage = (rows: readonly AuditRow[]): readonly AuditRow[] => rows
  const desk = aDesk({ audit: { ...audit, rows: async (wanted) => damage(await audit.rows(wanted)) } })
  await using listener = await listenSocketFile(apiApp(desk), join(folder, 'ironwake.sock'))
  void listener
  const call = async (...words: readonly string[]) => {
    const [out, err]: [string[], string[]] = [[], []]
    const code = await run(['audit', ...words, '--settings', join(folder, 'ironwake.yaml')], {
      print: (line) => void out.push(line),
      remark: (line) => void err.push(line),
      stop: AbortSignal.timeout(30_000),
      isTerminal: false,
      now: Date.now,
    })
    return { code, out: out.join('\n'), err: err.join('\n') }
  }
  t.match(await call('list'), { code: 0, out: '', err: /Nothing was done/ })
  for (let made = 0; made < 1001; made++)
    await audit.write({
      kind: 'begun',
      act: 'power switched',
      who: 'local',
      role: 'admin',
      from: 'x',
      on: 'm',
    })
  t.match(await call('list', '--limit', '2'), { code: 0, out: /^1001 .*local .*power switched/m })
  const { length } = JSON.parse((await call('list', '--limit', '10000', '--output', 'json')).out) as unknown[]
  t.equal(length, 1001, 'more than a page')
  t.match(await call('list', '--since', '24h'), { code: 0, out: '', err: /since then/ })
  const old = await call('list', '--since', '1970-01-01')
  t.equal(old.out.split('\n').length, 1002, 'and the line of titles')
  t.match(await call('list', '--since', '1970-01-01', '--limit', '9'), { code: 0, err: /newest 9/ })
  t.match(await call('list', '--since', 'monday'), { code: 2 })
  t.match(await call('list', '--limit', '0'), { code: 2 })
  const head = (await call('head')).out
  t.match(head, /^1001:[0-9a-f]{64}$/)
  t.match(await call('verify', '--head', head), { code: 0, out: head })
  const later = `1002:${head.slice(5)}`
  t.match(await call('verify', '--head', later), { code: 1, err: /row 1002 is missing/ })
  t.match(await call('verify', '--head', `7:${head.slice(5)}`), { code: 1, err: /row 7 is not the one/ })
  damage = (rows) => rows.filter(({ seq }) => seq !== 5)
  t.match(await call('verify'), { code: 1, err: /row 5 is missing/ })
  t.match(await call('verify', '--head', 'x'), { code: 2 })
  t.match(await call('nothing'), { code: 2 })
})
