import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { Finding } from '../../server/appliance/finding.ts'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'
import { encode } from '../../server/dhcp/encode.ts'
import type { DhcpMessage } from '../../server/dhcp/message.ts'
import { messageTypeOf } from '../../server/dhcp/options.ts'
import { probeMs } from '../../server/listen/address-prober.ts'
import { bytesOfIpv4, everyone, noAddress } from '../../server/wire/ipv4.ts'
import { bytesOfMac, type Mac } from '../../server/wire/mac.ts'
import { golden, messageOf } from '../dhcp/golden.ts'
import { macNumber } from '../networks/a-network.ts'
import { openBox, until, type Box } from './a-box.ts'
import { datagramIn, everyMac, frameFor, frameOf } from './datagram.ts'
import { dhclient, dhclientFiles, udhcpc } from './dhcp-clients.ts'
import { openFrames } from './frames.ts'
import { needs } from './needs.ts'

// Machines that use an address of the pool without having asked for it, and clients that must not get it.

t.setTimeout(600_000)
const needed = needs('udhcpc')
const networks = [{ name: 'lab', addresses: ['10.89.0.1/16'] }]
const settingsFor = (more: string) => `
approve: all
networks: [{name: lab, interface: lab, mode: full, pool: 10.89.0.100-10.89.9.255${more}}]
`
const squatterMac = '52:54:00:89:00:99'

/** TUNSETIFF with IFF_TUN and IFF_NO_PI (<linux/if_tun.h>). */
const tunnelEnd = `
import fcntl, struct, time
end = open('/dev/net/tun', 'rb+', buffering=0)
fcntl.ioctl(end, 0x400454ca, struct.pack('16sH', b'tun7', 0x1001))
time.sleep(600)
`

async function addSquatter(box: Box, ...addresses: readonly string[]): Promise<NetworkNamespace> {
  const squatter = await box.addNeighbour('lab', { mac: squatterMac })
  for (const address of addresses) {
    await squatter.run(['ip', 'address', 'add', `${address}/16`, 'dev', 'eth0'])
  }
  return squatter
}

/** The ARP questions of the box that are heard at an interface: who asks, as whom, and for what. */
function probesHeard(neighbour: NetworkNamespace) {
  const asked: { fromMac: string; as: string; address: string }[] = []
  const frames = openFrames(neighbour.name, 'eth0', (frame) => {
    const { fromMac, etherType } = frameOf(frame)
    if (etherType !== 0x0806 || frame.readUInt16BE(20) !== 1) return
    const address = (at: number) => [...frame.subarray(at, at + 4)].join('.')
    asked.push({ fromMac, as: address(28), address: address(38) })
  })
  return { asked, [Symbol.dispose]: () => frames[Symbol.dispose]() }
}

async function boxMac(box: Box): Promise<string> {
  return (await box.namespace.run(['cat', '/sys/class/net/lab/address'])).stdout.trim()
}

t.test('an address that somebody uses is given to nobody, and who it is is told', needed, async (t) => {
  await using box = await openBox({ networks, settings: settingsFor('') })
  await addSquatter(box, '10.89.0.100')
  const mac = '52:54:00:89:00:01'
  const machine = await box.addNeighbour('lab', { mac })
  using heard = probesHeard(machine)
  const firmware = ['-V', 'PXEClient:Arch:00007:UNDI:003000', '-x', '0x5d:0007']
  await using client = await udhcpc(machine, [...firmware, '-t', '5', '-T', '3'])
  t.match(await client.next(['bound']), { ip: '10.89.0.101' })
  const told = await box.appliance.waitFor('address-in-use', () => true, { withinMs: 60_000 })
  t.match(told, {
    event: { network: 'lab', mac, inUse: '10.89.0.100', by: squatterMac, quarantineSeconds: 600 },
    attempt: /./,
  })
  const own = await boxMac(box)
  t.same(
    heard.asked.filter(({ fromMac }) => fromMac === own).filter(({ as }) => as === noAddress),
    ['10.89.0.100', '10.89.0.101', '10.89.0.101'].map((address) => ({
      fromMac: own,
      as: noAddress,
      address,
    })),
    'asked as nobody: once where somebody is, and twice where nobody is',
  )

  const before = heard.asked.length
  client.signal('SIGUSR1')
  t.match(await client.next(['renew']), { ip: '10.89.0.101' })
  client.signal('SIGKILL')
  await client.ended
  await using anew = await udhcpc(machine, firmware)
  t.match(await anew.next(['bound']), { ip: '10.89.0.101' })
  const more = heard.asked.slice(before).filter(({ as }) => as === noAddress)
  t.same(more, [], 'who has a lease is asked about no more')

  await box.kill()
  await box.start()
  await using greedy = await udhcpc(await box.addNeighbour('lab'), ['-r', '10.89.0.100'])
  t.match(await greedy.next(['bound']), { ip: '10.89.0.102' }, 'after kill -9 the address still rests')
  t.same(await box.events('addresses-not-probed'), [])
})

