import { closeSync, mkdirSync, mkdtempSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openBox, until } from '../interop/a-box.ts'
import { udhcpc } from '../interop/dhcp-clients.ts'
import { needs } from '../interop/needs.ts'
import { newSeed, seeded } from '../interop/random.ts'
import { connectedInside, connectInside, askInside } from '../interop/tcp-inside.ts'
import { ip } from '../networks/a-network.ts'
import { badRequests } from './http-mutations.ts'
import { childrenOf, folderBytes, isAlive, vitalsOf, Watch } from './vitals.ts'

// 10,000 malformed requests to the two HTTP ports, beside connections that never finish what they began.

t.setTimeout(600_000)
const needed = needs('udhcpc')
const count = 10_000
const atOnce = 24
const dripping = 200
const stuck = 100
const mostGrowthBytes = 64e6
const patienceMs = 400
/** What the box allows a header, and how often it looks (server/listen/http.ts). */
const patienceOfServerMs = 20_000
const box1 = ip('10.77.0.1')
const ports = [8080, 8081] as const

const vmlinuz = Buffer.alloc(100_000, 'kernel')
const marks = ['TOP-SECRET', 'SQLite format 3', 'root:x:0', 'networks:', 'node_modules', 'server/']

t.test('no request harms the HTTP ports, or reaches a file not meant for it', needed, async (t) => {
  const seed = newSeed()
  t.comment(`SEED=${seed}`)
  const images = mkdtempSync(join(tmpdir(), 'ironwake-images-'))
  t.teardown(() => rmSync(images, { recursive: true, force: true, maxRetries: 10 }))
  const debian = join(images, 'debian')
  mkdirSync(debian)
  for (const name of ['vmlinuz', 'initrd', 'squashfs']) writeFileSync(join(debian, name), vmlinuz)
  for (const path of [join(images, 'secret'), join(debian, 'secret'), join(debian, '.hidden')]) {
    writeFileSync(path, 'TOP-SECRET')
  }
  await using box = await openBox({
    networks: [{ name: 'lab', addresses: ['10.77.0.1/24'] }],
    settings: `
approve: all
networks: [{interface: lab, mode: full, pool: 10.77.0.100-10.77.0.200}]
images: [{name: debian, folder: ${debian}}]
`,
  })
  const attacker = await box.addNeighbour('lab')
  await attacker.run(['ip', 'address', 'add', '10.77.0.9/24', 'dev', 'eth0'])
  const where = (port: number) => ({ address: box1, port })
  for (const port of ports) await askInside(attacker.name, where(port), { path: '/' })
  const [delivery = 0, ...others] = childrenOf(box.appliance.pid)
  t.same(others, [])
  const pids = [box.appliance.pid, delivery]
  const atRest = pids.map((pid) => vitalsOf(pid).descriptors)
  using first = new Watch(box.appliance.pid)
  using second = new Watch(delivery)

  const slow = await slowConnections(attacker.name)
  t.teardown(() => slow.close())
  const next = badRequests(seeded(seed))
  const leaks: string[] = []
  let answered = 0
  let asked = 0
  const ask = async (): Promise<void> => {
    while (asked < count) {
      const port = ports[asked++ % ports.length] ?? 8080
      const request = next()
      const answer = await conversation(attacker.name, port, request)
      if (answer.length > 0) answered++
      const mark = marks.find((one) => answer.includes(one))
      if (mark !== undefined) leaks.push(`${mark}: ${request.toString('latin1', 0, 200)}`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, ask))
  t.same(leaks.slice(0, 5), [], 'no answer holds what is not meant for machines')
  t.ok(answered > count / 2, `${answered} of ${count} were answered`)

  t.ok(pids.every(isAlive))
  t.same(childrenOf(box.appliance.pid), [delivery], 'no process had to be started anew')
  for (const watch of [first, second]) t.ok(watch.growth() < mostGrowthBytes, watch.text())
  t.ok(folderBytes(box.dataFolder) < 16e6, `the store has ${folderBytes(box.dataFolder)} bytes`)
  const left = (): number[] => pids.map((pid, index) => vitalsOf(pid).descriptors - (atRest[index] ?? 0))
  const closed = (): boolean => left().every((many) => many <= 2)
  await until('closing', closed, 3 * patienceOfServerMs).catch(() => {})
  t.ok(closed(), `the box has closed every connection; ${left().join(' and ')} are left`)

  const chain = await askInside(attacker.name, where(8080), { path: '/chain.ipxe' })
  t.match({ ...chain, body: chain.body.toString() }, { status: 200, body: /^#!ipxe/ })
  const kernel = await askInside(attacker.name, where(8081), { path: '/images/debian/vmlinuz' })
  t.equal(kernel.status, 200, kernel.body.toString('utf8', 0, 200))
  t.ok(kernel.body.equals(vmlinuz), 'the next good client gets its kernel')
  t.equal((await askInside(attacker.name, where(8081), { path: '/images/debian/secret' })).status, 404)
  await using client = await udhcpc(await box.addNeighbour('lab'), ['-t', '5', '-T', '1'])
  t.match(await client.next(['bound']), { serverid: '10.77.0.1' })
})

/** Sends one request and gives what comes back, until the peer closes or says nothing more for a while. */
async function conversation(namespace: string, port: number, request: Buffer): Promise<string> {
  const socket = connectInside(namespace, { address: box1, port })
  return await new Promise((resolve) => {
    let answer = ''
    let idle: NodeJS.Timeout | undefined
    const end = (): void => {
      clearTimeout(idle)
      socket.destroy()
      resolve(answer)
    }
    const wait = (ms: number): void => {
      clearTimeout(idle)
      idle = setTimeout(end, ms)
    }
    wait(patienceMs)
    socket.on('data', (part: Buffer) => {
      // The kernel is large and known; what matters comes first.
      if (answer.length < 200_000) answer += part.toString('latin1')
      wait(20)
    })
    socket.once('close', end)
    socket.once('error', end)
    socket.write(request)
  })
}

/**
 * Connections that send a header a byte at a time and never end it, and others that sent nonsense and neither read nor
 * close. They stay until the box closes them.
 */
async function slowConnections(namespace: string): Promise<{ close(): void }> {
  const drips = Array.from({ length: dripping }, (_, index) => {
    const socket = connectInside(namespace, { address: box1, port: ports[index % 2] ?? 8080 })
    socket.on('error', () => {})
    socket.write('GET /chain.ipxe HTTP/1.1\r\nX: ')
    return socket
  })
  const drop = setInterval(() => {
    for (const socket of drips) if (socket.writable) socket.write('a')
  }, 1_000)
  const fds = await Promise.all(
    Array.from(
      { length: stuck },
      async (_, index) => await connectedInside(namespace, { address: box1, port: ports[index % 2] ?? 8080 }),
    ),
  )
  for (const fd of fds) writeSync(fd, '\x16\x03\x01 this is no HTTP\r\n\r\n')
  return {
    close() {
      clearInterval(drop)
      for (const socket of drips) socket.destroy()
      for (const fd of fds) closeSync(fd)
    },
  }
}
