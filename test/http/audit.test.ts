import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { openStore } from '../../server/store/open-store.ts'
import { auditDesk } from '../../server/appliance/audit-desk.ts'
import { apiApp } from '../../server/http/api-app.ts'
import { testFolder } from '../folder.ts'
import { aDesk } from './an-api-desk.ts'
import { anHttpsApi, bearer } from './an-https-api.ts'
import { overLoopback } from './over-loopback.ts'

t.test('acts over HTTPS are on record with who, what and how they ended, and no secret is', async (t) => {
  const folder = testFolder(t)
  await using store = await openStore(join(folder, 'ironwake.db'))
  const secret = 'hunter2-secret'
  const api = await anHttpsApi(t, {
    audit: auditDesk(store, () => 7),
    release: async () => await Promise.reject(new Error(secret)),
    clusters: {
      ...aDesk().clusters,
      kubeconfig: async () => await Promise.resolve({ kind: 'text', text: secret }),
    },
    tokens: { ...aDesk().tokens, make: async (wish) => await api.tokens.make(wish) },
  })
  const [admin, viewer] = [await api.token('admin'), await api.token('viewer')]
  const ask = async (token: string, method: string, path: string, body?: object) =>
    await api.ask({
      path: `/api/v1/${path}`,
      method,
      headers: bearer(token),
      body: JSON.stringify(body ?? {}),
    })
  await ask(admin, 'PUT', 'machines/node-1/approval', { cluster: 'lab', role: 'worker' })
  await ask(admin, 'POST', 'clusters', { kind: 'external', name: 'prod', kubeconfig: secret })
  await ask(admin, 'POST', 'clusters/lab/kubeconfig')
  const made = await ask(admin, 'POST', 'tokens', { name: 'ci', role: 'viewer' })
  await ask(viewer, 'DELETE', 'clusters/lab')
  await ask(admin, 'POST', 'machines/node-1/release')
  await ask(admin, 'POST', 'machines/node-1/reinstall', { mode: 'force' })
  await ask(`${admin.slice(0, -1)}_`, 'DELETE', 'clusters/lab')
  await ask(viewer, 'GET', 'machines')
  // The end of an act is written after its answer has left. Reading is over within a turn, in which nothing is written.
  let rows = await store.audit.newest(100)
  while (rows.length < 13) {
    await turn()
    rows = await store.audit.newest(100)
  }
  const entries = rows.map(({ row }) => JSON.parse(row) as Readonly<Record<string, unknown>>)
  t.match(entries, [
    {
      kind: 'begun',
      act: 'machine approved',
      who: /^the token t/,
      token: admin.slice(3, 11),
      role: 'admin',
      from: '127.0.0.1',
      on: 'node-1',
      machine: 'M0000001',
      order: { cluster: 'lab', role: 'worker' },
      at: 7,
    },
    { kind: 'ended', begun: 1, status: 200 },
    { kind: 'begun', act: 'cluster made', on: 'prod', order: { kind: 'external', name: 'prod' } },
    { kind: 'ended', begun: 3, status: 409, because: 'not here' },
    { kind: 'begun', act: 'kubeconfig handed out', on: 'lab' },
    { kind: 'ended', begun: 5, status: 200 },
    { kind: 'begun', act: 'token made', on: 'ci', order: { role: 'viewer' } },
    { kind: 'ended', begun: 7, status: 200 },
    {
      kind: 'refused',
      act: 'cluster removed',
      on: 'lab',
      role: 'viewer',
      status: 403,
      because: /needs admin/,
    },
    { kind: 'begun', act: 'machine released' },
    { kind: 'ended', begun: 10, status: 500 },
    { kind: 'begun', act: 'machine reinstalled', on: 'node-1', order: { mode: 'force' } },
    { kind: 'ended', begun: 12, status: 200 },
  ])
  t.equal(entries.length, 13, 'failed authentication and plain reads are no rows')
  const { text } = JSON.parse(made.body) as { readonly text: string }
  for (const one of [secret, text, text.slice(12), admin.slice(12), viewer.slice(12)])
    t.notOk(JSON.stringify(rows).includes(one))
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)))
  t.ok(
    files.some((bytes) => bytes.includes('kubeconfig handed out')),
    'the files are those with the rows',
  )
  for (const bytes of files) for (const one of [secret, text, text.slice(12)]) t.notOk(bytes.includes(one))
})

t.test('who comes by the socket file is local, and a token typed as a name is not kept', async (t) => {
  const desk = aDesk()
  const api = await overLoopback(t, apiApp(desk))
  const token = `iw_0a1b2c3d_${'f'.repeat(64)}`
  await api.ask({ url: `/api/v1/tokens/${token}`, method: 'DELETE' })
  const rows = await desk.audit.rows({ limit: 9 })
  t.match(JSON.parse(rows[0]?.row ?? ''), { who: 'local', role: 'admin', on: '(it holds a token)' })
  t.notOk(JSON.stringify(rows).includes('ffff'.repeat(16)))
})

t.test('where the log cannot be written nothing is done', async (t) => {
  let acts = 0
  const audit = { ...aDesk().audit, write: async () => await Promise.reject(new Error('the disk is full')) }
  const retry = async () => await Promise.resolve({ kind: 'done' as const, remarks: [], at: acts++ })
  const api = await overLoopback(t, apiApp(aDesk({ audit, retry })))
  t.equal((await api.ask({ url: '/api/v1/machines/M0000001/retry', method: 'POST' })).statusCode, 500)
  t.equal(acts, 0)
})
