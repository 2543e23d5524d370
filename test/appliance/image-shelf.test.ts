import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { chooseForBoot, holdVersion } from '../../server/appliance/choose-for-boot.ts'
import { forgetEndedUses, sweepImages, sweptInWords } from '../../server/appliance/image-jobs.ts'
import { ImageShelf, imageStoreName } from '../../server/appliance/image-shelf.ts'
import { plansOf } from '../../server/appliance/plans.ts'
import type { Intent, ScriptChoice } from '../../server/boot/choose-script.ts'
import type { BlobStore } from '../../server/images/blob-store.ts'
import { ImageUses } from '../../server/images/image-uses.ts'
import type { Manifest } from '../../server/images/manifest.ts'
import { storeFolder } from '../../server/images/store-folder.ts'
import { Roster } from '../../server/machines/roster.ts'
import { testFolder } from '../folder.ts'
import { aManifest, aStore, put, someBytes } from '../images/a-store.ts'
import { macNumber } from '../networks/a-network.ts'
import { aConfig, ram } from './a-config.ts'

const mac = macNumber(1)

async function aBox(t: Test, other: Parameters<typeof aConfig>[0] = {}) {
  const dataFolder = testFolder(t, { folder: {} })
  const config = aConfig({ dataFolder, defaults: { ...ram, image: 'noble' }, ...other })
  const path = join(dataFolder, imageStoreName)
  const images = new ImageShelf(config)
  const imageUses = new ImageUses(path)
  const plans = plansOf(config, images)
  const publish = async (version: string, more: Partial<Manifest> = {}): Promise<Manifest> => {
    using store = await aStore(path)
    const manifest = aManifest(await bootable(store), { version, publishedAt: Number(version), ...more })
    await store.publishManifest(manifest)
    return manifest
  }
  const chosen = async (attempt: string): Promise<ScriptChoice> => {
    await images.look()
    const choice = chooseForBoot({ images, imageUses }, attempt, plans.intentFor(mac, undefined), choose)
    t.equal(await holdVersion({ images, imageUses }, attempt, choice), undefined)
    return choice
  }
  return { config, path, images, imageUses, plans, publish, chosen }
}

/** As `chooseScript` does for an approved machine. */
function choose({ image }: Intent): ScriptChoice {
  return image.kind === 'image'
    ? { kind: 'run-image', image: image.name, because: 'test' }
    : { kind: 'wait', headline: '', because: image.because, nextStep: '' }
}

async function bootable(store: BlobStore): Promise<Manifest['files']> {
  return {
    kernel: await put(store, someBytes(10)),
    initrd: await put(store, someBytes(20)),
    squashfs: { ...(await put(store, someBytes(30))), form: 'squashfs' },
  }
}

t.test('a name means a folder of the settings, or the newest version in the store', async (t) => {
  const { images, publish } = await aBox(t, { images: [{ name: 'own', folder: '/srv/own' }] })
  await images.look()
  t.strictSame(images.choose('own'), { kind: 'image', name: 'own' })
  t.strictSame(images.choose(undefined), { kind: 'image', name: 'own' }, 'the only folder')
  t.match(images.choose('noble'), { kind: 'none', because: /no image noble, neither in the settings nor/ })
  await publish('1')
  await publish('2')
  await images.look()
  t.strictSame(images.choose('noble'), { kind: 'image', name: 'noble@2' })
  t.strictSame(images.choose('noble@1'), { kind: 'image', name: 'noble@1' })
  t.match(images.choose('noble@3'), { kind: 'none' })
  t.strictSame(images.names(), ['noble', 'own'])
  await publish('3', { name: 'own' })
  await images.look()
  t.strictSame(images.choose('own'), { kind: 'image', name: 'own' }, 'a folder counts before the store')
})

t.test('an image that cannot run from memory is none, and it is said what it lacks', async (t) => {
  const { images, path } = await aBox(t)
  {
    using store = await aStore(path)
    await store.publishManifest(
      aManifest({ disk: { ...(await put(store, someBytes(9))), form: 'raw-zstd' } }),
    )
  }
  await images.look()
  const because = 'the image noble@20260401 has no kernel, no initrd, no squashfs, only: disk'
  t.strictSame(images.choose('noble'), { kind: 'none', because })
})

t.test('a version that lost a blob is passed over', async (t) => {
  const { images, publish, path } = await aBox(t)
  await publish('1')
  const second = await publish('2')
  rmSync(storeFolder(path).blob(second.files.squashfs!.sha256))
  await images.look()
  t.strictSame(images.choose('noble'), { kind: 'image', name: 'noble@1' })
})

