import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../../server/cli/run.ts'
import { apiApp } from '../../server/http/api-app.ts'
import { listenSocketFile } from '../../server/listen/http.ts'
import { aDesk } from '../http/an-api-desk.ts'

const now = Date.UTC(2026, 0, 31, 23, 30)
const hour = 3_600_000

t.test('a token tells the minute of its end where that is near, and else the day', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-cli-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const token = {
    id: 'abcdefgh',
    hash: 'h',
    role: 'viewer',
    madeAt: now,
    madeBy: 'the owner of the box',
  } as const
  const desk = aDesk()
  const app = apiApp({
    ...desk,
    tokens: {
      ...desk.tokens,
      list: () => [
        { ...token, name: 'short', expiresAt: now + hour },
        { ...token, name: 'over', expiresAt: now - hour },
        { ...token, name: 'long', expiresAt: now + 90 * 24 * hour },
      ],
      make: async ({ name, seconds }) =>
        await Promise.resolve({
          kind: 'made',
          text: 'iw_',
          token: { ...token, name, expiresAt: now + seconds * 1000 },
        }),
    },
  })
  const listener = await listenSocketFile(app, join(folder, 'ironwake.sock'))
  t.teardown(async () => await listener[Symbol.asyncDispose]())
  writeFileSync(join(folder, 'ironwake.yaml'), `data: ${JSON.stringify(folder)}\n`)
  const call = async (...words: readonly string[]) => {
    const said: string[] = []
    const say = (line: string): void => void said.push(line)
    const stop = AbortSignal.timeout(60_000)
    const terminal = { print: say, remark: say, stop, isTerminal: false, now: () => now }
    const code = await run(['tokens', ...words, '--settings', join(folder, 'ironwake.yaml')], terminal)
    return { code, said: said.join('\n') }
  }
  const { code, said } = await call('list')
  t.equal(code, 0)
  t.match(said, /^short .* until 2026-02-01 00:30 UTC /m)
  t.match(said, /^over .* ended 2026-01-31 22:30 UTC /m)
  t.match(said, /^long .* until 2026-05-01 {2}/m)
  t.match(await call('create', 'ci', '--role', 'viewer', '--expires', '2h'), {
    code: 0,
    said: /ci is a viewer until 2026-02-01 01:30 UTC\. The token/,
  })
})
