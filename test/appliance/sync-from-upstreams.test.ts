import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { proxiesOf } from '../../server/appliance/fetch-tools.ts'
import { syncFromUpstreams, type SyncParts } from '../../server/appliance/sync-from-upstreams.ts'
import type { Config, ImageSyncSettings } from '../../server/config/config.ts'
import { syncEvents, endOfSync } from '../../server/images/sync-events.ts'
import type { BlobStore } from '../../server/images/blob-store.ts'
import type { SyncStep } from '../../server/images/sync-report.ts'
import { sentence } from '../../server/events/sentence.ts'
import { testFolder } from '../folder.ts'
import { aSigner } from '../images/a-signer.ts'
import { aStore, someBytes } from '../images/a-store.ts'
import { ephemeral, ephemeralStream, publishStreams } from '../images/a-stream.ts'
import { anUpstream } from '../images/an-upstream.ts'
import { aConfig } from './a-config.ts'

function settings(changes: Partial<ImageSyncSettings>): Config {
  const config = aConfig()
  return { ...config, imageSync: { ...config.imageSync, ...changes } }
}

function parts(store: BlobStore, other: Partial<SyncParts> = {}): SyncParts {
  return {
    store,
    prepare: async (manifest) => manifest,
    report() {},
    over: new AbortController().signal,
    environment: {},
    ...other,
  }
}

async function mirror(t: Test) {
  const [signer, upstream] = [await aSigner('mirror'), await anUpstream()]
  t.teardown(async () => await upstream[Symbol.asyncDispose]())
  const files = { kernel: someBytes(900), initrd: someBytes(800), squashfs: someBytes(70_000) }
  await publishStreams(upstream, signer, {
    [ephemeralStream]: ephemeral('24.04', 'amd64', 'ga-24.04', { '20250709': files }),
  })
  const folder = testFolder(t)
  const keyring = join(folder, 'mirror.gpg')
  writeFileSync(keyring, signer.keyringFile)
  return { upstream, signer, folder, keyring }
}

t.test('a mirror of the settings is asked in place of the upstream, by its own key', async (t) => {
  const { upstream, folder, keyring } = await mirror(t)
  using store = await aStore(join(folder, 'store'))
  const { base } = upstream
  const config = settings({
    images: ['ubuntu-24.04-amd64'],
    mirrors: [{ of: 'images.maas.io', base, files: base, keyring }],
  })
  const events: string[] = []
  const toEvent = syncEvents(() => 0)
  const report = (step: SyncStep): void => {
    const event = toEvent(step)
    if (event !== undefined) events.push(sentence(event))
  }
  const outcome = await syncFromUpstreams(config, parts(store, { report }))
  t.strictSame(outcome.refused, [])
  t.match(await store.manifests(), [{ name: 'ubuntu-24.04-amd64', version: '20250709' }])
  t.match(upstream.asked[0]?.headers['user-agent'], /^ironwake\/[0-9]/)
  t.strictSame(
    [...events, sentence(endOfSync(outcome, 1_500))],
    [
      'images: 1 to fetch, 3 files, 70.0 KiB',
      'image ubuntu-24.04-amd64@20250709 is here, 70.0 KiB',
      'images: 1 fetched, 0 here already, 0 refused; 70.0 KiB in 1.5 s',
    ],
  )
})

t.test("a mirror without a key of its own must have what the upstream's keys signed", async (t) => {
  const { upstream, folder } = await mirror(t)
  using store = await aStore(join(folder, 'store'))
  const { base } = upstream
  const config = settings({ mirrors: [{ of: 'images.maas.io', base, files: base, keyring: undefined }] })
  const { refused } = await syncFromUpstreams(config, parts(store, { images: ['ubuntu-24.04-amd64'] }))
  t.match(refused, [{ because: /which is not one of .*ubuntu-cloudimage-keyring.gpg/ }])
})

