import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import type { BlobStore } from '../../server/images/blob-store.ts'
import { importImage, type ImportOrder } from '../../server/images/import-image.ts'
import { filesOf, type Manifest } from '../../server/images/manifest.ts'
import { prepareImage } from '../../server/images/prepare-image.ts'
import type { Work } from '../../server/images/work.ts'
import { testFolder } from '../folder.ts'
import { aStore, digestOf, put, refuses, someBytes } from './a-store.ts'
import { isoOf, kernelOf, rawDisk, tarGz, type TarPart } from './some-images.ts'

const work: Work = { stop: new AbortController().signal, progress() {} }

type Try = {
  readonly store: BlobStore & Disposable
  readonly path: string
  /** Imports bytes as a file of no telling name. */
  readonly take: (bytes: Uint8Array | string, other?: Partial<ImportOrder>) => Promise<Manifest>
  readonly bytesOf: (manifest: Manifest, role: keyof Manifest['files']) => Buffer
}

async function aTry(t: Test): Promise<Try> {
  const path = testFolder(t, { data: {} })
  const store = await aStore(join(path, 'data'))
  let number = 0
  return {
    store,
    path,
    async take(given, other = {}) {
      const file = typeof given === 'string' ? given : join(path, `given-${number++}`)
      if (typeof given !== 'string') writeFileSync(file, given)
      const order: ImportOrder = {
        path: file,
        origin: { kind: 'file', path: file },
        name: 'own',
        version: String(number),
        sha256: undefined,
        kernel: undefined,
        initrd: undefined,
        architecture: 'amd64',
        now: () => 1_000,
        ...other,
      }
      return await importImage(store, order, work)
    },
    bytesOf: (manifest, role) => readFileSync(store.pathOf(manifest.files[role]!.sha256)),
  }
}

/** As the system that installs a machine does it. */
function unzstd(bytes: Uint8Array): Buffer {
  return execFileSync('zstd', ['-dc'], { input: bytes, maxBuffer: 2 ** 30 })
}

t.test('a raw disk is kept so that a machine can unpack it', async (t) => {
  const { store, take, bytesOf } = await aTry(t)
  using _ = store
  const disk = rawDisk(3_000_000)
  const manifest = await take(disk)
  t.match(manifest.files, { disk: { form: 'raw-zstd', unpackedByteCount: disk.length } })
  t.ok(unzstd(bytesOf(manifest, 'disk')).equals(disk))
  t.strictSame(await store.manifests(), [manifest])
})

t.test('a qcow2 disk is converted once, and nothing is left of the work', async (t) => {
  const { store, path, take, bytesOf } = await aTry(t)
  using _ = store
  const disk = rawDisk(4 * 1024 * 1024)
  writeFileSync(join(path, 'raw'), disk)
  execFileSync('qemu-img', [
    'convert',
    '-f',
    'raw',
    '-O',
    'qcow2',
    '-c',
    join(path, 'raw'),
    join(path, 'disk'),
  ])
  const manifest = await take(join(path, 'disk'))
  t.match(manifest.files, { disk: { form: 'raw-zstd', unpackedByteCount: disk.length } })
  t.ok(unzstd(bytesOf(manifest, 'disk')).equals(disk))
  t.strictSame(partsIn(path), [])
})

t.test('a squashfs goes with a kernel and an initrd', async (t) => {
  const { store, path, take, bytesOf } = await aTry(t)
  using _ = store
  const kernel = kernelOf('arm64')
  writeFileSync(join(path, 'vmlinuz'), kernel)
  writeFileSync(join(path, 'initrd'), 'initrd')
  const squashfs = Buffer.concat([Buffer.from('hsqs'), someBytes(10_000)])
  const manifest = await take(squashfs, { kernel: join(path, 'vmlinuz'), initrd: join(path, 'initrd') })
  t.equal(manifest.architecture, 'arm64', 'the kernel tells what it is for')
  t.ok(bytesOf(manifest, 'squashfs').equals(squashfs))
  t.ok(bytesOf(manifest, 'kernel').equals(kernel))
  t.equal(bytesOf(manifest, 'initrd').toString(), 'initrd')
})

