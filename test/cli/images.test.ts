import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { auditDesk } from '../../server/appliance/audit-desk.ts'
import { apiApp } from '../../server/http/api-app.ts'
import { listenSocketFile } from '../../server/listen/http.ts'
import type { Machine } from '../../server/machines/machine.ts'
import { openStore } from '../../server/store/open-store.ts'
import { storeName } from '../../server/store/store-name.ts'
import { storeFolder } from '../../server/images/store-folder.ts'
import { parseSha256 } from '../../server/wire/sha256.ts'
import { aDesk } from '../http/an-api-desk.ts'
import { aManifest, aStore, digestOf, put, someBytes } from '../images/a-store.ts'
import { macNumber } from '../networks/a-network.ts'
import { aMachine } from '../store/records.ts'
import { kernelOf, rawDisk } from '../images/some-images.ts'
import { imagesCommand } from './images-command.ts'

function aBox(t: Test, settings = '') {
  // Not testFolder: the path of a socket file has at most 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-images-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const yaml = join(folder, 'ironwake.yaml')
  writeFileSync(yaml, `data: ${JSON.stringify(join(folder, 'data'))}\n${settings}`)
  let now = Date.UTC(2026, 3, 1, 12)
  const call = async (...words: readonly string[]) => await imagesCommand(yaml, words, () => now++)
  const file = (name: string, bytes: Uint8Array | string): string => {
    writeFileSync(join(folder, name), bytes)
    return join(folder, name)
  }
  const store = join(folder, 'data', 'images')
  return { folder, call, file, store, laterBy: (ms: number) => void (now += ms) }
}

t.test('a disk is imported, listed, shown and removed', async (t) => {
  const { call, file, store, laterBy } = aBox(t)
  const disk = rawDisk(2_000_000)
  const given = file('disk.bin', disk)
  t.match(await call('list'), { code: 0, err: /There is no image yet\. Fetch one, .* or import one/ })

  const imported = await call('import', given, '--name', 'noble', '--sha256', digestOf(disk))
  t.match(imported, { code: 0, err: 'noble@20260401-120000 is here: disk.', out: '' })
  laterBy(3 * 3_600_000)
  const listed = await call('list')
  t.equal(listed.code, 0)
  t.match(listed.out.split('\n')[1], /^noble +20260401-120000 +amd64 +[0-9.]+ [KM]iB +disk +3 h ago +newest$/)
  t.match(listed.err, /No appliance is running here, so nothing is fetched or swept/)

  const shown = await call('show', 'noble')
  t.match(shown.out, /^image +noble@20260401-120000\n/)
  t.match(shown.out, /disk: raw-zstd, .* unpacked\n {2}SHA-256 [0-9a-f]{64}\n/)
  t.match(shown.out, /served as \/images\/noble@20260401-120000\/disk\.raw\.zst/)
  t.ok(existsSync(/ {2}in (.*)$/m.exec(shown.out)![1]!))

  t.match(await call('remove', 'noble'), {
    code: 1,
    err: /say which version.*\nAs in: ironwake images remove noble@/,
  })
  t.match(await call('remove', 'noble@20260401-120000'), { code: 0, out: /is gone; .* are free\./ })
  t.match(await call('show', 'noble'), { code: 1, err: /there is no image noble in the store/ })
  t.strictSame(
    readdirSync(storeFolder(store).blobs).flatMap((shelf) => readdirSync(join(store, 'blobs', shelf))),
    [],
  )
})

t.test('programs get JSON, and nothing else on the standard output', async (t) => {
  const { call, file } = aBox(t)
  const squashfs = file('root', Buffer.concat([Buffer.from('hsqs'), someBytes(500)]))
  const boot = ['--kernel', file('vmlinuz', kernelOf('amd64')), '--initrd', file('initrd', 'initrd')]
  const words = ['import', squashfs, '--name', 'rescue', '--version', '3', ...boot, '--output', 'json']
  t.match(JSON.parse((await call(...words)).out), {
    name: 'rescue',
    version: '3',
    architecture: 'amd64',
    files: { kernel: { form: 'plain' }, initrd: {}, squashfs: { form: 'squashfs' } },
  })
  t.match(JSON.parse((await call('list', '--output', 'json')).out), {
    versions: [
      { version: 'rescue@3', whole: true, newest: true, pinned: false, running: false, wanted: false },
    ],
    folders: [],
    jobs: [],
  })
  t.match(JSON.parse((await call('show', 'rescue@3', '--output', 'json')).out), {
    places: [{ role: 'kernel', url: '/images/rescue@3/vmlinuz' }, {}, {}],
  })
  t.match(JSON.parse((await call('verify', '--output', 'json')).out), { blobs: 3, versions: 1, damaged: [] })
  t.match(JSON.parse((await call('pin', 'rescue', '--output', 'json')).out), { pinned: true })
  t.match(JSON.parse((await call('sweep', '--output', 'json')).out), { kind: 'swept' })
})

