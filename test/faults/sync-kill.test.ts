// A sync that is killed at any moment leaves images whole or not at all, and the next one goes on from there.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { filesOf } from '../../server/images/manifest.ts'
import { testFolder } from '../folder.ts'
import { aSigner } from '../images/a-signer.ts'
import { aStore, digestOf, someBytes } from '../images/a-store.ts'
import { ephemeral, ephemeralStream, publishStreams } from '../images/a-stream.ts'
import { anUpstream, stallsAfter, type Misbehaviour } from '../images/an-upstream.ts'

const program = fileURLToPath(new URL('sync-child.ts', import.meta.url))
const megabyte = 1024 * 1024
const images = ['ubuntu-22.04-amd64', 'ubuntu-24.04-amd64']

const index = 'streams/v1/index.sjson'
const list = `streams/v1/${ephemeralStream}.sjson`
const kernel = 'jammy/amd64/1/ga-22.04/generic/boot-kernel'
const squashfs = (codename: string): string => `${codename}/amd64/1/squashfs`

/** Where the sync is held up, and killed when so much of the file is on the disk. */
const moments: readonly (readonly [string, string, Misbehaviour, number?])[] = [
  ['before the index', index, () => true],
  ['in the middle of the index', index, stallsAfter(50)],
  ['before the product list', list, () => true],
  ['in the middle of the product list', list, stallsAfter(500)],
  ['before the first byte of a kernel', kernel, stallsAfter(0)],
  ['in the middle of a kernel', kernel, stallsAfter(30_000)],
  ['in the middle of an image', squashfs('jammy'), stallsAfter(2 * megabyte), 2 * megabyte],
  ['a byte before its end', squashfs('jammy'), stallsAfter(4 * megabyte - 1), 3 * megabyte],
  [
    'when one image is whole and the next is not',
    squashfs('noble'),
    stallsAfter(3 * megabyte + 7),
    3 * megabyte,
  ],
]

t.test('a sync that is killed leaves nothing half, and the next goes on', async (t) => {
  const folder = testFolder(t)
  const signer = await aSigner('mirror')
  await using upstream = await anUpstream()
  const files = () => ({
    kernel: someBytes(60_000),
    initrd: someBytes(90_000),
    squashfs: someBytes(4 * megabyte),
  })
  await publishStreams(upstream, signer, {
    [ephemeralStream]: {
      ...ephemeral('22.04', 'amd64', 'ga-22.04', { '1': files() }),
      ...ephemeral('24.04', 'amd64', 'ga-24.04', { '1': files() }),
    },
  })
  writeFileSync(join(folder, 'mirror.gpg'), signer.keyringFile)
  const storeFolder = join(folder, 'store')

  /** Every version that is published has all its files, each with its own bytes. */
  async function published(): Promise<readonly string[]> {
    using store = await aStore(storeFolder)
    const manifests = await store.manifests()
    for (const manifest of manifests) {
      for (const [role, file] of filesOf(manifest)) {
        const bytes = readFileSync(store.pathOf(file.sha256))
        t.equal(digestOf(bytes), file.sha256, `${manifest.name} ${role}`)
      }
    }
    return manifests.map(({ name }) => name).toSorted()
  }

  for (const [moment, path, act, onDisk = 0] of moments) {
    upstream.behave()
    const reached = Promise.withResolvers<void>()
    upstream.misbehave(path, (happening) => {
      const isHeld = act(happening)
      setImmediate(() => reached.resolve())
      return isHeld
    })
    const child = spawn(process.execPath, [program, upstream.base, folder, ...images], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    await reached.promise
    const partOf = join(storeFolder, 'incoming', `${digestOf(upstream.bytesOf(path))}.part`)
    while (sizeOf(partOf) < onDisk) await pause(10)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const names = await published()
    const wanted = moment.startsWith('when one image is whole') ? [[], [images[0]]] : [[]]
    t.ok(
      wanted.some((one) => JSON.stringify(one) === JSON.stringify(names)),
      `${moment}: ${names.join(', ')}`,
    )
  }

  upstream.behave()
  const before = upstream.asked.length
  const child = spawn(process.execPath, [program, upstream.base, folder, ...images], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  for await (const part of child.stdout) said += String(part)
  t.match(said, /ended: [12] published, 0 refused/)
  t.strictSame(await published(), images)
  t.strictSame(
    readdirSync(join(storeFolder, 'incoming')).filter((name) => /^[0-9a-f]{64}\.part$/.test(name)),
    [],
  )
  const again = upstream.asked.slice(before)
  t.ok(
    again.some(({ range }) => range !== undefined),
    'what had come before was not asked for again',
  )
  t.notOk(
    again.some(({ path, range }) => path === squashfs('jammy') && range === undefined),
    'above all not the image that had come but for a byte',
  )
})

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
