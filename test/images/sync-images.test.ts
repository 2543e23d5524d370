import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Upstream as CatalogueUpstream } from '../../server/images/catalogue.ts'
import type { Manifest } from '../../server/images/manifest.ts'
import type { BlobStore } from '../../server/images/blob-store.ts'
import { syncImages, type SyncOrder } from '../../server/images/sync-images.ts'
import type { SyncOutcome, SyncStep } from '../../server/images/sync-report.ts'
import { testFolder } from '../folder.ts'
import { aSigner, type Signer } from './a-signer.ts'
import { aStore, digestOf, someBytes } from './a-store.ts'
import { catalogueOf, ephemeral, ephemeralStream, publishStreams, type Products } from './a-stream.ts'
import {
  answers,
  anUpstream,
  cutAfter,
  endless,
  otherBytes,
  raw,
  stallsAfter,
  type Upstream,
} from './an-upstream.ts'
import { someTools, type SomeTools } from './some-tools.ts'

const signer = await aSigner('images')
const stranger = await aSigner('stranger')
const files = () => ({ kernel: someBytes(5_000), initrd: someBytes(7_000), squashfs: someBytes(300_000) })

type Scene = AsyncDisposable & {
  readonly upstream: Upstream
  readonly catalogue: CatalogueUpstream
  readonly store: BlobStore
  readonly tools: SomeTools
  readonly steps: SyncStep[]
  sync(
    images: readonly string[],
    other?: Partial<SyncOrder> & { prepare?: Prepare; onStep?: (step: SyncStep) => void },
  ): Promise<SyncOutcome>
  offer(products: Products, by?: Signer): Promise<void>
  blobs(): number
  incoming(): readonly string[]
}
type Prepare = (fetched: Manifest) => Promise<Manifest>

async function aScene(t: Test, other: Parameters<typeof someTools>[0] = {}): Promise<Scene> {
  const folder = testFolder(t)
  await using opened = new AsyncDisposableStack()
  const store = opened.use(await aStore(folder))
  const upstream = opened.use(await anUpstream())
  const tools = someTools(other)
  const steps: SyncStep[] = []
  const catalogue = catalogueOf('images-maas-io', upstream, signer)
  const rest = opened.move()
  return {
    upstream,
    catalogue,
    store,
    tools,
    steps,
    async sync(images, { prepare, onStep, ...other } = {}) {
      return await syncImages(
        { upstreams: [catalogue], images, versions: 1, ...other },
        {
          ...tools,
          store,
          readKeyring: async () => signer.keyringFile,
          downloads: 3,
          rate: undefined,
          prepare: prepare ?? (async (manifest) => manifest),
          report(step) {
            steps.push(step)
            onStep?.(step)
          },
        },
      )
    },
    async offer(products, by = signer) {
      await publishStreams(upstream, by, { [ephemeralStream]: products })
    },
    blobs: () =>
      readdirSync(join(folder, 'blobs'), { recursive: true, withFileTypes: true }).filter((one) =>
        one.isFile(),
      ).length,
    incoming: () => readdirSync(join(folder, 'incoming')).filter((name) => name.endsWith('.part')),
    [Symbol.asyncDispose]: async () => await rest.disposeAsync(),
  }
}

t.test(
  'the newest version of an image is fetched, checked and published with where it came from',
  async (t) => {
    await using scene = await aScene(t)
    const [older, newer] = [files(), files()]
    await scene.offer(ephemeral('24.04', 'amd64', 'ga-24.04', { '20250618': older, '20250709': newer }))
    const outcome = await scene.sync(['ubuntu-24.04-amd64'])
    t.strictSame(outcome.refused, [])
    const [manifest] = await scene.store.manifests()
    t.match(manifest, {
      name: 'ubuntu-24.04-amd64',
      version: '20250709',
      architecture: 'amd64',
      origin: {
        kind: 'stream',
        url: scene.upstream.base,
        product: 'com.ubuntu.maas.stable:v3:boot:24.04:amd64:ga-24.04',
      },
    })
    t.strictSame(manifest?.files, {
      kernel: { sha256: digestOf(newer.kernel), byteCount: 5_000, form: 'plain' },
      initrd: { sha256: digestOf(newer.initrd), byteCount: 7_000, form: 'plain' },
      squashfs: { sha256: digestOf(newer.squashfs), byteCount: 300_000, form: 'squashfs' },
    })
    t.equal(outcome.byteCount, 312_000)
    t.match(scene.steps[0], { kind: 'asking', upstream: 'images.maas.io' })
    t.match(
      scene.steps.find(({ kind }) => kind === 'planned'),
      { images: ['ubuntu-24.04-amd64@20250709'], present: [], files: 3, byteCount: 312_000 },
    )
    t.match(
      scene.steps.findLast(({ kind }) => kind === 'progress'),
      { byteCount: 312_000, of: 312_000, filesDone: 3 },
    )
    t.match(scene.steps.at(-1), { kind: 'published', image: 'ubuntu-24.04-amd64@20250709' })
  },
)

