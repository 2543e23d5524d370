import { execFile } from 'node:child_process'
import { mkdtemp, open, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { openBox, until } from './a-box.ts'
import { udhcpc } from './dhcp-clients.ts'
import { needs } from './needs.ts'
import { sniff } from './sniff.ts'

// What becomes of addresses when the pool is empty, when the power fails, and when the disk is full.

t.setTimeout(600_000)
const needed = needs('udhcpc', 'mount')
const run = promisify(execFile)
const networks = [{ name: 'lab', addresses: ['10.77.0.1/24'] }]
const patience = ['-t', '2', '-T', '1', '-A', '1']

function settings(pool: string): string {
  return `networks: [{interface: lab, mode: full, pool: ${pool}}]\n`
}

t.test('a pool of two serves two, and the third client when one has left', needed, async (t) => {
  await using box = await openBox({ networks, settings: settings('10.77.0.50-10.77.0.51') })
  const [a, b, c] = [
    await box.addNeighbour('lab', { mac: '52:54:00:06:00:01' }),
    await box.addNeighbour('lab', { mac: '52:54:00:06:00:02' }),
    await box.addNeighbour('lab', { mac: '52:54:00:06:00:03' }),
  ]
  using wire = sniff(c.name)
  await using first = await udhcpc(a)
  await using second = await udhcpc(b)
  const given = [(await first.next(['bound']))['ip'] ?? '', (await second.next(['bound']))['ip'] ?? '']
  t.same(given.toSorted(), ['10.77.0.50', '10.77.0.51'])
  const before = wire.dhcp('offer').length
  await using third = await udhcpc(c, patience)
  await third.next(['leasefail'])
  t.equal(wire.dhcp('offer').length, before, 'it is offered nothing')
  const [told] = await box.events('pool-exhausted')
  t.match(told?.event, { mac: '52:54:00:06:00:03', network: 'lab', because: /none of the 2 addresses/ })
  second.signal('SIGUSR2')
  t.equal((await third.next(['bound']))['ip'], given[1])
})

t.test('a lease outlives kill -9: its client keeps it, nobody else gets it', needed, async (t) => {
  await using box = await openBox({ networks, settings: settings('10.77.0.50-10.77.0.52') })
  const a = await box.addNeighbour('lab', { mac: '52:54:00:06:01:01' })
  const b = await box.addNeighbour('lab', { mac: '52:54:00:06:01:02' })
  await using running = await udhcpc(a)
  const { ip: addressOfA = '' } = await running.next(['bound'])
  await using again = await udhcpc(b)
  const { ip: addressOfB = '' } = await again.next(['bound'])

  await box.kill()
  again.signal('SIGKILL')
  await box.start()
  for (const stranger of ['52:54:00:06:01:03', '52:54:00:06:01:04']) {
    const neighbour = await box.addNeighbour('lab', { mac: stranger })
    const isFirst = stranger.endsWith('3')
    // The pool has just begun to wait for the word of another server.
    const words = isFirst ? ['-t', '20', '-T', '1'] : patience
    await using greedy = await udhcpc(neighbour, [...words, '-r', addressOfA])
    const told = await greedy.next(['bound', 'leasefail'])
    if (isFirst) t.equal(told['ip'], '10.77.0.52', 'a stranger gets what is left')
    else t.equal(told.event, 'leasefail', 'and the next one nothing')
  }
  running.signal('SIGUSR1')
  t.equal((await running.next(['renew']))['ip'], addressOfA, 'who uses its address renews it')
  await using anew = await udhcpc(b)
  t.equal((await anew.next(['bound']))['ip'], addressOfB, 'who starts anew gets its own again')
})

t.test('nothing is acknowledged that the disk did not take, until it has room again', needed, async (t) => {
  const disk = await mkdtemp(join(tmpdir(), 'ironwake-disk-'))
  await using mounted = new AsyncDisposableStack()
  mounted.defer(async () => await rm(disk, { recursive: true, force: true, maxRetries: 10 }))
  await run('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=700', 'tmpfs', disk])
  mounted.defer(async () => void (await run('umount', ['-l', disk])))
  const dataFolder = join(disk, 'data')
  await using box = await openBox({ networks, settings: settings('10.77.0.50-10.77.0.60'), dataFolder })
  const [a, b] = [
    await box.addNeighbour('lab', { mac: '52:54:00:06:02:01' }),
    await box.addNeighbour('lab', { mac: '52:54:00:06:02:02' }),
  ]
  await using client = await udhcpc(a)
  const { ip: address } = await client.next(['bound'])

  const ballast = await filledUp(disk)
  t.equal((await statfs(disk)).bavail, 0, 'the disk is full')
  using wire = sniff(b.name)
  await using waiting = await udhcpc(b, patience)
  await waiting.next(['leasefail'])
  client.signal('SIGUSR1')
  const failed = await box.appliance.waitFor('store-failed', () => true, { withinMs: 60_000 })
  t.match(failed.event, { because: /no room left.*Make room/ }, 'it is told on the terminal')
  await until('offers promise nothing and go out', () => wire.dhcp('offer').length > 0)
  t.same(wire.dhcp('ack'), [], 'no acknowledgement does')
  t.notOk(
    client.told.some(({ event }) => event === 'renew'),
    'also not to who renews',
  )

  await rm(ballast)
  const served = await waiting.next(['bound'])
  t.match(served['ip'], /^10\.77\.0\.[56]/)
  t.not(served['ip'], address)
  // Without an answer to its renewal udhcpc has begun anew.
  t.match(await client.next(['renew', 'bound']), { ip: address }, 'and who had one has it again')

  await box.kill()
  await box.start()
  await using stranger = await udhcpc(await box.addNeighbour('lab', { mac: '52:54:00:06:02:03' }))
  const { ip: other } = await stranger.next(['bound'])
  t.notOk([address, served['ip']].includes(other), 'both leases are on the disk')
})

/** Writes a file until there is no room for one byte more. */
async function filledUp(folder: string): Promise<string> {
  const path = join(folder, 'ballast')
  await using file = await open(path, 'w')
  for (let bytes = 65_536; bytes >= 1;) {
    try {
      await file.write(Buffer.alloc(bytes))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      bytes = bytes >> 1
    }
  }
  return path
}