t.test('a site adds upstreams by files of its own, and replaces those of the catalogue', async (t) => {
  const { upstream, folder, signer } = await mirror(t)
  using store = await aStore(join(folder, 'store'))
  const file = (name: string) =>
    [
      `upstream: { name: ${name}, url: '${upstream.base}', index: streams/v1/index.sjson, keyring: mirror.gpg,`,
      `  keys: [${signer.fingerprint}] }`,
      'images:',
      "  - { name: 'site-{release}-{arch}', about: ours, architectures: [amd64], releases: { from: '24.04' },",
      `      stream: '${ephemeralStream}', where: { version: '{release}', arch: '{arch}' },`,
      '      files: { squashfs: { item: squashfs, form: squashfs } } }',
    ].join('\n')
  writeFileSync(join(folder, 'site.yaml'), file('site'))
  const config = settings({ catalogueFolder: folder })
  const images = ['site-24.04-amd64']
  t.strictSame((await syncFromUpstreams(config, parts(store, { images }))).refused, [])
  t.match(await store.manifests(), [{ name: 'site-24.04-amd64' }])

  writeFileSync(join(folder, 'site.yaml'), file('images.maas.io'))
  const { refused } = await syncFromUpstreams(config, parts(store, { images: ['ubuntu-24.04-amd64'] }))
  t.match(refused, [{ because: 'The catalogue does not have the image ubuntu-24.04-amd64.' }])
})

t.test('a catalogue of the site that cannot be used says where and why', async (t) => {
  const { folder } = await mirror(t)
  using store = await aStore(join(folder, 'store'))
  writeFileSync(join(folder, 'site.yaml'), 'upstream: { name: site }\nimages: []\n')
  await t.rejects(syncFromUpstreams(settings({ catalogueFolder: folder }), parts(store)), {
    name: 'UpstreamFault',
    message: /has 4 mistakes:[\s\S]*:1:11 upstream.url[\s\S]*url is missing here/,
  })
  const none = settings({ catalogueFolder: join(folder, 'nothing') })
  await t.rejects(syncFromUpstreams(none, parts(store)), {
    message: /nothing cannot be read: it is not there/,
  })
  const base = 'https://mirror.example/' as ImageSyncSettings['mirrors'][number]['base']
  const typo = settings({ mirrors: [{ of: 'images.mass.io', base, files: base, keyring: undefined }] })
  await t.rejects(syncFromUpstreams(typo, parts(store)), {
    message: /There is no upstream images.mass.io/,
    nextStep: 'Did you mean images.maas.io?',
  })
})

t.test('a keyring that is not there refuses what it should vouch for', async (t) => {
  const { upstream, folder } = await mirror(t)
  using store = await aStore(join(folder, 'store'))
  const { base } = upstream
  const keyring = join(folder, 'lost.gpg')
  const config = settings({ mirrors: [{ of: 'images.maas.io', base, files: base, keyring }] })
  const { refused } = await syncFromUpstreams(config, parts(store, { images: ['ubuntu-24.04-amd64'] }))
  t.match(refused, [{ because: /The keyring .*lost.gpg cannot be read: it is not there/ }])
  t.equal(upstream.asked.length, 0)
})

t.test('proxies come from the settings, or as curl has them from the environment', async (t) => {
  const environment = { http_proxy: 'http://a:1', HTTPS_PROXY: 'http://b:2', no_proxy: 'x', NO_PROXY: 'y' }
  const cases: readonly (readonly [string, Parameters<typeof proxiesOf>, unknown])[] = [
    [
      'environment',
      [{ kind: 'environment' }, environment],
      { http: 'http://a:1', https: 'http://b:2', none: 'x' },
    ],
    ['empty variables', [{ kind: 'environment' }, { http_proxy: '', https_proxy: '' }], {}],
    ['HTTP_PROXY in capitals alone', [{ kind: 'environment' }, { HTTP_PROXY: 'http://a:1' }], {}],
    ['none', [{ kind: 'none' }, environment], {}],
    [
      'settings',
      [{ kind: 'proxy', url: 'http://c:3', except: ['d', '.e'] }, environment],
      { http: 'http://c:3', https: 'http://c:3', none: 'd,.e' },
    ],
    [
      'settings without exceptions',
      [{ kind: 'proxy', url: 'http://c:3', except: [] }, environment],
      { http: 'http://c:3', https: 'http://c:3' },
    ],
  ]
  for (const [claim, words, proxies] of cases) t.strictSame(proxiesOf(...words), proxies, claim)
})
