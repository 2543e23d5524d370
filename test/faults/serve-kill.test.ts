import { closeSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { decode } from '../../server/dhcp/decode.ts'
import { encode } from '../../server/dhcp/encode.ts'
import { macOf } from '../../server/dhcp/hardware-address.ts'
import { messageTypes, type DhcpMessage, type MessageTypeName } from '../../server/dhcp/message.ts'
import { optionCodes } from '../../server/dhcp/option-codes.ts'
import { addressValue } from '../../server/dhcp/option-values.ts'
import { messageTypeOf } from '../../server/dhcp/options.ts'
import { everyone, noAddress, type Ipv4 } from '../../server/wire/ipv4.ts'
import { bytesOfMac, type Mac } from '../../server/wire/mac.ts'
import { golden } from '../dhcp/golden.ts'
import { openBox, until, type Box } from '../interop/a-box.ts'
import { datagramIn, everyMac, frameFor } from '../interop/datagram.ts'
import { openFrames, type Frames } from '../interop/frames.ts'
import { needs } from '../interop/needs.ts'
import { askInside, connectedInside } from '../interop/tcp-inside.ts'
import { ip, macNumber } from '../networks/a-network.ts'
import { someMessage } from '../dhcp/messages.ts'
import { childrenOf, isAlive, paced } from './vitals.ts'

// kill -9 of the whole appliance while clients are given addresses and machines report. What was promised on the wire must
// be there afterwards; what was not may be.

t.setTimeout(600_000)
const needed = needs()
const rounds = 5
const clientsPerSecond = 400
/** Of each in a round, before the power goes away some time later. */
const least = { leases: 21, reports: 6 }
const server = ip('10.77.0.1')
const box1 = { http: { address: server, port: 8080 }, delivery: { address: server, port: 8081 } }
const firmwareMac = '52:54:00:07:ff:01' as Mac

t.test('what was acknowledged outlives kill -9, and no process is left over', needed, async (t) => {
  const images = mkdtempSync(join(tmpdir(), 'ironwake-images-'))
  t.teardown(() => rmSync(images, { recursive: true, force: true, maxRetries: 10 }))
  mkdirSync(join(images, 'debian'))
  for (const name of ['vmlinuz', 'initrd', 'squashfs']) writeFileSync(join(images, 'debian', name), name)
  truncateSync(join(images, 'debian', 'squashfs'), 200_000_000)
  await using box = await openBox({
    networks: [{ name: 'lab', addresses: ['10.77.0.1/16'] }],
    settings: `
approve: all
networks: [{interface: lab, mode: full, pool: 10.77.1.0-10.77.99.255}]
images: [{name: debian, folder: ${join(images, 'debian')}}]
`,
  })
  const rack = await box.addNeighbour('lab')
  await rack.run(['ip', 'address', 'add', '10.77.0.9/16', 'dev', 'eth0'])
  const leased = new Map<Mac, Ipv4>()
  using wire = new Rack(rack.name)
  const attempt = await bootedMachine(box, wire, rack.name)
  const reported = new Set<string>()
  let clients = 0

  for (let round = 1; round <= rounds; round++) {
    const children = childrenOf(box.appliance.pid)
    t.equal(children.length, 1, 'the process that delivers images')
    const download = await connectedInside(rack.name, box1.delivery)
    writeSync(download, 'GET /images/debian/squashfs HTTP/1.1\r\nHost: x\r\n\r\n')
    const traffic = new AbortController()
    const reports = report(rack.name, attempt, `${round}`, reported, traffic.signal)
    const first = clients
    const reportedBefore = reported.size
    const asking = paced(1_000, clientsPerSecond, () => {
      if (!traffic.signal.aborted) wire.join(macNumber(clients++))
    })
    await until(
      'some clients are served, and some reports accepted',
      () => wire.leased.size >= least.leases && reported.size >= reportedBefore + least.reports,
    )
    await pause(Math.random() * 1_500)
    await box.kill()
    traffic.abort()
    await Promise.all([reports, asking])
    await until('the process that delivers images has ended', () => !children.some(isAlive))
    closeSync(download)

    for (const [mac, address] of wire.leased) leased.set(mac, address)
    wire.leased.clear()
    await box.start()
    t.ok(clients > first, `round ${round}: ${clients - first} clients asked, ${leased.size} leases in all`)
  }

  t.equal(new Set(leased.values()).size, leased.size, 'no address was acknowledged to two')
  wire.refused.clear()
  const all = [...leased]
  await paced(all.length, 500, (index) => {
    const [mac, address] = all[index] ?? [macNumber(0), noAddress]
    wire.reboot(mac, address)
  })
  await until('all who had an address keep it', () => wire.leased.size >= leased.size, 60_000).catch(() => {})
  t.same([...wire.refused], [], 'nobody is refused')
  t.same(
    all.filter(([mac, address]) => wire.leased.get(mac) !== address),
    [],
    `${leased.size} leases are there`,
  )
  const stored = new Set(
    (await box.events('cloud-init-started')).map(({ event }) => ('stage' in event ? event.stage : '')),
  )
  t.same(
    [...reported].filter((stage) => !stored.has(stage)),
    [],
    `${reported.size} reports are there`,
  )
  t.ok(leased.size >= rounds * least.leases && reported.size >= rounds * least.reports)
})

/** Many clients on one wire, each as far as its last packet says. */
class Rack implements Disposable {
  readonly leased = new Map<Mac, Ipv4>()
  readonly refused = new Set<Mac>()
  readonly #frames: Frames

  constructor(namespace: string) {
    this.#frames = openFrames(namespace, 'eth0', (frame) => {
      const datagram = datagramIn(frame)
      if (datagram?.fromPort !== 67) return
      const decoded = decode(datagram.bytes)
      if (decoded.kind === 'message') this.#hear(decoded.message)
    })
  }

  join(mac: Mac): void {
    this.send(mac, 'discover', [])
  }

  /** Asks for an address as a system does that starts again (RFC 2131 §4.3.2, INIT-REBOOT). */
  reboot(mac: Mac, address: Ipv4): void {
    this.send(mac, 'request', [[optionCodes.requestedAddress, addressValue(address)]])
  }

  send(mac: Mac, type: MessageTypeName, options: readonly (readonly [number, Uint8Array])[]): void {
    const chaddr = new Uint8Array(16)
    chaddr.set(bytesOfMac(mac))
    const all = new Map([[optionCodes.messageType, Uint8Array.of(messageTypes[type])], ...options])
    this.sendMessage(mac, someMessage({ chaddr, options: all }))
  }

  sendMessage(fromMac: Mac, message: DhcpMessage): void {
    const { bytes } = encode(message, { maxBytes: 1472 })
    const addresses = { from: noAddress, fromPort: 68, to: everyone, toPort: 67 }
    this.#frames.send(frameFor({ fromMac, toMac: everyMac, ...addresses, bytes }))
  }

  #hear(message: DhcpMessage): void {
    const mac = macOf(message)
    if (mac === undefined) return
    const type = messageTypeOf(message)
    if (type === 'nak') this.refused.add(mac)
    if (type === 'ack') this.leased.set(mac, message.yiaddr)
    if (type !== 'offer') return
    this.send(mac, 'request', [
      [optionCodes.requestedAddress, addressValue(message.yiaddr)],
      [optionCodes.serverIdentifier, addressValue(server)],
    ])
  }

  [Symbol.dispose](): void {
    this.#frames[Symbol.dispose]()
  }
}