t.test('a second sync asks for the lists and does nothing else', async (t) => {
  await using scene = await aScene(t)
  await scene.offer(ephemeral('24.04', 'amd64', 'ga-24.04', { '20250709': files() }))
  await scene.sync(['ubuntu-24.04-amd64'])
  const before = scene.upstream.asked.length
  const again = await scene.sync(['ubuntu-24.04-amd64'])
  t.strictSame(again.published, [])
  t.strictSame(again.present, ['ubuntu-24.04-amd64@20250709'])
  t.strictSame(
    scene.upstream.asked.slice(before).map(({ path }) => path),
    ['streams/v1/index.sjson', `streams/v1/${ephemeralStream}.sjson`],
  )
  t.equal((await scene.store.manifests()).length, 1)
})

t.test('what several images have in common is fetched once', async (t) => {
  await using scene = await aScene(t)
  const [ga, hwe] = [files(), files()]
  await scene.offer({
    ...ephemeral('24.04', 'amd64', 'ga-24.04', { '20250709': ga }),
    ...ephemeral('24.04', 'amd64', 'hwe-24.04', { '20250709': { ...hwe, squashfs: ga.squashfs } }),
  })
  const outcome = await scene.sync(['ubuntu-24.04-amd64', 'ubuntu-24.04-hwe-amd64', 'ubuntu-24.04-amd64'])
  t.equal(outcome.published.length, 2)
  t.equal(scene.blobs(), 5)
  const squashfs = scene.upstream.asked.filter(({ path }) => path.endsWith('/squashfs'))
  t.equal(squashfs.length, 1)
})

t.test('`*` takes each long-term release from 22.04 on, also those that are not out yet today', async (t) => {
  await using scene = await aScene(t)
  await scene.offer({
    ...ephemeral('20.04', 'amd64', 'ga-20.04', { '1': files() }),
    ...ephemeral('22.04', 'amd64', 'ga-22.04', { '1': files() }),
    ...ephemeral('25.10', 'amd64', 'ga-25.10', { '1': files() }),
    ...ephemeral('28.04', 'amd64', 'ga-28.04', { '1': files() }),
    ...ephemeral('28.04', 'arm64', 'ga-28.04', { '1': files() }),
    ...ephemeral('28.04', 's390x', 'ga-28.04', { '1': files() }),
  })
  const names = async () => (await scene.store.manifests()).map(({ name }) => name).toSorted()
  await scene.sync(['ubuntu-*-amd64'])
  t.strictSame(await names(), ['ubuntu-22.04-amd64', 'ubuntu-28.04-amd64'])
  await scene.sync(['ubuntu-28.04-*', 'ubuntu-25.10-amd64'])
  t.strictSame(await names(), [
    'ubuntu-22.04-amd64',
    'ubuntu-25.10-amd64',
    'ubuntu-28.04-amd64',
    'ubuntu-28.04-arm64',
  ])
})

t.test(
  'so many of the newest versions as are asked for, and the newest of them counts as the newest',
  async (t) => {
    await using scene = await aScene(t)
    const versions = { '20250101': files(), '20250709': files(), '20250618': files() }
    await scene.offer(ephemeral('24.04', 'amd64', 'ga-24.04', versions))
    const outcome = await scene.sync(['ubuntu-24.04-amd64'], { versions: 2 })
    t.strictSame(
      outcome.published.map(({ version }) => version),
      ['20250618', '20250709'],
    )
    const [first, second] = outcome.published
    t.ok((first?.publishedAt ?? 0) <= (second?.publishedAt ?? 0))
  },
)

