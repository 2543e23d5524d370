import t from 'tap'
import { openBox, until } from './a-box.ts'
import { everyMac } from './datagram.ts'
import { udhcpc } from './dhcp-clients.ts'
import { needs } from './needs.ts'
import { sniff } from './sniff.ts'

// The packets that wake a machine, read off the wire by a listener on its own network, and on another.

t.setTimeout(600_000)
const needed = needs('udhcpc')
const mac = '52:54:00:93:00:01'
const firmware = ['-V', 'PXEClient:Arch:00007:UNDI:003000', '-x', '0x5d:0007']

t.test('a machine is woken on its own network, without any setting', needed, async (t) => {
  await using box = await openBox({
    networks: [
      { name: 'lab', addresses: ['10.93.0.1/24'] },
      { name: 'office', addresses: ['10.94.0.1/24'] },
    ],
    settings: `
approve: all
networks:
  - {interface: lab, mode: full, pool: 10.93.0.100-10.93.0.120, probe: false}
  - {interface: office, mode: full, pool: 10.94.0.100-10.94.0.120, probe: false}
`,
  })
  const machine = await box.addNeighbour('lab', { mac })
  {
    await using client = await udhcpc(machine, ['-i', 'eth0', ...firmware, '-t', '6', '-T', '2'])
    await client.next(['bound'])
  }
  const beside = await box.addNeighbour('lab', { mac: '52:54:00:93:00:77' })
  const elsewhere = await box.addNeighbour('office', { mac: '52:54:00:94:00:77' })
  using heard = sniff(beside.name)
  using heardElsewhere = sniff(elsewhere.name)
  const packets = (): readonly string[] =>
    heard
      .datagrams()
      .filter(({ toPort }) => toPort === 9)
      .map(({ toMac, to, from, bytes }) => `${toMac} ${to} ${from} ${Buffer.from(bytes).toString('hex')}`)

  const woken = await box.cli('machines', 'power', mac, 'on')
  t.equal(woken.code, 0, woken.stderr)
  t.match(woken.stderr, /was told: on, by wake-on-lan\.\nBut nobody answers to Wake-on-LAN/)
  await until('the packets are heard', () => packets().length >= 3)
  const packet = `ffffffffffff${'525400930001'.repeat(16)}`
  t.strictSame(packets(), Array(3).fill(`${everyMac} 255.255.255.255 10.93.0.1 ${packet}`))
  t.strictSame(
    heardElsewhere.datagrams().filter(({ toPort }) => toPort === 9),
    [],
  )
  t.match((await box.events('power-turned'))[0]?.event, { mac, way: 'wake-on-lan', action: 'on' })

  for (const action of ['off', 'cycle', 'status']) {
    const refused = await box.cli('machines', 'power', mac, action)
    t.equal(refused.code, 1, action)
    t.match(refused.stderr, /can only be woken.*redfish, ipmi or a webhook/, action)
  }
})
