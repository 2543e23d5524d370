import { createServer } from 'node:net'
import { once } from 'node:events'
import { mock } from 'node:test'
import { connect } from 'node:tls'
import t from 'tap'
import { authorityOfBox, listenApi } from '../../server/appliance/api-listener.ts'
import type { ApplianceEvent } from '../../server/events/event.ts'
import { aConfig } from '../appliance/a-config.ts'
import { testFolder } from '../folder.ts'
import { ip } from '../networks/a-network.ts'
import { freePort, ownAddress } from '../own-address.ts'
import { anHttpsApi } from './an-https-api.ts'
import { until } from './over-loopback.ts'

t.afterEach(() => mock.timers.reset())

t.test('a stream of events shows that its line holds, and ends when its token is revoked', async (t) => {
  const api = await anHttpsApi(t)
  const token = await api.token('viewer')
  const socket = connect({ host: '127.0.0.1', port: api.port, ca: api.authority.certificatePem })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  mock.timers.enable({ apis: ['setInterval'] })
  let text = ''
  socket.setEncoding('utf8').on('data', (part: string) => (text += part))
  socket.write(
    `GET /api/v1/events/stream HTTP/1.1\r\nHost: box\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  )
  await until(() => /^HTTP\/1\.1 200 [\s\S]*\r\n\r\n/.test(text))
  mock.timers.tick(15_000)
  await until(() => text.includes(': still here\n\n'))
  await api.tokens.revoke(token.slice(3, 11))
  const over = once(socket, 'end')
  mock.timers.tick(15_000)
  await over
  t.equal(text.match(/still here/g)?.length, 1, 'who is revoked hears nothing more')
})

t.test('an address that could not be opened is tried again each minute, and told of once', async (t) => {
  const port = await freePort()
  const taken = createServer().listen(port, ownAddress)
  await once(taken, 'listening')
  const happened: ApplianceEvent[] = []
  const heard = (kind: ApplianceEvent['kind']) => happened.filter((event) => event.kind === kind)
  const config = aConfig({
    dataFolder: testFolder(t),
    api: { listen: { kind: 'addresses', addresses: [ip(ownAddress)] }, port, names: [] },
  })
  let wake = (): void => {}
  const tell = (event: ApplianceEvent): void => {
    happened.push(event)
    wake()
  }
  const authority = await authorityOfBox(config, Date.now(), tell)
  mock.timers.enable({ apis: ['setInterval'] })
  const app = (): void => {}
  const parts = { config, authority, app, served: [], tell, now: () => Date.now() }
  await using listening = await listenApi(parts)
  t.match(heard('api-unusable'), [{ because: /is taken by another program/ }])
  taken.close()
  await once(taken, 'close')
  const ready = new Promise<void>((resolve) => (wake = resolve))
  mock.timers.tick(60_000)
  await ready
  t.match(heard('api-ready'), [{ at: `https://${ownAddress}:${port}` }])
  t.equal(heard('api-unusable').length, 1)
  t.ok(listening)
})
