import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { testFolder } from '../folder.ts'
import { digestOf, someBytes } from '../images/a-store.ts'
import { aMirror, mirrored } from '../images/a-mirror.ts'
import { publishStreams } from '../images/a-stream.ts'
import { rawDisk } from '../images/some-images.ts'
import { imagesCommand } from './images-command.ts'

async function aBox(t: Test, more = '') {
  const folder = testFolder(t)
  const mirror = await aMirror(t, folder)
  const yaml = join(folder, 'ironwake.yaml')
  const write = (settings: string): void =>
    writeFileSync(yaml, `data: ${JSON.stringify(join(folder, 'data'))}\n${settings}`)
  write(mirror.yaml + more)
  const call = async (...words: readonly string[]) => await imagesCommand(yaml, words)
  return { folder, mirror, call, write }
}

t.test('what the settings ask for is fetched once, and listed', async (t) => {
  const { call, mirror } = await aBox(t, `defaults: {image: ${mirrored}}\n`)
  t.match(await call('sync'), {
    code: 0,
    out: '1 fetched, 0 here already, 0 refused; 70.0 KiB.',
    err: /ubuntu-24\.04-amd64@20250709 is here\./,
  })
  t.match(await call('sync'), {
    code: 0,
    out: /^0 fetched, 1 here already, 0 refused/,
    err: /Nothing to fetch/,
  })
  t.match((await call('list')).out, /ubuntu-24\.04-amd64 +20250709 .* newest, of the settings$/)
  await mirror.publish('20250801')
  t.match(JSON.parse((await call('sync', '--output', 'json')).out), {
    published: [{ version: '20250801' }],
    refused: [],
  })
})

t.test('what is refused makes the exit code 1, and the reason is told', async (t) => {
  const { call, write } = await aBox(t)
  t.match(await call('sync', 'ubuntu-24.05-amd64'), { code: 1, out: /1 refused/, err: /ubuntu-24\.05-amd64/ })
  write('')
  t.match(await call('sync'), { code: 1, err: /name no images to fetch\nName some under image-sync/ })
})

t.test('a disk that is synced is converted before it is published', async (t) => {
  const { call, folder, mirror, write } = await aBox(t)
  const disk = rawDisk(2 * 1024 * 1024)
  writeFileSync(join(folder, 'raw'), disk)
  const qcow2 = join(folder, 'qcow2')
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', '-c', join(folder, 'raw'), qcow2])
  const path = 'server/releases/noble/release-20250801/ubuntu-24.04-server-cloudimg-amd64.img'
  await publishStreams(mirror.upstream, mirror.signer, {
    'com.ubuntu.cloud:released:download': {
      'com.ubuntu.cloud:server:24.04:amd64': {
        tags: { arch: 'amd64', os: 'ubuntu', release: 'noble', version: '24.04' },
        versions: { '20250801': { 'disk1.img': { path, bytes: readFileSync(qcow2) } } },
      },
    },
  })
  write(
    mirror.yaml
      .replaceAll('images.maas.io', 'cloud-images.ubuntu.com')
      .replace(mirrored, 'ubuntu-24.04-disk-amd64'),
  )
  t.match(await call('sync'), { code: 0, out: /^1 fetched/ })
  const shown = JSON.parse((await call('show', 'ubuntu-24.04-disk-amd64', '--output', 'json')).out) as {
    places: [{ path: string; file: { form: string; unpackedByteCount: number } }]
  }
  const [{ path: stored, file }] = shown.places
  t.match(file, { form: 'raw-zstd', unpackedByteCount: disk.length })
  t.ok(execFileSync('zstd', ['-dc', stored], { maxBuffer: 2 ** 28 }).equals(disk))
  t.match(await call('sync'), { out: /^0 fetched, 1 here already/ }, 'and it is not fetched again')
})

t.test('an image is imported from a URL by its digest', async (t) => {
  const { call, mirror, folder } = await aBox(t)
  const squashfs = Buffer.concat([Buffer.from('hsqs'), someBytes(2_000_000)])
  mirror.upstream.put('own/root.squashfs', squashfs)
  const url = `${mirror.upstream.base}own/root.squashfs`
  const words = ['import', url, '--name', 'own', '--version', '1']
  t.match(await call(...words), { code: 1, err: /anybody on the way could change.*\nGive the digest/ })
  t.match(await call(...words, '--sha256', digestOf(someBytes(9))), {
    code: 1,
    err: /is not the file that was/,
  })
  t.match(await call(...words, '--sha256', digestOf(squashfs)), { code: 0, err: /own@1 is here: squashfs\./ })
  t.ok((await call('show', 'own')).out.includes(`from   ${url}\n`))
  const { asked } = mirror.upstream
  const before = asked.length
  t.match(await call(...words, '--sha256', digestOf(squashfs)), { code: 1, err: /is there already/ })
  t.equal(asked.length, before, 'which is told before anything is fetched')
  t.ok(existsSync(join(folder, 'data', 'images', 'blobs')))
})