t.test('what is pinned, or named by the settings, is not removed', async (t) => {
  const { call, file } = aBox(
    t,
    'defaults: {image: noble}\nmachines: [{mac: "52:54:00:00:00:01", image: noble@1}]\n',
  )
  const disk = file('disk', rawDisk(500_000))
  t.equal((await call('import', disk, '--name', 'noble', '--version', '1')).code, 0)
  t.match(await call('remove', 'noble@1'), { code: 1, err: /the settings name noble@1 for machines/ })
  const other = file('other', rawDisk(500_000))
  t.equal((await call('import', other, '--name', 'noble', '--version', '2')).code, 0)
  t.match(await call('pin', 'noble'), { code: 0, out: /^noble@2 is pinned/ })
  t.match(await call('remove', 'noble@2'), {
    code: 1,
    err: /noble@2 is pinned\nFirst: ironwake images unpin noble@2/,
  })
  t.match(
    (await call('list')).out,
    /noble +2 .* newest, of the settings, pinned\nnoble +1 .* of the settings/,
  )
  t.match(await call('unpin', 'noble@2'), { code: 0, out: /no longer pinned/ })
  t.match(await call('remove', 'noble@1'), { code: 1 }, 'a machine has this very version')
  t.match(await call('remove', 'noble@2'), { code: 0 }, 'the name alone may mean the other')
  t.match(await call('remove', 'noble@1'), { code: 1 })
})

t.test(
  'what a machine is approved for is neither removed nor swept, and it is said who would lack it',
  async (t) => {
    const {
      call,
      folder,
      store: path,
    } = aBox(t, 'image-store: {keep: 1}\napprove: [{serial: X*, image: edge@1}]\nimage-sync: {versions: 1}\n')
    {
      using store = await aStore(path)
      const disk = await put(store, someBytes(100))
      for (const name of ['noble', 'edge', 'old'])
        for (const version of ['1', '2', '3'])
          await store.publishManifest(aManifest({ disk }, { name, version, publishedAt: Number(version) }))
    }
    const approval = { by: 'person', at: 5, macs: [macNumber(1)], image: 'noble@1' } as const
    const save = async (changes: Partial<Machine>) => {
      await using store = await openStore(join(folder, 'data', storeName))
      await store.saveMachines([aMachine({ approval, ...changes })])
    }
    await save({})
    const used = {
      code: 1,
      out: '',
      err: /noble@1 is what node-1 is approved for\nApprove .*--image NAME.*unapprove/,
    }
    t.match(await call('remove', 'noble@1'), used)
    t.match(
      await call('remove', 'edge@1'),
      { code: 1, err: /the settings name edge@1/ },
      'a rule is of the settings',
    )
    await using running = await openStore(join(folder, 'data', storeName))
    const desk = aDesk({ audit: auditDesk(running, Date.now) })
    await using listener = await listenSocketFile(apiApp(desk), join(folder, 'data', 'ironwake.sock'))
    t.match(await call('remove', 'noble@1'), used, 'also while an appliance has the store')
    t.match(await call('sweep'), { code: 0 })
    const left = JSON.parse((await call('list', '--output', 'json')).out) as {
      versions: { version: string }[]
    }
    t.strictSame(
      left.versions.map(({ version }) => version),
      ['edge@3', 'edge@1', 'noble@3', 'noble@1', 'old@3'],
    )
    await listener[Symbol.asyncDispose]()
    await running[Symbol.asyncDispose]()

    await save({ approval: { ...approval, image: 'old', doneAt: 7 } })
    t.match(await call('remove', 'old@3'), {
      code: 0,
      out: /^old@3 is gone/,
      err: /old@3 is what node-1 was approved for; to be installed again/,
    })
    t.match(await call('remove', 'noble@1'), { code: 0, err: '' }, 'nobody is approved for it now')
    writeFileSync(join(folder, 'data', storeName), 'no database')
    t.match(await call('remove', 'noble@3'), { code: 1, err: /ironwake\.db is not an Ironwake store/ })
    t.match(await call('sweep'), { code: 1, err: /ironwake\.db is not an Ironwake store/ })
  },
)