t.test('a version that was built only in part is passed over', async (t) => {
  await using scene = await aScene(t)
  const products = ephemeral('24.04', 'amd64', 'ga-24.04', { '20250618': files(), '20250709': files() })
  await publishStreams(
    scene.upstream,
    signer,
    { [ephemeralStream]: products },
    { change: (_, text) => text.replace(/("20250709"[\s\S]*?)"boot-initrd"/, '$1"boot-other"') },
  )
  const outcome = await scene.sync(['ubuntu-24.04-amd64'])
  t.strictSame(
    outcome.published.map(({ version }) => version),
    ['20250618'],
  )
})

t.test('what is published is what the preparation gives', async (t) => {
  await using scene = await aScene(t)
  await scene.offer(ephemeral('24.04', 'amd64', 'ga-24.04', { '20250709': files() }))
  const prepare: Prepare = async (fetched) => {
    const { squashfs, ...rest } = fetched.files
    if (squashfs === undefined) throw new Error('it was fetched')
    return { ...fetched, files: { ...rest, root: { ...squashfs, form: 'tar-gz' } } }
  }
  await scene.sync(['ubuntu-24.04-amd64'], { prepare })
  const [manifest] = await scene.store.manifests()
  t.strictSame(Object.keys(manifest?.files ?? {}).toSorted(), ['initrd', 'kernel', 'root'])
  const again = await scene.sync(['ubuntu-24.04-amd64'], { prepare })
  t.strictSame(again.present, ['ubuntu-24.04-amd64@20250709'])
})

t.test('one image that fails leaves the others alone, and nothing of it is published', async (t) => {
  await using scene = await aScene(t)
  await scene.offer({
    ...ephemeral('22.04', 'amd64', 'ga-22.04', { '1': files() }),
    ...ephemeral('24.04', 'amd64', 'ga-24.04', { '1': files() }),
  })
  scene.upstream.misbehave(
    'noble/amd64/1/ga-24.04/generic/boot-initrd',
    otherBytes((bytes) => bytes.fill(0)),
  )
  const outcome = await scene.sync(['ubuntu-24.04-amd64', 'ubuntu-22.04-amd64'])
  t.strictSame(
    outcome.published.map(({ name }) => name),
    ['ubuntu-22.04-amd64'],
  )
  t.match(outcome.refused, [{ image: 'ubuntu-24.04-amd64@1', because: /boot-initrd is not what was signed/ }])
  t.strictSame(scene.incoming(), [])

  scene.upstream.behave()
  const before = scene.upstream.asked.length
  const again = await scene.sync(['ubuntu-24.04-amd64', 'ubuntu-22.04-amd64'])
  t.equal(again.published.length, 1)
  const fetched = scene.upstream.asked.slice(before).map(({ path }) => path)
  t.notOk(
    fetched.includes('noble/amd64/1/ga-24.04/generic/boot-kernel'),
    'what was right is not fetched again',
  )
})

t.test('of an image that cannot be whole, the rest is not fetched', async (t) => {
  await using scene = await aScene(t)
  await scene.offer(ephemeral('24.04', 'amd64', 'ga-24.04', { '1': files() }))
  scene.upstream.misbehave('noble/amd64/1/ga-24.04/generic/boot-kernel', answers(404))
  const tools = { ...scene.tools, downloads: 1 }
  const outcome = await syncImages(
    { upstreams: [scene.catalogue], images: ['ubuntu-24.04-amd64'], versions: 1 },
    {
      ...tools,
      store: scene.store,
      readKeyring: async () => signer.keyringFile,
      rate: undefined,
      prepare: async (manifest) => manifest,
      report() {},
    },
  )
  t.match(outcome.refused, [{ because: /boot-kernel is not there \(404\)/ }])
  t.equal(outcome.refused.length, 1, 'told once')
  t.notOk(scene.upstream.asked.some(({ path }) => path.endsWith('squashfs')))
})

