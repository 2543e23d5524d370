import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { deliveryApp, type Delivery } from '../../server/http/delivery-app.ts'
import { fileInFolder } from '../../server/http/image-files.ts'
import { LinkBudget } from '../../server/http/link-budget.ts'
import { StreamQueue } from '../../server/http/stream-queue.ts'
import type { UnderWay } from '../../server/http/under-way.ts'
import { sendFile } from '../../server/listen/send-file.ts'
import { testFolder } from '../folder.ts'
import { overLoopback, until } from './over-loopback.ts'

const image = Buffer.from(Uint8Array.from({ length: 6_000_001 }, (_, at) => (at * 7) ^ (at >>> 11)))
const url = '/images/debian/squashfs'

/** A link with a count of what is allowed and not given back. */
class CountedLink {
  readonly #link = new LinkBudget(2e9, () => {})
  allowed = 0

  get most(): number {
    return this.#link.most
  }

  async take(wanted: number): Promise<number> {
    const allowed = await this.#link.take(wanted)
    this.allowed += allowed
    return allowed
  }

  giveBack(byteCount: number): void {
    this.allowed -= byteCount
    this.#link.giveBack(byteCount)
  }
}

async function served(t: Test, way: 'fast' | 'reading') {
  const folder = testFolder(t)
  writeFileSync(join(folder, 'squashfs'), image)
  const link = new CountedLink()
  const delivered: Delivery[] = []
  const underWay: UnderWay[] = []
  const queue = new StreamQueue(4, () => {})
  const app = deliveryApp(
    (_image, file) => fileInFolder(folder, file),
    (delivery) => void delivered.push(delivery),
    {
      ...(way === 'fast' ? { fastWay: sendFile } : {}),
      queue,
      link,
      underWay: (told) => void underWay.push(told),
    },
  )
  return { ...(await overLoopback(t, app)), link, delivered, underWay, queue }
}

for (const way of ['fast', 'reading'] as const) {
  t.test(`${way}: what comes over a link that is shared is whole, and each byte was allowed`, async (t) => {
    const { ask, link, delivered, underWay, queue } = await served(t, way)
    const held = [0, 1, 2, 3].map(() => queue.enter(new AbortController().signal).turn)
    const asked = Array.from({ length: 8 }, async () => await ask({ url }))
    await until(() => underWay.length === 8)
    t.strictSame(
      underWay.map((told) => told.kind === 'queued' && told.ahead),
      [0, 1, 2, 3, 4, 5, 6, 7],
    )
    for (const stream of held) (await stream)?.[Symbol.dispose]()
    const replies = await Promise.all(asked)
    t.ok(replies.every(({ rawPayload }) => image.equals(rawPayload)))
    const part = await ask({ url, headers: { range: 'bytes=1000000-4999999' } })
    t.ok(image.subarray(1_000_000, 5_000_000).equals(part.rawPayload))
    const small = await ask({ url, headers: { range: 'bytes=-7' } })
    t.ok(image.subarray(-7).equals(small.rawPayload))
    await until(() => delivered.length === 10)
    t.equal(link.allowed, 8 * image.length + 4_000_000 + 7)
    const begun = underWay.slice(8)
    t.equal(begun.length, 8, 'and each is told of when its turn has come')
    t.match(begun[0], { kind: 'going-out', from: '127.0.0.1', file: 'debian/squashfs', ofBytes: 6_000_001 })
  })

  t.test(`${way}: who hangs up takes no more of the link than was sent`, async (t) => {
    const { ask, port, link, delivered } = await served(t, way)
    for (let round = 1; round <= 10; round++) {
      const asked = request({ port, host: '127.0.0.1', path: url, agent: false }).end()
      asked.on('error', () => {})
      const [response] = (await once(asked, 'response')) as [IncomingMessage]
      await once(response, 'data')
      asked.destroy()
      await until(() => delivered.length === round)
    }
    const told = delivered.reduce((sum, { byteCount }) => sum + byteCount, 0)
    await until(() => link.allowed <= told)
    t.equal(link.allowed, told)
    t.ok(image.equals((await ask({ url })).rawPayload), 'and the next is served')
  })
}
