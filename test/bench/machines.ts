// What a thousand machines on record cost: the memory of the box, and the time of the API's list of them, by the socket file
// and over HTTPS. By hand, as root: node test/bench/machines.ts [machines ..., 1000]

import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { Agent as PlainAgent, request as plainRequest, type RequestOptions } from 'node:http'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { openNetworkNamespace } from '../../server/demo/network-namespace.ts'
import { serveIn, settingsFileIn } from '../../server/demo/served-appliance.ts'
import type { Approval } from '../../server/machines/approval.ts'
import type { Attempt, Machine } from '../../server/machines/machine.ts'
import { openStore } from '../../server/store/open-store.ts'
import { parseUuid } from '../../server/wire/uuid.ts'
import { ip, macNumber } from '../networks/a-network.ts'

const goals = { mib: 256, p95Ms: 50 }
const address = '10.88.0.1'
const requests = 200
const self = fileURLToPath(import.meta.url)

/** How the list is asked for: by whom, and by so many at the same time. */
type Load = {
  readonly way: 'socket' | 'https'
  readonly atOnce: number
  readonly socket: string
  readonly token: string
  readonly ca: string
}
type Measured = {
  readonly tookMs: readonly number[]
  readonly byteCount: number
  readonly seconds: number
}

if (process.argv[2] === 'client') await client(JSON.parse(process.argv[3] ?? '') as Load)
else await compare(process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1_000])

async function compare(counts: readonly number[]): Promise<void> {
  console.log(
    'machines  way     at once  requests  list KiB  p50 ms  p95 ms  p99 ms  CPU ms  per s  main MiB  delivery MiB  together MiB',
  )
  for (const count of counts) await measure(count)
  console.log(`goals: p95 under ${goals.p95Ms} ms, the box under ${goals.mib} MiB`)
}

async function measure(count: number): Promise<void> {
  await using opened = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-machines-'))
  opened.defer(() => rmSync(folder, { recursive: true, force: true }))
  await fill(join(folder, 'data'), count)
  const settings = [
    'data: ./data',
    'api: {listen: networks}',
    'networks: [{name: rack, interface: rack, mode: full, pool: 10.88.1.0-10.88.254.255}]',
    'images: [{name: rack, folder: ./image}]',
    'defaults: {cluster: lab}',
    '',
  ]
  writeFileSync(settingsFileIn(folder), settings.join('\n'))
  const box = opened.use(await openNetworkNamespace([{ name: 'rack', addresses: [`${address}/16`] }]))
  // A bridge has no carrier without a port.
  await box.addNeighbour('rack')
  const appliance = opened.use(await serveIn(box, settingsFileIn(folder), { level: 'info' }))
  await appliance.waitFor('api-ready', () => true, { withinMs: 30_000 })
  const socket = join(folder, 'data', 'ironwake.sock')
  const wish = { name: 'bench', role: 'viewer', seconds: 3_600 }
  const { text: token } = (await asked(socket, 'POST', '/api/v1/tokens', wish)) as { readonly text: string }
  const ca = String(await asked(socket, 'GET', '/api/v1/authority.pem'))
  tell(count, 'at rest', appliance.pid)
  for (const way of ['socket', 'https'] as const) {
    for (const atOnce of [1, 8]) {
      const load: Load = { way, atOnce, socket, token, ca }
      const before = cpuMs(appliance.pid)
      const child = box.start([process.execPath, self, 'client', JSON.stringify(load)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      if (child.stdout === null) throw new Error('the client could not be started')
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
      const took = cpuMs(appliance.pid) - before
      tell(count, way, appliance.pid, { ...(JSON.parse(line) as Measured), atOnce, cpuMs: took })
    }
  }
}

/** `cpuMs`: what the box took of the processors for all of it. */
type Told = Measured & { readonly atOnce: number; readonly cpuMs: number }

function tell(count: number, way: string, pid: number, of?: Told): void {
  const took = of?.tookMs.toSorted((a, b) => a - b) ?? []
  const at = (share: number) =>
    (took[Math.min(took.length - 1, Math.ceil(took.length * share) - 1)] ?? 0).toFixed(1)
  const delivery = childOf(pid)
  const together = distinct([pid, delivery]) / 1024
  const cells: readonly (readonly [string, number])[] = [
    [String(count), 8],
    [way.padEnd(7), 7],
    [String(of?.atOnce ?? '-'), 6],
    [String(took.length === 0 ? '-' : took.length), 8],
    [of === undefined ? '-' : (of.byteCount / 1024).toFixed(0), 8],
    [of === undefined ? '-' : at(0.5), 6],
    [of === undefined ? '-' : at(0.95), 6],
    [of === undefined ? '-' : at(0.99), 6],
    [of === undefined ? '-' : (of.cpuMs / took.length).toFixed(1), 6],
    [of === undefined ? '-' : (took.length / of.seconds).toFixed(0), 5],
    [(field(pid, 'VmHWM') / 1024).toFixed(0), 8],
    [(field(delivery, 'VmHWM') / 1024).toFixed(0), 12],
    [together.toFixed(0), 12],
  ]
  console.log(cells.map(([text, width]) => text.padStart(width)).join('  '))
}

/** Runs inside the namespace of the box, as a program of its own: its work must not be counted. */
async function client({ way, atOnce, socket, token, ca }: Load): Promise<void> {
  const where: RequestOptions =
    way === 'socket'
      ? { socketPath: socket, agent: new PlainAgent({ keepAlive: true }) }
      : { host: address, port: 8443, agent: new Agent({ keepAlive: true, ca }) }
  const headers = way === 'socket' ? {} : { Authorization: `Bearer ${token}` }
  const options = { ...where, headers, path: '/api/v1/machines' }
  const fetchList = async (): Promise<number> => {
    const sent = way === 'socket' ? plainRequest(options) : request(options)
    sent.end()
    const [response] = (await once(sent, 'response')) as [AsyncIterable<Buffer> & { statusCode: number }]
    if (response.statusCode !== 200) throw new Error(`it was answered with ${response.statusCode}`)
    let byteCount = 0
    for await (const chunk of response) byteCount += chunk.length
    return byteCount
  }
  const tookMs: number[] = []
  let byteCount = 0
  const work = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) {
      const began = performance.now()
      byteCount = await fetchList()
      tookMs.push(performance.now() - began)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, async () => await work(5)))
  tookMs.length = 0
  const began = performance.now()
  await Promise.all(Array.from({ length: atOnce }, async () => await work(requests / atOnce)))
  const measured: Measured = { tookMs, byteCount, seconds: (performance.now() - began) / 1_000 }
  console.log(JSON.stringify(measured))
  if (where.agent instanceof PlainAgent) where.agent.destroy()
}

