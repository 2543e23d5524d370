import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { apiApp, type ApiDesk } from '../../server/http/api-app.ts'
import { listenSocketFile } from '../../server/listen/http.ts'
import { StoreFault } from '../../server/store/store-fault.ts'
import { aDesk } from '../http/an-api-desk.ts'
import { rawDisk } from '../images/some-images.ts'
import { imagesCommand } from './images-command.ts'

function aBox(t: Test) {
  // Not testFolder: the path of a socket file has at most 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-images-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const yaml = join(folder, 'ironwake.yaml')
  const data = join(folder, 'data')
  writeFileSync(yaml, `data: ${JSON.stringify(data)}\n`)
  writeFileSync(join(folder, 'disk'), rawDisk(500_000))
  const call = async (...words: readonly string[]) => await imagesCommand(yaml, words)
  const bring = async (version: string) =>
    await call('import', join(folder, 'disk'), '--name', 'noble', '--version', version)
  return { data, call, bring, socket: join(data, 'ironwake.sock') }
}

t.test('where there is no image store, what brings nothing makes none, and no log', async (t) => {
  const { data, call } = aBox(t)
  t.match(await call('pin', 'noble'), { code: 1, err: /no image noble/ })
  t.match(await call('sweep'), { code: 0, out: 'Nothing was to be swept.' })
  t.match(await call('verify'), { code: 0 })
  t.notOk(existsSync(data))
})

t.test('a log without room keeps nobody from making some, and is no way around it else', async (t) => {
  const { data, call, bring, socket } = aBox(t)
  t.match(await bring('1'), { code: 0 })
  t.match(await bring('2'), { code: 0 })
  const write: ApiDesk['audit']['write'] = async () =>
    await Promise.reject(new StoreFault('full', 'There is no room left.'))
  const desk = aDesk({ audit: { ...aDesk().audit, write } })
  await using listener = await listenSocketFile(apiApp(desk), socket)
  void listener
  t.match(await bring('3'), { code: 1, err: /There is no room left/ })
  t.match(await call('pin', 'noble'), { code: 1, err: /There is no room left/ })
  t.notOk(existsSync(join(data, 'images', 'pins')))
  t.match(await call('remove', 'noble@1', '--output', 'json'), {
    code: 0,
    out: /"version": "noble@1"/,
    err: /The audit log has no room for a row, so this is not in it/,
  })
  t.match(await call('sweep'), { code: 0, err: /so this is not in it/ })
})

t.test('a box of a version that has no such log is named, and nothing is done', async (t) => {
  const { call, bring, socket } = aBox(t)
  t.match(await bring('1'), { code: 0 })
  const server = createServer((_request, response) => void response.writeHead(404).end())
  server.listen(socket)
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.match(await call('remove', 'noble@1'), { code: 1, err: /cannot be told of it.*\nStart the appliance/ })
  t.match(await call('show', 'noble@1'), { code: 0 })
})

t.test('an end that cannot be told is said, and the act counts as it went', async (t) => {
  const { call, bring, socket } = aBox(t)
  t.match(await bring('1'), { code: 0 })
  const desk = aDesk()
  let isBegun = false
  const write: ApiDesk['audit']['write'] = async (entry) => {
    if (isBegun) throw new Error('the disk is gone')
    isBegun = true
    return await desk.audit.write(entry)
  }
  await using listener = await listenSocketFile(apiApp({ ...desk, audit: { ...desk.audit, write } }), socket)
  void listener
  t.match(await call('pin', 'noble'), {
    code: 0,
    out: /^noble@1 is pinned/,
    err: /How it ended is not in the audit log: the disk is gone/,
  })
})
