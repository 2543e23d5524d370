import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { bmcTransport } from '../../server/listen/bmc-transport.ts'
import { webhookControl } from '../../server/power/webhook.ts'

async function aHook(t: Test, status: number, token?: string) {
  const heard: object[] = []
  const server = createServer((request, response) => {
    void answer(request, response)
  }).listen(0, '127.0.0.1')
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url, headers } = request
    const body: unknown = JSON.parse(await text(request))
    heard.push({ method, url, authorization: headers.authorization, body })
    response.writeHead(status).end()
  }
  await once(server, 'listening')
  t.teardown(() => server.close())
  const control = webhookControl({
    transport: bmcTransport(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      kind: 'insecure',
    }),
    path: '/pdu?rack=1',
    token: async () => await Promise.resolve(token),
    about: { machine: 'k3v7m2pq', macs: ['52:54:00:12:34:56'] },
  })
  const machine = { uuid: undefined, firmware: undefined }
  const over = AbortSignal.timeout(120_000)
  return { heard, control, machine, over }
}

t.test('a webhook is told what is wanted of which machine', async (t) => {
  const { heard, control, machine, over } = await aHook(t, 204, 'hook-token')
  t.match(await control.turn({ action: 'cycle', boot: 'network', machine, over }), { state: 'unknown' })
  t.strictSame(heard, [
    {
      method: 'POST',
      url: '/pdu?rack=1',
      authorization: 'Bearer hook-token',
      body: { action: 'cycle', boot: 'network', machine: 'k3v7m2pq', macs: ['52:54:00:12:34:56'] },
    },
  ])
})

t.test('what it does not take is told, and it does not say whether a machine is on', async (t) => {
  for (const [status, kind] of [
    [401, 'unauthorized'],
    [500, 'refused'],
    [302, 'refused'],
  ] as const) {
    const { control, machine, over } = await aHook(t, status)
    await t.rejects(control.turn({ action: 'on', machine, over }), {
      kind,
      message: new RegExp(String(status)),
    })
  }
  const { control, machine, over, heard } = await aHook(t, 200)
  await t.rejects(control.state({ machine, over }), { kind: 'unsupported', message: /does not say/ })
  t.strictSame(heard, [])
})