t.test('an upstream that goes back in time brings nothing back', async (t) => {
  await using scene = await aScene(t)
  const old = files()
  await scene.offer(ephemeral('24.04', 'amd64', 'ga-24.04', { '20250618': old, '20250709': files() }))
  await scene.sync(['ubuntu-24.04-amd64'])
  await scene.offer(ephemeral('24.04', 'amd64', 'ga-24.04', { '20250618': old }))
  const outcome = await scene.sync(['ubuntu-24.04-amd64'])
  t.strictSame(outcome.published, [])
  t.match(outcome.refused, [{ because: /offers ubuntu-24.04-amd64@20250618, which is older than 20250709/ }])
})

t.test('a version whose files were changed behind its name is refused, and the old one stays', async (t) => {
  await using scene = await aScene(t)
  const before = files()
  await scene.offer(ephemeral('24.04', 'amd64', 'ga-24.04', { '1': before }))
  await scene.sync(['ubuntu-24.04-amd64'])
  await scene.offer(ephemeral('24.04', 'amd64', 'ga-24.04', { '1': { ...before, kernel: someBytes(99) } }))
  const outcome = await scene.sync(['ubuntu-24.04-amd64'])
  t.match(outcome.refused, [{ image: 'ubuntu-24.04-amd64@1', because: /has changed the files of/ }])
  const [manifest] = await scene.store.manifests()
  t.equal(manifest?.files.kernel?.sha256, digestOf(before.kernel))
})

type Lists = { readonly path: string; readonly name: string }
const index: Lists = { path: 'streams/v1/index.sjson', name: 'index' }
const list: Lists = { path: `streams/v1/${ephemeralStream}.sjson`, name: 'product list' }
const nothing = otherBytes(() => Buffer.alloc(0))

const refusals: readonly {
  readonly claim: string
  readonly arrange: (scene: Scene, products: Products) => Promise<unknown>
  readonly because: RegExp
}[] = [
  ...[index, list].flatMap(({ path, name }) => [
    {
      claim: `the ${name} is not there`,
      arrange: async ({ upstream }: Scene) => upstream.remove(path),
      because: /is not there \(404\)/,
    },
    {
      claim: `the ${name} is empty`,
      arrange: async ({ upstream }: Scene) => upstream.misbehave(path, nothing),
      because: /is not believed: it is not signed/,
    },
    {
      claim: `the ${name} is a page of a captive portal`,
      arrange: async ({ upstream }: Scene) => upstream.put(path, Buffer.from('<html>Please log in</html>')),
      because: /is not believed: it is not signed/,
    },
    {
      claim: `the ${name} was changed after it was signed`,
      arrange: async ({ upstream }: Scene) =>
        upstream.misbehave(
          path,
          otherBytes((bytes) => Buffer.from(bytes.toString().replace('products:1.0', 'products:1.1'))),
        ),
      because: /is not believed: its signature does not fit/,
    },
    {
      claim: `the ${name} is signed by somebody else`,
      arrange: async ({ upstream }: Scene) => {
        const [, text = ''] =
          /\n\n([\s\S]*?)\n-----BEGIN PGP SIGNATURE/.exec(upstream.bytesOf(path).toString()) ?? []
        upstream.put(path, Buffer.from(await stranger.clearSign(text)))
      },
      because: /signed by the key [0-9A-F]{16}, which is not one of/,
    },
    {
      claim: `the ${name} is cut each time`,
      arrange: async ({ upstream }: Scene) => upstream.misbehave(path, cutAfter(100)),
      because: /the connection broke/,
    },
    {
      claim: `the ${name} goes on without an end`,
      arrange: async ({ upstream }: Scene) => upstream.misbehave(path, endless),
      because: /has more than [0-9]+ bytes/,
    },
    {
      claim: `the ${name} is announced as larger than it may be`,
      arrange: async ({ upstream }: Scene) =>
        upstream.misbehave(path, raw('HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx')),
      because: /has more than [0-9]+ bytes/,
    },
    {
      claim: `the ${name} leads round in a circle`,
      arrange: async ({ upstream }: Scene) =>
        upstream.misbehave(path, answers(302, { location: `/${path}` })),
      because: /leads round in a circle/,
    },
    {
      claim: `the ${name} comes in part`,
      arrange: async ({ upstream }: Scene) => upstream.misbehave(path, answers(206)),
      because: /comes in part \(206\)/,
    },
  ]),
  ...[
    ['../../../etc/shadow', /leads out of the upstream/],
    ['/etc/shadow', /begins at the root/],
    ['http://evil.example/kernel', /URL of its own/],
    ['noble/%2e%2e/kernel', /character that no file there has/],
  ].map(([path, because]) => ({
    claim: `a signed list that names a file ${String(path)}`,
    arrange: async ({ upstream }: Scene, products: Products) =>
      await publishStreams(
        upstream,
        signer,
        { [ephemeralStream]: products },
        { change: (_, text) => text.replace('noble/amd64/1/ga-24.04/generic/boot-kernel', String(path)) },
      ),
    because: because as RegExp,
  })),
  {
    claim: 'a signed list with a version that would be a path',
    arrange: async ({ upstream }, products) =>
      await publishStreams(
        upstream,
        signer,
        { [ephemeralStream]: products },
        { change: (_, text) => text.replace('"1": {', '"../../1": {') },
      ),
    because: /has a version that is called/,
  },
  {
    claim: 'a signed list of another stream in the place of this one',
    arrange: async ({ upstream }, products) =>
      await publishStreams(
        upstream,
        signer,
        { [ephemeralStream]: products },
        { change: (_, text) => text.replace(`"content_id": "${ephemeralStream}"`, '"content_id": "other"') },
      ),
    because: /is that of other/,
  },
  {
    claim: 'two products that might both be meant',
    arrange: async (scene, products) => {
      const [[name, product] = ['']] = Object.entries(products)
      if (product !== undefined) await scene.offer({ [name]: product, [`${name}-again`]: product })
    },
    because: /may be .* and .* of images.maas.io/,
  },
  {
    claim: 'an upstream that has it not',
    arrange: async (scene) => await scene.offer({}),
    because: /images.maas.io does not have ubuntu-24.04-amd64/,
  },
]

