import { once } from 'node:events'
import { readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { deliveryApp, type Delivery, type FastWay } from '../../server/http/delivery-app.ts'
import { fileInFolder } from '../../server/http/image-files.ts'
import { sendFile } from '../../server/listen/send-file.ts'
import { testFolder } from '../folder.ts'
import { overLoopback, until } from '../http/over-loopback.ts'

/** Larger than what the sockets between two programs take at once. */
const image = Buffer.from(Uint8Array.from({ length: 9_000_001 }, (_, at) => (at * 7) ^ (at >>> 11)))
const path = '/images/debian/squashfs'

async function served(t: Test, way: FastWay = sendFile) {
  const folder = testFolder(t)
  writeFileSync(join(folder, 'squashfs'), image)
  writeFileSync(join(folder, 'initrd'), '')
  const delivered: Delivery[] = []
  const fast: boolean[] = []
  const app = deliveryApp(
    (_image, file) => fileInFolder(folder, file),
    (delivery) => void delivered.push(delivery),
    {
      fastWay: async (...given) => {
        const done = await way(...given)
        fast.push(done)
        return done
      },
    },
  )
  return { ...(await overLoopback(t, app)), folder, delivered, fast }
}

t.test('a whole file and its ranges come as they are, past the buffers of the sockets', async (t) => {
  const { ask, fast, delivered } = await served(t)
  t.ok(image.equals((await ask({ url: path })).rawPayload))
  for (const [from, to] of [
    [0, 0],
    [1, 8_000_000],
    [4_095, 4_097],
    [9_000_000, 9_000_000],
  ] as const) {
    const { rawPayload, statusCode } = await ask({ url: path, headers: { range: `bytes=${from}-${to}` } })
    t.equal(statusCode, 206)
    t.ok(image.subarray(from, to + 1).equals(rawPayload), `${from}-${to}`)
  }
  t.equal((await ask({ url: '/images/debian/initrd' })).rawPayload.length, 0)
  t.strictSame(fast, [true, true, true, true, true], 'all but the empty one the fast way')
  await until(() => delivered.length === 6)
  t.ok(delivered.every(({ complete }) => complete))
})

t.test('sixteen clients at once each get every byte', async (t) => {
  const { ask } = await served(t)
  const replies = await Promise.all(Array.from({ length: 16 }, async () => await ask({ url: path })))
  t.ok(replies.every(({ rawPayload }) => image.equals(rawPayload)))
})

t.test('where it cannot be done the file is read instead', async (t) => {
  const { ask } = await served(t, async () => await Promise.resolve(false))
  t.ok(image.equals((await ask({ url: path })).rawPayload))
})

t.test('requests sent one behind the other on one connection are answered in their order', async (t) => {
  const { port } = await served(t)
  const socket = connect(port, '127.0.0.1')
  const ask = (range: string, end: string): string =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nRange: bytes=${range}\r\n${end}\r\n`
  socket.write(ask('0-4999999', '') + ask('5000000-5000009', '') + ask('-3', 'Connection: close\r\n'))
  const all = Buffer.concat(await socket.toArray())
  let rest = all
  const bodies = [5_000_000, 10, 3].map((length) => {
    const begin = rest.indexOf('\r\n\r\n') + 4
    const body = rest.subarray(begin, begin + length)
    rest = rest.subarray(begin + length)
    return body
  })
  t.ok(image.subarray(0, 5_000_000).equals(bodies[0]!))
  t.ok(image.subarray(5_000_000, 5_000_010).equals(bodies[1]!))
  t.ok(image.subarray(-3).equals(bodies[2]!))
  t.equal(rest.length, 0)
})

t.test('a client that hangs up leaves no descriptor behind, and is told with what it got', async (t) => {
  const { port, delivered } = await served(t)
  await hungUp(port)
  await until(() => delivered.length === 1)
  const before = readdirSync('/proc/self/fd').length
  for (let i = 0; i < 20; i++) await hungUp(port)
  await until(() => delivered.length === 21)
  for (const { complete, byteCount } of delivered)
    t.ok(!complete && byteCount > 0 && byteCount < image.length)
  await until(() => readdirSync('/proc/self/fd').length <= before)
  t.pass('as many descriptors as before')
})

t.test('a file that becomes shorter breaks the connection off: its length was announced', async (t) => {
  const { port, folder, delivered } = await served(t)
  const asked = request({ port, path }).end()
  const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream]
  truncateSync(join(folder, 'squashfs'), 1_000_000)
  await t.rejects(once(response.resume(), 'end'))
  await until(() => delivered.length === 1)
  t.equal(delivered[0]?.complete, false)
})

async function hungUp(port: number): Promise<void> {
  const asked = request({ port, path, agent: false }).end()
  asked.on('error', () => {})
  const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream]
  await once(response, 'data')
  asked.destroy()
}