t.test('a boot under way keeps its version from being removed', async (t) => {
  const { call, file, store } = aBox(t)
  await call('import', file('disk', rawDisk(500_000)), '--name', 'noble', '--version', '1')
  mkdirSync(join(store, 'uses'))
  writeFileSync(join(store, 'uses', 'attempt'), 'noble@1\n')
  t.match(await call('remove', 'noble@1'), { code: 1, err: /a machine is booting noble@1 just now/ })
  t.match((await call('list')).out, /newest, booting$/)
})

t.test('a blob that is damaged is found, set aside, and not listed as well', async (t) => {
  const { call, store, file } = aBox(t)
  {
    using blobs = await aStore(store)
    await blobs.publishManifest(aManifest({ kernel: await put(blobs, someBytes(5_000)) }))
  }
  await call('import', file('disk', rawDisk(500_000)), '--name', 'own', '--version', '1')
  t.match(await call('verify'), { code: 0, out: 'All are well.', err: /^2 blobs of 2 versions were read/ })

  const digests = readdirSync(join(store, 'blobs')).flatMap((shelf) =>
    readdirSync(join(store, 'blobs', shelf)),
  )
  for (const digest of digests) {
    const path = storeFolder(store).blob(parseSha256(digest)!)
    const bytes = readFileSync(path)
    bytes[100] = bytes[100]! ^ 1
    chmodSync(path, 0o600)
    writeFileSync(path, bytes)
  }
  const verified = await call('verify')
  t.equal(verified.code, 1)
  for (const digest of digests) {
    t.match(
      verified.out,
      new RegExp(`${digest} is damaged: its SHA-256 is [0-9a-f]{64}\\. It was set aside as .*${digest}`),
    )
  }
  t.match(verified.out, /noble@20260401 lacks its kernel.*\n {2}Fetch it anew: ironwake images sync/)
  t.match(
    verified.out,
    /own@1 lacks its disk.*\n {2}Remove it, ironwake images remove own@1, and import it anew from \//,
  )
  t.match(verified.out, /NOT all are well\.$/)
  t.match((await call('list')).out, /own +1 .* DAMAGED$/m)
  t.match(await call('remove', 'own@1'), { code: 0 })
})

t.test('a manifest that nobody can read is told, with what is to be done', async (t) => {
  const { call, store, file } = aBox(t)
  await call('import', file('disk', rawDisk(500_000)), '--name', 'own', '--version', '1')
  writeFileSync(storeFolder(store).manifest('noble@1'), 'torn')
  t.match(await call('list'), {
    code: 0,
    err: /noble@1\.json cannot be read: it is not JSON.*remove the file/,
  })
  t.match(await call('verify'), { code: 1, out: /noble@1\.json cannot be read/ })
  t.match(await call('sweep'), { code: 0, out: /noble@1\.json cannot be read .*so that no blob is deleted/ })
})

t.test('what cannot be imported is told with the next step, and nothing of it stays', async (t) => {
  const { call, file, store } = aBox(t)
  const disk = file('disk', rawDisk(500_000))
  const words = ['import', disk, '--name', 'own', '--version', '1']
  for (const [given, err] of [
    [
      ['import', file('text', 'hello'), '--name', 'own'],
      /neither a disk image .*\nSee what it is with: file FILE/,
    ],
    [['import', 'ftp://images.example/noble.img', '--name', 'own'], /is no URL of http or https/],
    [[...words, '--sha256', digestOf(Buffer.from('x'))], /should be .*\nFetch it once more/],
  ] as const) {
    t.match(await call(...given), { code: 1, err })
  }
  for (const given of [
    ['import', disk],
    ['import', disk, '--name', '../x'],
    [...words, '--sha256', 'abc'],
    [...words, '--architecture', 'riscv64'],
    ['import', disk, '--name', 'own', '--version', 'a/b'],
    ['import'],
    ['list', 'x'],
    ['remove'],
    ['remove', 'a', 'b'],
    ['nothing'],
    [],
  ]) {
    t.match(await call(...given), { code: 2, err: /See: ironwake images --help/ }, given.join(' '))
  }
  t.strictSame(existsSync(store) ? readdirSync(join(store, 'manifests')) : [], [])
  t.equal((await call(...words)).code, 0)
  t.match(await call(...words), { code: 1, err: /own@1 is there already\nGive this one another version/ })
})

t.test('a qcow2 file that names another is refused at the command line', async (t) => {
  const { call, folder } = aBox(t)
  const disk = join(folder, 'disk')
  execFileSync('qemu-img', [
    'create',
    '-q',
    '-f',
    'qcow2',
    '-u',
    '-F',
    'raw',
    '-b',
    '/etc/shadow',
    disk,
    '1M',
  ])
  t.match(await call('import', disk, '--name', 'own'), {
    code: 1,
    err: /rests on another file .*\nWhere you trust both/,
  })
})