/** Machines as a rack has them: approved by a person for a disk and a cluster, installed, with an address each. */
async function fill(dataFolder: string, count: number): Promise<void> {
  mkdirSync(join(dataFolder, '..', 'image'), { recursive: true })
  for (const name of ['vmlinuz', 'initrd', 'squashfs'])
    writeFileSync(join(dataFolder, '..', 'image', name), name)
  await using store = await openStore(join(dataFolder, 'ironwake.db'))
  const now = Date.now()
  const machines: Machine[] = []
  const attempts: Attempt[] = []
  for (let index = 0; index < count; index++) {
    const macs = [macNumber(2 * index + 1), macNumber(2 * index + 2)]
    const number = String(index).padStart(4, '0')
    const approval: Approval = {
      by: 'person',
      at: now - 100_000,
      macs,
      hostname: `node-${number}`,
      method: 'disk',
      image: 'noble',
      disk: `serial=S3Z9NX0M${number}`,
      wipe: true,
      cluster: 'lab',
      role: 'worker',
      labels: { rack: `r${index % 40}` },
      claim: 'compared',
      doneAt: now - 50_000,
    }
    const id = `m000${number}`
    const attempt = index.toString(16).padStart(32, '0')
    machines.push({
      id,
      claim: `K${number.replaceAll('0', 'X')}`,
      macs,
      uuid: parseUuid(`4c4c4544-0042-3510-8058-${index.toString(16).padStart(12, '0')}`),
      serial: `7XK${number}`,
      manufacturer: 'Dell Inc.',
      product: 'PowerEdge R650',
      hostname: `node-${number}`,
      architecture: 'x64 UEFI',
      firmware: 'uefi',
      state: 'installed',
      stateBecause: 'cloud-init has finished on its disk',
      stateSince: now - 50_000,
      discoveredAt: now - 200_000,
      lastSeenAt: now - 50_000,
      failures: 0,
      approval,
      install: {
        id: attempt,
        attempt,
        phase: 'installed',
        image: 'noble@20260401',
        disk: { serial: `S3Z9NX0M${number}`, wwn: '0x5000c500a1b2c3d4', path: undefined, bytes: 480e9 },
      },
    })
    const times = { startedAt: now - 90_000, lastSeenAt: now - 60_000, endedAt: now - 60_000 }
    attempts.push({
      id: attempt,
      machine: id,
      mac: macs[0] ?? macNumber(1),
      ...times,
      stage: 'ended',
      result: 'written',
    })
  }
  await store.saveMachines(machines)
  await store.saveAttempts(attempts)
  await store.saveLeases(
    machines.flatMap(({ macs: [mac] }, index) =>
      mac === undefined
        ? []
        : [
            {
              network: 'rack',
              address: ip(`10.88.${1 + (index >> 8)}.${index & 255}`),
              mac,
              state: 'leased' as const,
              since: now - 90_000,
              endsAt: now + 43_200_000,
              hostname: undefined,
            },
          ],
    ),
  )
}

async function asked(socketPath: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const headers = body === undefined ? {} : { 'Content-Type': 'application/json' }
  const sent = plainRequest({ socketPath, method, path, headers, agent: false })
  sent.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = (await once(sent, 'response')) as [AsyncIterable<Buffer> & { statusCode: number }]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  if (response.statusCode >= 300) throw new Error(text)
  return text.startsWith('{') ? (JSON.parse(text) as unknown) : text
}

/** Its time on the processors. */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(stat[11] ?? 0) + Number(stat[12] ?? 0)) * 10
}

/** The process that delivers images. */
function childOf(parent: number): number {
  const children = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))
  return Number(children.find((name) => field(Number(name), 'PPid') === parent) ?? 0)
}

/** What both have of their own, and Node.js itself, which is there once for both (KiB). */
function distinct(pids: readonly number[]): number {
  const own = pids.reduce((sum, pid) => sum + field(pid, 'RssAnon'), 0)
  return own + Math.max(...pids.map((pid) => field(pid, 'RssFile') + field(pid, 'RssShmem')))
}

/** A number of `/proc/PID/status`; 0 for a process that has ended. */
function field(pid: number, name: string): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(new RegExp(`^${name}:\\s+([0-9]+)`, 'm').exec(status)?.[1] ?? 0)
  } catch {
    return 0
  }
}