for (const { claim, arrange, because } of refusals) {
  t.test(`refused with its reason, and nothing comes into the store: ${claim}`, async (t) => {
    await using scene = await aScene(t)
    const products = ephemeral('24.04', 'amd64', 'ga-24.04', { '1': files() })
    await scene.offer(products)
    await arrange(scene, products)
    const outcome = await scene.sync(['ubuntu-24.04-amd64'])
    t.equal(outcome.refused.length, 1)
    t.match(outcome.refused[0]?.because, because)
    t.match(
      scene.steps.find(({ kind }) => kind === 'refused'),
      { image: 'ubuntu-24.04-amd64' },
    )
    t.equal(scene.blobs(), 0)
    t.strictSame(scene.incoming(), [])
    t.strictSame(await scene.store.manifests(), [])
    t.notOk(
      scene.upstream.asked.some(({ path }) => path.includes('boot-')),
      'not a byte of an image was asked for',
    )
  })
}

t.test('a name that the catalogue does not know is told with what was probably meant', async (t) => {
  await using scene = await aScene(t)
  const cases: readonly (readonly [string, RegExp, RegExp])[] = [
    ['ubuntu-24.04-amd46', /does not have the image/, /Did you mean ubuntu-24.04-amd64\?/],
    ['windows', /does not have the image windows/, /The catalogue has: ubuntu-\{release\}-\{arch\}, /],
    ['ubuntu-18.04-amd64', /has ubuntu-18.04-amd64 for other releases/, /undefined/],
    ['ubuntu-26.04-lowlatency-amd64', /for other releases/, /take ubuntu-26.04-amd64 with kernel-parameters/],
  ]
  for (const [name, because, nextStep] of cases) {
    const { refused } = await scene.sync([name])
    t.match(refused[0]?.because, because, name)
    t.match(String(refused[0]?.nextStep), nextStep, name)
  }
  t.equal(scene.upstream.asked.length, 0, 'nobody is asked for what nobody has')
})

t.test('what an upstream does not have yet is told with what to do instead', async (t) => {
  await using scene = await aScene(t)
  await scene.offer(ephemeral('26.04', 'amd64', 'ga-26.04', { '1': files() }))
  const outcome = await scene.sync(['ubuntu-26.04-hwe-amd64', 'ubuntu-26.04-realtime-amd64'])
  t.match(outcome.refused, [
    { because: /does not have/, nextStep: /Until then take ubuntu-26.04-amd64\./ },
    { because: /does not have/, nextStep: /install linux-realtime on ubuntu-26.04-disk-amd64/ },
  ])
})