t.test('no address that the box itself has is given to a machine', needed, async (t) => {
  const own = [{ name: 'lab', addresses: ['10.89.0.1/16', '10.89.0.100/16'] }]
  await using box = await openBox({ networks: own, settings: settingsFor('') })
  await using client = await udhcpc(await box.addNeighbour('lab'), ['-r', '10.89.0.100'])
  t.match(await client.next(['bound']), { ip: '10.89.0.101' })
})

t.test('the machine at an address may ask for it', needed, async (t) => {
  await using box = await openBox({ networks, settings: settingsFor('') })
  const squatter = await addSquatter(box, '10.89.0.150')
  // It uses the address until it has a lease, as a system does whose box has lost its store.
  await squatter.run(['ip', 'address', 'add', '10.89.0.150/32', 'dev', 'lo'])
  await using client = await udhcpc(squatter, ['-r', '10.89.0.150'])
  t.match(await client.next(['bound']), { ip: '10.89.0.150' })
  t.same(await box.events('address-in-use'), [])
})

t.test('with probe: false nobody is asked, and the address is given', needed, async (t) => {
  await using box = await openBox({ networks, settings: settingsFor(', probe: false') })
  await addSquatter(box, '10.89.0.100')
  const machine = await box.addNeighbour('lab')
  using heard = probesHeard(machine)
  await using client = await udhcpc(machine)
  t.match(await client.next(['bound']), { ip: '10.89.0.100' })
  t.same(
    heard.asked.filter(({ as }) => as === noAddress),
    [],
  )
  t.same(await box.events('address-in-use'), [])
})

t.test('an address that dhclient declines rests', needs('dhclient'), async (t) => {
  await using box = await openBox({ networks, settings: settingsFor('') })
  const machine = await box.addNeighbour('lab', { mac: '52:54:00:89:00:03' })
  const files = await dhclientFiles(await mkdtemp(join(box.folder, 'dhclient-')))
  // dhclient sends DECLINE when its script ends badly, which Debian's does not and administrators' do.
  const finding = 'case $reason:$new_ip_address in BOUND:10.89.0.100) exit 1 ;; esac'
  await writeFile(
    files.script,
    `#!/bin/sh\n${finding}\necho "@event=$reason"\nenv | sed 's/^/@/'\necho '@@'\n`,
  )
  await using client = dhclient(machine, files)
  const declined = await box.appliance.waitFor('address-declined', () => true, { withinMs: 60_000 })
  t.match(declined.event, { declined: '10.89.0.100', mac: '52:54:00:89:00:03', quarantineSeconds: 600 })
  t.match(await client.next(['BOUND']), { new_ip_address: '10.89.0.101' })
  await using other = await udhcpc(await box.addNeighbour('lab'), ['-r', '10.89.0.100'])
  t.match(await other.next(['bound']), { ip: '10.89.0.102' })
})

