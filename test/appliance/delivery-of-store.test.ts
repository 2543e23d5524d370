import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startDelivery } from '../../server/appliance/delivery.ts'
import { sweepImages } from '../../server/appliance/image-jobs.ts'
import { imageStoreName } from '../../server/appliance/image-shelf.ts'
import { testFolder } from '../folder.ts'
import { until } from '../http/over-loopback.ts'
import { aManifest, aStore, digestOf, put, someBytes } from '../images/a-store.ts'
import { freePort, ownAddress } from '../own-address.ts'
import { aConfig } from './a-config.ts'

async function started(dataFolder: string, trouble: (because: string) => void = () => {}) {
  const port = await freePort()
  const order = {
    places: [{ network: 'lab', address: ownAddress }],
    port,
    streams: 4,
    images: [],
    dataFolder,
  }
  const nothing = (): void => {}
  const news = { delivered: nothing, underWay: nothing, happened: nothing, trouble, ready: nothing }
  return { port, delivery: await startDelivery(order, news) }
}

async function aBox(t: Test) {
  const dataFolder = testFolder(t)
  const { port, delivery } = await started(dataFolder)
  t.teardown(async () => await delivery[Symbol.asyncDispose]())
  const publish = async (version: string, squashfs: Buffer): Promise<void> => {
    using store = await aStore(join(dataFolder, imageStoreName))
    const files = { squashfs: { ...(await put(store, squashfs)), form: 'squashfs' as const } }
    await store.publishManifest(aManifest(files, { version, publishedAt: Number(version) }))
  }
  const ask = async (path: string): Promise<IncomingMessage> => {
    const [response] = (await once(get({ host: ownAddress, port, path }), 'response')) as [IncomingMessage]
    return response
  }
  return { config: aConfig({ dataFolder, imageStore: { keep: 1 } }), publish, ask }
}

async function digestOfBody(response: IncomingMessage): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of response as AsyncIterable<Buffer>) hash.update(bytes)
  return hash.digest('hex')
}

t.test('what is published is delivered at once, by its name and by its version', async (t) => {
  const { publish, ask } = await aBox(t)
  t.equal((await ask('/images/noble/squashfs')).resume().statusCode, 404)
  const [first, second] = [someBytes(300_000), someBytes(300_000)]
  await publish('1', first)
  const response = await ask('/images/noble/squashfs')
  t.equal(response.headers.etag, `"${digestOf(first)}"`, 'the digest is the tag')
  t.equal(await digestOfBody(response), digestOf(first))
  await publish('2', second)
  t.equal(await digestOfBody(await ask('/images/noble/squashfs')), digestOf(second))
  t.equal(await digestOfBody(await ask('/images/noble@1/squashfs')), digestOf(first))
  t.equal(await digestOfBody(await ask('/images/noble%401/squashfs')), digestOf(first), 'as iPXE writes it')
  for (const path of ['/images/noble@3/squashfs', '/images/noble/kernel', '/images/..%2fblobs/squashfs']) {
    t.equal((await ask(path)).resume().statusCode, 404, path)
  }
})

t.test('a version that is swept while it goes out arrives whole', async (t) => {
  const { config, publish, ask } = await aBox(t)
  const old = someBytes(40_000_000)
  await publish('1', old)
  await publish('2', someBytes(1_000))
  const response = await ask('/images/noble@1/squashfs')
  // More than the sockets hold: the rest is read from a file that has no name any more.
  t.match(await sweepImages(config, { now: Date.now(), orphansKeptMs: 0 }), {
    sweep: { versions: ['noble@1'], blobs: { length: 1 } },
  })
  t.equal(await digestOfBody(response), digestOf(old))
  t.equal((await ask('/images/noble@1/squashfs')).resume().statusCode, 404)
})

/** The processes that this one has started (proc(5), children). */
function children(): readonly number[] {
  const threads = readdirSync('/proc/self/task')
  const told = threads.map((thread) => readFileSync(`/proc/self/task/${thread}/children`, 'utf8'))
  return told.join('').split(' ').filter(Boolean).map(Number)
}

t.test('a box that stops while its process is started again leaves none behind', async (t) => {
  const troubles: string[] = []
  const { delivery } = await started(testFolder(t), (because) => void troubles.push(because))
  const [first = 0, ...others] = children()
  t.strictSame(others, [])
  process.kill(first, 'SIGKILL')
  await until(() => troubles.length > 0 && children().length > 0)
  await delivery[Symbol.asyncDispose]()
  t.strictSame(children(), [])
  t.match(troubles, [/ended \(SIGKILL\); it is started again in 100 ms/])
})