t.test('files are found by the names they have in URLs, and nothing else is', async (t) => {
  const { images, publish, config } = await aBox(t, { images: [{ name: 'own', folder: '/srv/own' }] })
  const { files } = await publish('1')
  await images.look()
  t.match(images.file('noble@1', 'vmlinuz'), { sha256: files.kernel?.sha256 })
  t.match(images.file('noble', 'squashfs'), { sha256: files.squashfs?.sha256 })
  t.strictSame(images.file('own', 'initrd'), { path: '/srv/own/initrd' })
  for (const [image, file] of [
    ['noble', 'disk.raw.zst'],
    ['noble', '..'],
    ['noble', 'constructor'],
    ['noble@2', 'vmlinuz'],
    ['..', 'vmlinuz'],
    ['../noble', 'vmlinuz'],
    ['own', 'secret'],
    ['own@1', 'vmlinuz'],
  ] as const) {
    t.equal(images.file(image, file), undefined, `${image}/${file}`)
  }
  writeFileSync(join(config.dataFolder, imageStoreName, 'manifests', 'noble@9.json'), '{}')
  await images.look()
  t.ok(images.file('noble', 'vmlinuz'), 'a manifest that cannot be read hides no other')
})

t.test('a boot under way keeps its version, and the next one gets the newer', async (t) => {
  const { publish, chosen } = await aBox(t)
  await publish('1')
  t.match(await chosen('first'), { image: 'noble@1' })
  await publish('2')
  t.match(await chosen('first'), { image: 'noble@1' })
  t.match(await chosen('second'), { image: 'noble@2' })
})

t.test('what a boot runs is known after a start, and to the sweep', async (t) => {
  const box = await aBox(t, { imageStore: { keep: 1 } })
  for (const version of ['1', '2']) {
    await box.publish(version)
    await box.chosen(version)
  }
  await box.publish('3')
  const images = new ImageShelf(box.config)
  await images.look()
  const plans = plansOf(box.config, images)
  const parts = { images, imageUses: new ImageUses(box.path) }
  t.match(chooseForBoot(parts, '1', plans.intentFor(mac, undefined), choose), { image: 'noble@1' })
  const order = { now: Date.now(), orphansKeptMs: 0 }
  t.match(await sweepImages(box.config, order), { sweep: { versions: [] } })

  // No roster knows these boots any more.
  await forgetEndedUses({ ...box, imageUses: parts.imageUses, roster: new Roster(), now: Date.now })
  const swept = await sweepImages(box.config, order)
  t.match(swept, { sweep: { versions: ['noble@2', 'noble@1'], blobs: { length: 6 } } })
  t.match(sweptInWords(swept), /^noble@2, noble@1 went; .* are free$/)
  await images.look()
  t.match(chooseForBoot(parts, '1', plans.intentFor(mac, undefined), choose), { image: 'noble@3' })
})

t.test('what a machine of the settings names is not swept', async (t) => {
  const own = { ...ram, image: 'noble@1', mac, hostname: undefined }
  const box = await aBox(t, { imageStore: { keep: 1 }, machines: [own] })
  for (const version of ['1', '2', '3']) await box.publish(version)
  t.match(await sweepImages(box.config, { now: Date.now(), orphansKeptMs: 0 }), {
    sweep: { versions: ['noble@2'] },
  })
})

t.test('a machine that may not run an image holds no version of it', async (t) => {
  const { publish, images, imageUses, plans } = await aBox(t)
  await publish('1')
  await images.look()
  const waits = (): ScriptChoice => ({
    kind: 'wait',
    headline: '',
    because: 'it is not approved',
    nextStep: '',
  })
  const choice = chooseForBoot({ images, imageUses }, 'attempt', plans.intentFor(mac, undefined), waits)
  t.equal(await holdVersion({ images, imageUses }, 'attempt', choice), undefined)
  t.equal(imageUses.versionOf('attempt'), undefined)
})

t.test('a version that went while it was chosen is refused, and not served by half', async (t) => {
  const { publish, images, imageUses, path } = await aBox(t)
  await publish('1')
  await images.look()
  rmSync(storeFolder(path).manifest('noble@1'))
  const choice: ScriptChoice = { kind: 'run-image', image: 'noble@1', because: 'test' }
  t.match(await holdVersion({ images, imageUses }, 'attempt', choice), /noble@1 has just been removed/)
})

t.test('as many versions are kept as are fetched', async (t) => {
  const usual = aConfig()
  const box = await aBox(t, { imageStore: { keep: 1 }, imageSync: { ...usual.imageSync, versions: 3 } })
  for (const version of ['1', '2', '3', '4']) await box.publish(version)
  t.match(await sweepImages(box.config, { now: Date.now(), orphansKeptMs: 0 }), {
    sweep: { versions: ['noble@1'] },
  })
})