t.test(
  'five hundred machines that ask at once wait for one probe, not for five hundred',
  needed,
  async (t) => {
    await using box = await openBox({ networks, settings: settingsFor('') })
    const taken = ['10.89.0.100', '10.89.0.140', '10.89.0.255', '10.89.1.7', '10.89.1.99']
    await addSquatter(box, ...taken)
    // The pool waits for the word of another server; who has an address tells that it is open.
    await using first = await udhcpc(await box.addNeighbour('lab'))
    await first.next(['bound'])
    const rack = await box.addNeighbour('lab')
    const offers = new Map<number, DhcpMessage>()
    const acks = new Map<number, DhcpMessage>()
    using wire = openFrames(rack.name, 'eth0', (frame) => {
      const datagram = datagramIn(frame)
      if (datagram?.fromPort !== 67) return
      const message = messageOf(datagram.bytes)
      const heard = messageTypeOf(message) === 'offer' ? offers : acks
      heard.set(message.xid, message)
    })
    const send = (message: DhcpMessage, fromMac: Mac): void => {
      const addresses = { from: noAddress, fromPort: 68, to: everyone, toPort: 67 }
      const { bytes } = encode(message, { maxBytes: 1472 })
      wire.send(frameFor({ fromMac, toMac: everyMac, ...addresses, bytes }))
    }
    const count = 500
    const discovers = Array.from({ length: count }, (_, index) => {
      const mac = macNumber(0x890_0000 + index)
      const chaddr = new Uint8Array(16)
      chaddr.set(bytesOfMac(mac))
      const options = new Map([...golden('discover-uefi-pxe').options].filter(([code]) => code !== 97))
      return { mac, message: { ...golden('discover-uefi-pxe'), xid: 1 + index, chaddr, options } }
    })
    const began = performance.now()
    for (const { mac, message } of discovers) send(message, mac)
    // A tenth of what as many probes take one after another; on a quiet machine it is a second, before anybody asks again.
    const longestMs = (count * probeMs.end) / 10
    await until('an offer for each', () => offers.size === count, longestMs)
    t.comment(`${count} offers after ${Math.round(performance.now() - began)} ms`)

    for (const { mac, message } of discovers) {
      const offered = offers.get(message.xid)!.yiaddr
      const options = new Map(message.options)
        .set(53, Uint8Array.of(3))
        .set(50, bytesOfIpv4(offered))
        .set(54, Uint8Array.of(10, 89, 0, 1))
      send({ ...message, options }, mac)
    }
    await until('an ACK for each', () => acks.size === count)
    const given = [...acks.values()].map(({ yiaddr }) => yiaddr)
    t.equal(new Set(given).size, count, 'an address for each')
    t.same(
      given.filter((address) => taken.includes(address)),
      [],
      'and none that somebody uses',
    )
    const told = (await box.events('address-in-use')).map(({ event }) => JSON.stringify(event))
    t.equal(told.length, taken.length)
    for (const address of taken)
      t.equal(told.filter((event) => event.includes(`"${address}"`)).length, 1, address)
  },
)

t.test('where there is no ARP that is told, and the network is served', needs('python3'), async (t) => {
  const tunnel = 'networks:\n  - {interface: tun7, mode: full, pool: 10.90.0.10-10.90.0.20}\n'
  const settings = `${tunnel}  - {interface: lab, mode: observe}\nboot-files: {22: nowhere.efi}\n`
  await using box = await openBox({ networks, settings })
  await box.stop()
  for (const words of [
    'ip tuntap add dev tun7 mode tun',
    'ip address add 10.90.0.1/24 dev tun7',
    'ip link set tun7 up',
  ]) {
    await box.namespace.run(words.split(' '))
  }
  // A tunnel runs while somebody holds its other end.
  box.namespace.start(['python3', '-c', tunnelEnd], { stdio: 'ignore' })
  await until('the tunnel runs', async () => {
    const { stdout } = await box.namespace.run(['ip', 'link', 'show', 'tun7'])
    return stdout.includes('LOWER_UP')
  })
  await box.start()
  const told = await box.appliance.waitFor('addresses-not-probed', () => true, { withinMs: 60_000 })
  t.match(told.event, { network: 'tun7', because: 'tun7 is no Ethernet interface, and has no ARP' })
  t.match(await box.ask('/api/v1/status'), { networks: [{ name: 'tun7', problem: undefined }, {}] })
  await box.stop()
  const words = ['check', '--settings', box.settingsFile, '--output', 'json']
  const { stdout } = await box.namespace
    .run([process.execPath, join(import.meta.dirname, '../../server/main.ts'), ...words])
    .catch((error: { stdout: string }) => error)
  const findings = JSON.parse(stdout) as readonly Finding[]
  t.match(
    findings.find(({ subject }) => subject === 'ARP probes on tun7'),
    { verdict: 'wrong', fact: /no Ethernet/ },
  )
  t.match(
    findings.find(({ subject }) => subject === 'boot file for architecture 22'),
    { verdict: 'wrong', fact: 'there is no nowhere.efi', nextStep: /^Put it into one of / },
  )
})