/** A machine that has come to its script; gives the number of its boot. */
async function bootedMachine(box: Box, wire: Rack, namespace: string): Promise<string> {
  const chaddr = new Uint8Array(16)
  chaddr.set(bytesOfMac(firmwareMac))
  wire.sendMessage(firmwareMac, { ...golden('discover-uefi-pxe'), chaddr })
  await until('firmware has an address', () => wire.leased.has(firmwareMac))
  const script = await askInside(namespace, box1.http, {
    path: `/boot.ipxe?mac=${firmwareMac.replaceAll(':', '-')}`,
  })
  if (script.status !== 200) throw new Error(script.body.toString())
  const [summary] = await box.machines()
  if (summary?.attempt === undefined) throw new Error('no boot is on record')
  return summary.attempt.id
}

/** Reports steps of a boot, one after another, and adds each to `reported` that was accepted. */
async function report(
  namespace: string,
  attempt: string,
  round: string,
  reported: Set<string>,
  stop: AbortSignal,
): Promise<void> {
  for (let step = 0; !stop.aborted && step < 100; step++) {
    const name = `round-${round}/step-${step}`
    const body = JSON.stringify({
      name,
      event_type: 'start',
      origin: 'cloudinit',
      description: 'a test',
      timestamp: 1,
    })
    try {
      const { status } = await askInside(namespace, box1.http, {
        method: 'POST',
        path: `/report/${attempt}`,
        body,
      })
      if (status === 204) reported.add(name)
    } catch {
      // The appliance was killed while it answered; nothing was promised.
      return
    }
    await pause(5)
  }
}
