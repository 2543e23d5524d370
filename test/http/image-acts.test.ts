import { join } from 'node:path'
import t from 'tap'
import { auditStart, followAudit } from '../../server/access/audit-chain.ts'
import { auditDesk } from '../../server/appliance/audit-desk.ts'
import { apiApp } from '../../server/http/api-app.ts'
import { openStore } from '../../server/store/open-store.ts'
import { StoreFault } from '../../server/store/store-fault.ts'
import { testFolder } from '../folder.ts'
import { aDesk } from './an-api-desk.ts'
import { anHttpsApi, bearer } from './an-https-api.ts'
import { overLoopback } from './over-loopback.ts'

type Api = Awaited<ReturnType<typeof overLoopback>>

async function tell(api: Api, path: string, body: object) {
  const headers = { 'content-type': 'application/json' }
  const url = `/api/v1/image-acts${path}`
  return await api.ask({ url, method: 'POST', headers, payload: JSON.stringify(body) })
}

t.test('an act on the image store has two rows, and its end is written once', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  const audit = auditDesk(store, () => 7)
  const api = await overLoopback(t, apiApp(aDesk({ audit })))
  await audit.write({ kind: 'begun', act: 'power switched', who: 'local', role: 'admin', from: 'x' })
  const begun = await tell(api, '', {
    act: 'image imported',
    on: 'noble@1',
    from: 'https://me:hunter2@images.example/noble.img?key=hunter2#hunter2',
    sha256: 'f'.repeat(64),
  })
  t.strictSame(JSON.parse(begun.body), { begun: 2 })
  for (let others = 0; others < 1_001; others++) await audit.write({ kind: 'ended', begun: 1, status: 200 })
  const end = { exitCode: 1, outcome: 'ftp://me:hunter2@x/y?hunter2 is no URL' }
  t.equal((await tell(api, '/2/end', end)).statusCode, 204)
  t.equal((await tell(api, '/2/end', end)).statusCode, 204, 'who tells it again is told that it is there')
  const rows = await store.audit.after(0, 2_000)
  t.match(followAudit(auditStart, rows), { kind: 'fits', head: { seq: 1_004 } })
  t.strictSame(JSON.parse(rows[1]?.row ?? ''), {
    act: 'image imported',
    at: 7,
    from: 'the socket file',
    kind: 'begun',
    on: 'noble@1',
    order: { from: 'https://images.example/noble.img', sha256: 'f'.repeat(64) },
    role: 'admin',
    seq: 2,
    who: 'local',
  })
  t.match(JSON.parse(rows.at(-1)?.row ?? ''), {
    kind: 'ended',
    begun: 2,
    exitCode: 1,
    outcome: 'ftp://x/y is no URL',
  })
  t.notOk(JSON.stringify(rows).includes('hunter2'))
})

t.test('only acts on the image store can be told so, and ended', async (t) => {
  const desk = aDesk()
  const api = await overLoopback(t, apiApp(desk))
  await desk.audit.write({ kind: 'begun', act: 'token made', who: 'local', role: 'admin', from: 'x' })
  for (const number of ['1', '2', '0', '-1', 'x', '1e99'])
    t.equal((await tell(api, `/${number}/end`, { exitCode: 0 })).statusCode, 409, number)
  t.equal((await tell(api, '', { act: 'token made' })).statusCode, 400)
  t.equal((await tell(api, '', { act: 'images swept', who: 'somebody' })).statusCode, 400)
  t.equal((await tell(api, '/1/end', { exitCode: 0.5 })).statusCode, 400)
  t.equal((await desk.audit.head()).seq, 1)
})

t.test('nobody tells them over the network, and an admin who tries is on record', async (t) => {
  const desk = aDesk()
  const api = await anHttpsApi(t, { audit: desk.audit })
  const headers = bearer(await api.token('admin'))
  const path = '/api/v1/image-acts'
  const body = JSON.stringify({ act: 'images swept' })
  const { status } = await api.ask({ path, method: 'POST', headers, body })
  t.equal(status, 403)
  const [only, ...others] = await desk.audit.rows({ limit: 9 })
  t.strictSame(others, [])
  t.match(JSON.parse(only?.row ?? ''), { kind: 'refused', act: `POST ${path}`, status: 403, role: 'admin' })
})

t.test('a store without room is told by a status of its own', async (t) => {
  const write = async () => await Promise.reject(new StoreFault('full', 'There is no room left.'))
  const api = await overLoopback(t, apiApp(aDesk({ audit: { ...aDesk().audit, write } })))
  t.match(await tell(api, '', { act: 'images swept' }), { statusCode: 507, body: /no room left/ })
})
