import { createHash, randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import t from 'tap'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'
import { openBox, until } from '../interop/a-box.ts'
import { needs } from '../interop/needs.ts'
import { askInside } from '../interop/tcp-inside.ts'
import { ip } from '../networks/a-network.ts'
import { childrenOf, isAlive } from './vitals.ts'

// kill -9 of the process that delivers images, twice, in the middle of 16 downloads. Half of the clients begin anew, as
// iPXE and the initrds do; half go on where they were, as UEFI firmware and curl can.

t.setTimeout(600_000)
const needed = needs('curl')
const image = randomFillSync(Buffer.allocUnsafe(24_000_000))
const imageDigest = createHash('sha256').update(image).digest('hex')
const address = ip('10.77.0.1')
const http = { address, port: 8080 }

t.test(
  'downloads outlive the process that delivers them, and the events tell of its end',
  needed,
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'ironwake-images-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
    mkdirSync(join(folder, 'debian'))
    for (const name of ['vmlinuz', 'initrd']) writeFileSync(join(folder, 'debian', name), name)
    writeFileSync(join(folder, 'debian', 'squashfs'), image)
    await using box = await openBox({
      networks: [{ name: 'lab', addresses: ['10.77.0.1/24'] }],
      // So slow that all of them are on their way when the process is killed, some in the queue.
      settings: `
http: {streams: 8}
networks: [{interface: lab, mode: full, pool: 10.77.0.100-10.77.0.120, link: 400Mbit/s}]
images: [{name: debian, folder: ${join(folder, 'debian')}}]
`,
    })
    const rack = await box.addNeighbour('lab')
    await rack.run(['ip', 'address', 'add', '10.77.0.9/24', 'dev', 'eth0'])
    const main = box.appliance.pid
    const clients = Array.from({ length: 16 }, (_, index) =>
      download(rack, join(folder, `image-${index}`), index % 2 === 0 ? 'anew' : 'goes-on'),
    )

    for (let round = 1; round <= 2; round++) {
      const [delivery, ...others] = childrenOf(main)
      t.ok(delivery !== undefined && others.length === 0, 'one process delivers images')
      if (delivery === undefined) return
      const before = clients.map(({ received }) => received())
      const comes = () => clients.some(({ received }, index) => received() > (before[index] ?? 0) + 500_000)
      await until('some of it has come', comes)
      const unfinished = clients.filter(({ isOver }) => !isOver()).length
      t.ok(unfinished > 4, `${unfinished} are on their way`)
      process.kill(delivery, 'SIGKILL')
      await until('it has ended', () => !isAlive(delivery))
      t.equal((await askInside(rack.name, http, { path: '/chain.ipxe' })).status, 200, 'scripts are served')
      await until('another one serves', async () => await answers(rack))
    }

    const ends = await Promise.all(clients.map(async ({ ended }) => await ended))
    t.strictSame(ends, Array(16).fill(0), 'every client came to its end')
    for (const { file } of clients) t.equal(await digestOf(file), imageDigest)
    const failed = await box.events('delivery-failed')
    t.match(failed, [
      { event: { because: /ended \(SIGKILL\); it is started again in 100 ms/ } },
      { event: { because: /ended \(SIGKILL\); it is started again in 1000 ms/ } },
    ])
    t.equal((await box.events('delivery-ready')).length, 2, 'and of its being back')
    t.ok(isAlive(main))
    const began = box.appliance.happened.filter(({ event }) => event.kind === 'appliance-started')
    t.equal(began.length, 1, 'and the rest of the appliance went on')
  },
)

async function answers(rack: NetworkNamespace): Promise<boolean> {
  const question = { method: 'HEAD', path: '/images/debian/squashfs' }
  return await askInside(rack.name, { address, port: 8081 }, question).then(
    ({ status }) => status === 200,
    () => false,
  )
}

function download(rack: NetworkNamespace, file: string, way: 'anew' | 'goes-on') {
  const url = `http://${address}:8081/images/debian/squashfs`
  // curl begins anew with --retry; with -C - it takes what it has from the file, each time that it is started.
  const command =
    way === 'anew'
      ? ['curl', '-sf', '--retry', '30', '--retry-delay', '1', '--retry-all-errors', '-o', file, url]
      : [
          'sh',
          '-c',
          'for i in $(seq 30); do curl -sf -C - -o "$0" "$1" && exit 0; sleep 0.3; done; exit 1',
          file,
          url,
        ]
  const child = rack.start(command, { stdio: 'ignore' })
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  return {
    file,
    ended,
    isOver: () => child.exitCode !== null || child.signalCode !== null,
    received: () => statSync(file, { throwIfNoEntry: false })?.size ?? 0,
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}
