import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Finding } from '../../server/appliance/finding.ts'
import { openBox } from './a-box.ts'
import { datagramIn } from './datagram.ts'
import { udhcpc } from './dhcp-clients.ts'
import { needs } from './needs.ts'
import { addVlan, openTagged, withTag, type TaggedFrame } from './vlan.ts'

// One card of the box, with an untagged network and two VLANs: three networks on one wire.

t.setTimeout(600_000)
const needed = needs('udhcpc', 'atftp', 'curl')
const networks = [{ name: 'lab', addresses: ['10.92.0.1/24'] }]
const settings = `
approve: all
boot-programs: [./programs]
networks:
  - {interface: lab, mode: full, pool: 10.92.0.100-10.92.0.120}
  - {interface: lab.20, mode: full, pool: 10.92.20.100-10.92.20.120}
  - {interface: lab.30, mode: full, pool: 10.92.30.100-10.92.30.120}
`
const program = Buffer.from('a boot program of one block'.repeat(10))
const firmware = ['-V', 'PXEClient:Arch:00007:UNDI:003000', '-x', '0x5d:0007']

t.test('each VLAN of a card is a network of its own, and nothing crosses over', needed, async (t) => {
  await using cables = new AsyncDisposableStack()
  await using box = await openBox({ networks, settings })
  await box.stop()
  mkdirSync(join(box.folder, 'programs'))
  writeFileSync(join(box.folder, 'programs', 'snponly.efi'), program)
  for (const vlan of [20, 30]) {
    cables.use(await addVlan(box.namespace, 'lab', vlan, `10.92.${vlan}.1/24`))
  }
  await box.start()
  const heard: TaggedFrame[] = []
  const listener = await box.addNeighbour('lab')
  cables.use(openTagged(listener.name, 'eth0', (tagged) => heard.push(tagged)))

  for (const [vlan, mac] of [
    [undefined, '52:54:00:92:00:01'],
    [20, '52:54:00:92:00:02'],
    [30, '52:54:00:92:00:03'],
  ] as const) {
    const machine = await box.addNeighbour('lab', { mac })
    if (vlan !== undefined) cables.use(await addVlan(machine, 'eth0', vlan))
    const device = vlan === undefined ? 'eth0' : `eth0.${vlan}`
    const third = vlan ?? 0
    await using client = await udhcpc(machine, ['-i', device, ...firmware, '-t', '6', '-T', '2'])
    const bound = await client.next(['bound'])
    const server = `10.92.${third}.1`
    t.match(bound, { ip: `10.92.${third}.100`, serverid: server, siaddr: server, interface: device })
    t.match(bound['boot_file'], 'snponly.efi')
    const fetched = join(box.folder, `fetched-${third}`)
    await machine.run(['atftp', '--get', '-r', 'snponly.efi', '-l', fetched, server])
    const { stdout } = await machine.run(['cat', fetched])
    t.equal(stdout, program.toString(), 'the boot program came by TFTP')
    const query = `mac=${mac.replaceAll(':', '-')}&ip=${bound['ip']}`
    const script = await machine.run(['curl', '-sS', '-m', '10', `http://${server}:8080/boot.ipxe?${query}`])
    t.match(script.stdout, /^#!ipxe/)
    client.signal('SIGUSR1')
    t.match(await client.next(['renew']), { ip: bound['ip'] })
  }

  const answers = heard.flatMap(({ vlan, frame }) => {
    const datagram = datagramIn(frame)
    return datagram?.fromPort === 67 ? [{ vlan, from: datagram.from }] : []
  })
  const crossed = answers.filter(({ vlan, from }) => from !== `10.92.${vlan ?? 0}.1`)
  t.same(crossed, [])
  for (const vlan of [undefined, 20, 30]) {
    t.ok(answers.filter((answer) => answer.vlan === vlan).length >= 2, `answers in ${vlan ?? 'no VLAN'}`)
  }
  const leased = (await box.events('address-leased')).map(({ event }) => event.network)
  t.same(new Set(leased), new Set(['lab', 'lab.20', 'lab.30']))
  t.same(await box.events('foreign-server-seen'), [], 'the box does not meet itself')
  const { networks: served } = (await box.ask('/api/v1/status')) as {
    networks: readonly { name: string; problem?: string }[]
  }
  t.same(
    served.map(({ name, problem }) => [name, problem]),
    [
      ['lab', undefined],
      ['lab.20', undefined],
      ['lab.30', undefined],
    ],
  )
})

t.test('an address is in use only where it is, and not in another VLAN', needed, async (t) => {
  await using cables = new AsyncDisposableStack()
  await using box = await openBox({ networks, settings })
  await box.stop()
  for (const vlan of [20, 30]) {
    cables.use(await addVlan(box.namespace, 'lab', vlan, `10.92.${vlan}.1/24`))
  }
  await box.start()
  const squatter = await box.addNeighbour('lab', { mac: '52:54:00:92:00:99' })
  cables.use(await addVlan(squatter, 'eth0', 20, '10.92.20.100/24'))
  // A VLAN that the box has not; who is in it says over and over that it has the first address of the untagged pool.
  using elsewhere = openTagged(squatter.name, 'eth0', () => {})
  const claim = Buffer.from(
    'ffffffffffff525400920099' +
      '0806' +
      '0001080006040002' +
      '525400920099' +
      '0a5c0064' +
      'ffffffffffff' +
      '0a5c0064',
    'hex',
  )
  const claiming = setInterval(() => elsewhere.send(withTag(claim, 40)), 20)
  try {
    await using near = await udhcpc(await box.addNeighbour('lab'), ['-t', '6', '-T', '2'])
    t.match(await near.next(['bound']), { ip: '10.92.0.100' })
  } finally {
    clearInterval(claiming)
  }
  const machine = await box.addNeighbour('lab')
  cables.use(await addVlan(machine, 'eth0', 20))
  await using client = await udhcpc(machine, ['-i', 'eth0.20', '-t', '6', '-T', '2'])
  t.match(await client.next(['bound']), { ip: '10.92.20.101' })
  t.match(
    (await box.events('address-in-use')).map(({ event }) => event),
    [{ network: 'lab.20', inUse: '10.92.20.100', by: '52:54:00:92:00:99' }],
  )
})

t.test('the check takes the names of VLANs', needed, async (t) => {
  await using cables = new AsyncDisposableStack()
  await using box = await openBox({ networks, settings })
  await box.stop()
  cables.use(await addVlan(box.namespace, 'lab', 20, '10.92.20.1/24'))
  const words = ['check', '--settings', box.settingsFile, '--output', 'json']
  const { stdout } = await box.namespace
    .run([process.execPath, join(import.meta.dirname, '../../server/main.ts'), ...words])
    .catch((error: { stdout: string }) => error)
  const findings = JSON.parse(stdout) as readonly Finding[]
  const about = (subject: string) => findings.find((finding) => finding.subject === subject)
  t.match(about('network lab.20'), { verdict: 'well', fact: 'full on lab.20 as 10.92.20.1/24' })
  t.match(about('UDP 67 on lab.20'), { verdict: 'well' })
  t.match(about('ARP probes on lab.20'), { verdict: 'well' })
  t.match(about('network lab.30'), { verdict: 'wrong', fact: /no interface lab\.30/ })
})