t.test("Ubuntu's netboot tarball gives kernel, initrd and signed loaders", async (t) => {
  const { store, take, bytesOf } = await aTry(t)
  using _ = store
  const kernel = kernelOf('amd64')
  const parts: TarPart[] = [
    { header: { name: './', type: 'directory' } },
    { header: { name: './amd64/', type: 'directory' } },
    { header: { name: './amd64/bootx64.efi' }, content: 'shim' },
    { header: { name: './amd64/grubx64.efi' }, content: 'grub' },
    { header: { name: './amd64/grub/grub.cfg' }, content: 'menuentry' },
    { header: { name: './amd64/linux' }, content: kernel },
    { header: { name: './amd64/initrd' }, content: 'initrd' },
    { header: { name: './amd64/pxelinux.0' }, content: 'pxelinux' },
    { header: { name: './amd64/pxelinux.cfg/default' }, content: 'DEFAULT' },
  ]
  const manifest = await take(await tarGz(parts))
  t.strictSame(
    filesOf(manifest).map(([role, { form }]) => `${role} ${form}`),
    ['kernel plain', 'initrd plain', 'shim plain', 'grub plain'],
  )
  t.ok(bytesOf(manifest, 'kernel').equals(kernel))
  t.equal(bytesOf(manifest, 'initrd').toString(), 'initrd')
  t.equal(bytesOf(manifest, 'shim').toString(), 'shim')
})

t.test('the root of a system, packed by tar, is kept as it is', async (t) => {
  const { store, path, take, bytesOf } = await aTry(t)
  using _ = store
  execFileSync('sh', [
    '-ec',
    'mkdir -p "$0"/root/etc "$0"/root/usr/bin "$0"/root/var; ln -s /run "$0"/root/var/run; echo a >"$0"/root/etc/hostname;' +
      ' ln "$0"/root/etc/hostname "$0"/root/usr/bin/x; tar -czf "$0"/root.tgz -C "$0"/root .',
    path,
  ])
  const manifest = await take(join(path, 'root.tgz'), {
    sha256: digestOf(readFileSync(join(path, 'root.tgz'))),
  })
  t.match(manifest.files, { root: { form: 'tar-gz' } })
  t.ok(bytesOf(manifest, 'root').equals(readFileSync(join(path, 'root.tgz'))))
})

t.test('an ISO is kept as it is, and its own kernel and initrd beside it', async (t) => {
  const { store, path, take, bytesOf } = await aTry(t)
  using _ = store
  const kernel = kernelOf('amd64', 3_000_000)
  const iso = isoOf(path, {
    'casper/vmlinuz': kernel,
    'casper/initrd': 'the initrd',
    'casper/hwe-vmlinuz': 'another',
  })
  const manifest = await take(iso)
  t.ok(bytesOf(manifest, 'iso').equals(readFileSync(iso)))
  t.ok(bytesOf(manifest, 'kernel').equals(kernel))
  t.equal(bytesOf(manifest, 'initrd').toString(), 'the initrd')

  const cut = readFileSync(iso).subarray(0, -2_000_000)
  await refuses(t, take(cut), { kind: 'not-an-image', message: /cut off/ })
  await refuses(t, take(isoOf(join(path, 'other'), { 'other/file': 'x' })), {
    kind: 'not-an-image',
    message: /no casper\/vmlinuz/,
    nextStep: /live server ISO/,
  })
})

t.test('archives that would do harm, or are none, are refused, and nothing of them stays', async (t) => {
  const { store, path, take } = await aTry(t)
  using _ = store
  const netboot: TarPart[] = [
    { header: { name: 'amd64/linux' }, content: 'kernel' },
    { header: { name: 'amd64/initrd' }, content: 'initrd' },
  ]
  const file = (name: string): TarPart => ({ header: { name }, content: 'x' })
  const whole = await tarGz(netboot)
  for (const [what, bytes, fault] of [
    ['..', await tarGz([...netboot, file('amd64/../../x')]), { kind: 'unsafe', message: /leads out/ }],
    ['absolute', await tarGz([...netboot, file('/x')]), { kind: 'unsafe', message: /absolute/ }],
    [
      'a link in place of the kernel',
      await tarGz([
        { header: { name: 'amd64/linux', type: 'symlink', linkname: '/etc/shadow' } },
        netboot[1]!,
      ]),
      { kind: 'unsafe', message: /is no file, but a symlink/ },
    ],
    [
      'a hard link in place of the kernel',
      await tarGz([{ header: { name: 'amd64/linux', type: 'link', linkname: 'x' } }, netboot[1]!]),
      { kind: 'unsafe', message: /is no file, but a link/ },
    ],
    ['twice', await tarGz([...netboot, netboot[0]!]), { kind: 'unsafe', message: /twice/ }],
    [
      'a device',
      await tarGz([...netboot, { header: { name: 'disk', type: 'block-device', devmajor: 8 } }]),
      { kind: 'unsafe', message: /device/ },
    ],
    ['another', await tarGz([file('a/b')]), { kind: 'not-an-image', message: /neither a netboot/ }],
    ['nothing', await tarGz([]), { kind: 'not-an-image' }],
    ['a kernel in gzip', gzipSync(someBytes(100_000)), { kind: 'not-an-image', nextStep: /gunzip/ }],
    ['cut off', whole.subarray(0, -20), { kind: 'not-an-image' }],
    ['damaged', Buffer.concat([whole.subarray(0, 60), someBytes(20), whole.subarray(80)]), {}],
  ] as const) {
    t.comment(what)
    await refuses(t, take(bytes), fault)
  }
  t.strictSame(await store.manifests(), [])
  t.strictSame(partsIn(path), [])
})