t.test('a sync that is stopped ends, and the next one goes on where it stopped', async (t) => {
  // Each look at the clock is a quarter of a second later, so that no progress is kept back.
  let time = Date.now()
  await using scene = await aScene(t, { now: () => (time += 250) })
  const big = { ...files(), squashfs: someBytes(4 * 1024 * 1024) }
  await scene.offer(ephemeral('24.04', 'amd64', 'ga-24.04', { '1': big }))
  scene.upstream.misbehave('noble/amd64/1/squashfs', stallsAfter(2 * 1024 * 1024))
  const onStep = (step: SyncStep): void => {
    // Three files come at the same time, and the other two are to be there.
    const isRest = step.kind === 'progress' && step.filesDone === 2
    if (isRest && step.byteCount > 1024 * 1024) scene.tools.stop()
  }
  const stopped = scene.sync(['ubuntu-24.04-amd64'], { onStep })
  await t.rejects(stopped, { kind: 'stopped', message: 'It was stopped.' })
  t.strictSame(await scene.store.manifests(), [])
  t.equal(scene.incoming().length, 1)

  scene.upstream.behave()
  const later = someTools()
  const outcome = await syncImages(
    { upstreams: [scene.catalogue], images: ['ubuntu-24.04-amd64'], versions: 1 },
    {
      ...later,
      store: scene.store,
      readKeyring: async () => signer.keyringFile,
      downloads: 3,
      rate: undefined,
      prepare: async (manifest) => manifest,
      report() {},
    },
  )
  t.equal(outcome.published.length, 1)
  t.match(scene.upstream.asked.at(-1), { path: /squashfs$/, range: /^bytes=[1-9][0-9]+-$/ })
})

t.test('a mistake of our own ends the sync instead of being told as the fault of an upstream', async (t) => {
  await using scene = await aScene(t)
  await scene.offer(ephemeral('24.04', 'amd64', 'ga-24.04', { '1': files() }))
  const prepare: Prepare = async () => {
    throw new TypeError('a mistake')
  }
  await t.rejects(scene.sync(['ubuntu-24.04-amd64'], { prepare }), new TypeError('a mistake'))
})

t.test('lists whose signature lies beside them, and files above the folder of the streams', async (t) => {
  await using scene = await aScene(t)
  const iso = someBytes(80_000)
  const products = {
    'com.ubuntu.cdimage:ubuntu-server:live-server:24.04:arm64': {
      tags: {
        arch: 'arm64',
        os: 'ubuntu-server',
        image_type: 'live-server',
        release: 'noble',
        version: '24.04',
      },
      versions: {
        '24.04.4': {
          iso: { path: 'releases/noble/release/ubuntu-24.04.4-live-server-arm64.iso', bytes: iso },
        },
      },
    },
  }
  const put = async (by: Signer) =>
    await publishStreams(
      scene.upstream,
      by,
      { 'com.ubuntu.cdimage:ubuntu-server': products },
      { signed: 'beside', folder: 'releases/' },
    )
  await put(signer)
  const upstreams = [catalogueOf('cdimage-ubuntu-com', scene.upstream, signer, 'releases/')]
  const name = 'ubuntu-24.04-iso-arm64'
  const outcome = await scene.sync([name], { upstreams })
  t.strictSame(outcome.refused, [])
  t.match(await scene.store.manifests(), [{ name, version: '24.04.4', files: { iso: { form: 'iso' } } }])

  const signature = 'releases/streams/v1/index.json.gpg'
  const good = scene.upstream.bytesOf(signature)
  scene.upstream.remove(signature)
  const [missing] = (await scene.sync([name], { upstreams })).refused
  t.match(missing?.because, /index.json is not believed: it is not signed, .*index.json.gpg is not there/)
  scene.upstream.put(signature, await signer.detach(Buffer.from('something else')))
  const [broken] = (await scene.sync([name], { upstreams })).refused
  t.match(broken?.because, /index.json is not believed: its signature does not fit/)
  scene.upstream.put(signature, good)
  await put(stranger)
  const [foreign] = (await scene.sync([name], { upstreams })).refused
  t.match(foreign?.because, /which is not one of/)
  t.match(foreign?.nextStep, /A mirror that signs by itself/)
})
