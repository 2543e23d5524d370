import { writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { deliveryApp, type Delivery } from '../../server/http/delivery-app.ts'
import { fileInFolder } from '../../server/http/image-files.ts'
import { StreamQueue } from '../../server/http/stream-queue.ts'
import { sendFile } from '../../server/listen/send-file.ts'
import { testFolder } from '../folder.ts'
import { firstPiece, overLoopback, until } from './over-loopback.ts'

const never = new AbortController().signal

t.test('so many go in at once, the others in the order they came', async (t) => {
  const queue = new StreamQueue(2, () => {})
  const [first, second] = [await queue.enter(never).turn, await queue.enter(never).turn]
  const came: number[] = []
  const enter = async (number: number): Promise<void> => {
    using stream = await queue.enter(never).turn
    t.ok(stream)
    came.push(number)
  }
  const others = [enter(3), enter(4), enter(5)]
  t.equal(queue.waiting, 3)
  t.strictSame(came, [])
  first?.[Symbol.dispose]()
  first?.[Symbol.dispose]()
  await Promise.all(others)
  t.strictSame(came, [3, 4, 5], 'and a place that is left twice is one place')
  second?.[Symbol.dispose]()
  t.equal(queue.waiting, 0)
})

t.test('who hangs up waits no longer and takes no place', async (t) => {
  const queue = new StreamQueue(1, () => {})
  const stream = await queue.enter(never).turn
  const gone = new AbortController()
  const waiting = queue.enter(gone.signal).turn
  gone.abort()
  t.equal(await waiting, undefined)
  t.equal(await queue.enter(gone.signal).turn, undefined)
  stream?.[Symbol.dispose]()
  t.ok(await queue.enter(never).turn, 'the place is free')
})

t.test('that some wait is told once, not for each of them', async (t) => {
  const told: unknown[] = []
  const queue = new StreamQueue(1, (news) => told.push(news))
  using _ = await queue.enter(never).turn
  const gone = new AbortController()
  const waiting = [queue.enter(gone.signal).turn, queue.enter(gone.signal).turn]
  gone.abort()
  t.strictSame(await Promise.all(waiting), [undefined, undefined])
  t.strictSame(told, [{ streams: 1, waiting: 1 }])
})

t.test('a big file begins at once and goes on in its turn; small ones do not wait', async (t) => {
  const folder = testFolder(t)
  const image = Buffer.from(Uint8Array.from({ length: 1_000_000 }, (_, at) => at * 7))
  writeFileSync(join(folder, 'squashfs'), image)
  const delivered: Delivery[] = []
  const queue = new StreamQueue(1, () => {})
  for (const fastWay of [sendFile, undefined]) {
    const ways = fastWay === undefined ? { queue } : { queue, fastWay }
    const app = deliveryApp(
      (_image, file) => fileInFolder(folder, file),
      (delivery) => void delivered.push(delivery),
      ways,
    )
    const { ask, port } = await overLoopback(t, app)
    const url = '/images/debian/squashfs'
    const held = await queue.enter(never).turn
    const asked = request({ port, host: '127.0.0.1', path: url }).end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    const first = await firstPiece(response)
    t.ok(first.length <= 16 * 1024, 'a taste of it while it waits')
    t.equal(queue.waiting, 1)
    t.equal((await ask({ method: 'HEAD', url })).statusCode, 200)
    t.equal((await ask({ url, headers: { range: 'bytes=0-99' } })).statusCode, 206)
    held?.[Symbol.dispose]()
    t.ok(image.equals(Buffer.concat([first, ...(await response.toArray())])))
    t.ok(image.equals((await ask({ url })).rawPayload), 'its place was left')
  }
  await until(() => delivered.length === 6)
  t.ok(delivered.every(({ complete }) => complete))
})

t.test('a client that hangs up while it waits leaves the queue', async (t) => {
  const folder = testFolder(t)
  writeFileSync(join(folder, 'squashfs'), Buffer.alloc(1_000_000))
  const delivered: Delivery[] = []
  const queue = new StreamQueue(1, () => {})
  const app = deliveryApp(
    (_image, file) => fileInFolder(folder, file),
    (delivery) => void delivered.push(delivery),
    { queue },
  )
  const { port, ask } = await overLoopback(t, app)
  const held = await queue.enter(never).turn
  const asked = request({ port, host: '127.0.0.1', path: '/images/debian/squashfs' }).end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  await once(response, 'data')
  asked.destroy()
  await until(() => delivered.length === 1)
  t.match(delivered, [{ complete: false, status: 200 }])
  await until(() => queue.waiting === 0)
  held?.[Symbol.dispose]()
  t.equal((await ask({ url: '/images/debian/squashfs' })).rawPayload.length, 1_000_000)
})