t.test('a digest that is not that of the file stops the import, whatever the form', async (t) => {
  const { store, path, take } = await aTry(t)
  using _ = store
  const squashfs = Buffer.concat([Buffer.from('hsqs'), someBytes(1_000)])
  for (const bytes of [rawDisk(300_000), squashfs, await tarGz([])]) {
    await refuses(t, take(bytes, { sha256: digestOf(someBytes(3)) }), { kind: 'wrong-digest' })
  }
  t.strictSame(partsIn(path), [])
  t.match(await take(squashfs, { sha256: digestOf(squashfs) }), { files: { squashfs: {} } })
})

t.test('what is no image, no file or there already is refused', async (t) => {
  const { store, path, take } = await aTry(t)
  using _ = store
  await refuses(t, take(Buffer.from('hello')), { kind: 'not-an-image', nextStep: /file FILE/ })
  await refuses(t, take(join(path, 'missing')), { kind: 'not-an-image', message: /there is no file/ })
  await refuses(t, take(path), { kind: 'not-an-image', message: /is not a file/ })
  await take(rawDisk(300_000), { version: '1' })
  await refuses(t, take(rawDisk(300_000), { version: '1' }), { kind: 'exists', nextStep: /--version/ })
})

t.test('a disk that was synced is converted when its blob is there', async (t) => {
  const { store, path } = await aTry(t)
  using _ = store
  const disk = rawDisk(1024 * 1024)
  writeFileSync(join(path, 'raw'), disk)
  execFileSync('qemu-img', [
    'convert',
    '-f',
    'raw',
    '-O',
    'qcow2',
    '-c',
    join(path, 'raw'),
    join(path, 'disk'),
  ])
  const qcow2 = await put(store, readFileSync(join(path, 'disk')))
  const fetched: Manifest = {
    name: 'noble-disk',
    version: '1',
    architecture: 'amd64',
    files: { disk: { ...qcow2, form: 'qcow2' } },
    origin: { kind: 'stream', url: 'https://images.example/', product: 'noble' },
    publishedAt: 1,
  }
  const prepared = await prepareImage(store, fetched, work)
  t.match(prepared, { ...fetched, files: { disk: { form: 'raw-zstd', unpackedByteCount: disk.length } } })
  t.strictSame(await prepareImage(store, prepared, work), prepared, 'and that is done once')
})

t.test('an import that is stopped leaves nothing', async (t) => {
  const { store, path, take } = await aTry(t)
  using _ = store
  const stop = new AbortController()
  const steps: string[] = []
  const given = join(path, 'disk')
  writeFileSync(given, rawDisk(3_000_000))
  const stopping: Work = {
    stop: stop.signal,
    progress(step) {
      steps.push(step)
      stop.abort()
    },
  }
  const order: ImportOrder = {
    path: given,
    origin: { kind: 'file', path: given },
    name: 'own',
    version: '1',
    sha256: undefined,
    kernel: undefined,
    initrd: undefined,
    architecture: 'amd64',
    now: () => 1,
  }
  await t.rejects(importImage(store, order, stopping), { name: 'AbortError' })
  t.strictSame(steps, ['compress'])
  t.strictSame(partsIn(path), [])
  t.strictSame(await store.manifests(), [])
  t.match(await take(given), { name: 'own' })
})

function partsIn(path: string): readonly string[] {
  return readdirSync(join(path, 'data', 'incoming')).filter((name) => name.endsWith('.part'))
}
