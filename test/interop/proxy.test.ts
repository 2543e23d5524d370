import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Mac } from '../../server/wire/mac.ts'
import { ip } from '../networks/a-network.ts'
import { openBox, until } from './a-box.ts'
import { dhclient, dhclientFiles, udhcpc } from './dhcp-clients.ts'
import { startDhcpd, startDnsmasq, startKea } from './foreign-servers.ts'
import { needs } from './needs.ts'
import { askBootServer, startFirmware, startPickyFirmware } from './pxe-firmware.ts'
import { sniff } from './sniff.ts'

// A box in mode `proxy` beside a server that it does not know of: dnsmasq, Kea, and ISC's dhcpd.

t.setTimeout(600_000)
const networks = [{ name: 'lab', addresses: ['10.86.0.1/24'] }]
const settings = `
approve: []
networks: [{name: lab, interface: lab, mode: proxy}]
`
const plan = { address: '10.86.0.2/24', first: '10.86.0.100', last: '10.86.0.150' }
const theirs = { serverid: '10.86.0.2', ip: /^10\.86\.0\.1[0-5][0-9]$/ }

for (const [name, start] of [
  ['dnsmasq', startDnsmasq],
  ['kea-dhcp4', startKea],
  ['dhcpd', startDhcpd],
] as const) {
  t.test(
    `beside ${name} a box boots machines and gives no address`,
    needs(name, 'udhcpc', 'dhclient', 'atftp', 'curl'),
    async (t) => {
      await using box = await openBox({ networks, settings })
      await using foreign = await start(await box.addNeighbour('lab'), plan)
      void foreign
      const listener = await box.addNeighbour('lab')
      using wire = sniff(listener.name)
      const fromBox = () =>
        wire.datagrams().filter(({ from, fromPort }) => from === '10.86.0.1' && fromPort === 67)

      {
        await using client = await udhcpc(await box.addNeighbour('lab'))
        t.match(await client.next(['bound']), theirs)
      }
      {
        await using files = new AsyncDisposableStack()
        const folder = await mkdtemp(join(tmpdir(), 'dhclient-'))
        files.defer(async () => await rm(folder, { recursive: true, force: true, maxRetries: 10 }))
        await using client = dhclient(await box.addNeighbour('lab'), await dhclientFiles(folder))
        t.match(await client.next(['BOUND']), { new_ip_address: theirs.ip })
      }
      t.same(fromBox(), [], 'ordinary clients hear nothing of the box')

      const mac = '52:54:00:86:00:01' as Mac
      const machine = await box.addNeighbour('lab', { mac })
      const { address: own, server, offers } = await startFirmware(machine, mac)
      t.match({ own, server }, { own: theirs.ip, server: theirs.serverid })
      const ours = offers.filter((offer) => offer.siaddr === '10.86.0.1')
      t.ok(ours.length > 0, 'the box made an offer')
      for (const offer of ours)
        t.match(offer, { yiaddr: '0.0.0.0', file: 'snponly.efi' }, 'without an address')
      t.ok(fromBox().every(({ toPort }) => toPort === 68))

      const told = await askBootServer(machine, { mac, address: own, server: ip('10.86.0.1') })
      t.equal(told, 'snponly.efi', 'the boot server answers from its own port')

      const file = join(box.folder, 'fetched')
      await machine.run(['atftp', '--get', '-r', 'snponly.efi', '-l', file, '10.86.0.1'])
      const query = `mac=${mac.replaceAll(':', '-')}&ip=${own}&platform=efi&buildarch=x86_64`
      const { stdout } = await machine.run(['curl', '-sS', `http://10.86.0.1:8080/boot.ipxe?${query}`])
      t.match(stdout, /^#!ipxe[^]*it is not approved/)

      const end = await box.appliance.waitFor('attempt-ended', () => true, { withinMs: 60_000 })
      const boot = (await box.events()).filter(
        ({ attempt }) => attempt !== undefined && attempt === end.attempt,
      )
      const kinds = new Set<string>(boot.map(({ event }) => event.kind))
      for (const kind of [
        'firmware-asked',
        'boot-offered',
        'address-taken',
        'program-sent',
        'script-served',
      ]) {
        t.ok(kinds.has(kind), `${kind} belongs to the boot`)
      }
      t.match(boot.find(({ event }) => event.kind === 'address-taken')?.event, {
        taken: own,
        from: 'the server 10.86.0.2',
      })
      t.same(
        (await box.machines()).map(({ machine: { macs } }) => macs),
        [[mac]],
        'one machine is on record',
      )
    },
  )
}

for (const [taste, powerOns] of [
  ['with-43', 1],
  ['without-43', 2],
  ['boot-server', 3],
] as const) {
  t.test(
    `a ROM that takes ${taste} only boots at power-on ${powerOns}, and at each after, also by a new start`,
    needs('dnsmasq', 'atftp'),
    async (t) => {
      await using box = await openBox({ networks, settings })
      await using foreign = await startDnsmasq(await box.addNeighbour('lab'), plan)
      void foreign
      const mac = '52:54:00:86:00:02' as Mac
      const machine = await box.addNeighbour('lab', { mac })
      const file = join(box.folder, 'fetched')
      const powerOn = async (xid: number): Promise<boolean> => {
        // Longer than two cards of one machine are apart.
        const found = await startPickyFirmware(machine, mac, taste, { xid, collectMs: 3_200 })
        if (found === undefined) return false
        await machine.run(['atftp', '--get', '-r', found.file, '-l', file, found.from])
        await until('the transfer is told', async () => (await box.events('program-sent')).length > 0)
        return true
      }
      const ends: boolean[] = []
      for (let xid = 1; xid <= powerOns; xid++) ends.push(await powerOn(xid))
      t.same(ends, [...Array<boolean>(powerOns - 1).fill(false), true])
      await until('it is kept', async () => (await box.events('proxy-strategy-worked')).length === 1)
      const told = await box.events('proxy-strategy-changed')
      t.ok(
        told.every(({ attempt }) => attempt !== undefined),
        'each change stands in the timeline of its boot',
      )
      const changes = told.map(({ event }) => event)
      t.match(changes, [{ from: 'with-43', to: 'without-43' }, { to: 'boot-server' }].slice(0, powerOns - 1))
      t.equal(changes.length, powerOns - 1)
      t.match(
        (await box.cli('machines', 'show', mac)).stdout,
        `proxy      offer ${taste}, which has worked\n`,
      )

      t.ok(await powerOn(91))
      await box.stop()
      await box.start()
      t.ok(await powerOn(92), 'what was learnt is on disk')
      t.equal((await box.events('proxy-strategy-changed')).length, powerOns - 1)
    },
  )
}

t.test(
  'the settings of a machine count before those of its network, and those before the ladder',
  needs('dnsmasq'),
  async (t) => {
    const [fixed, own] = ['52:54:00:86:00:03', '52:54:00:86:00:04'] as const
    await using box = await openBox({
      networks,
      settings: `
networks: [{name: lab, interface: lab, mode: proxy, proxy-offer: boot-server}]
defaults: {method: local}
machines: [{mac: "${own}", proxy-offer: without-43}]
`,
    })
    await using foreign = await startDnsmasq(await box.addNeighbour('lab'), plan)
    void foreign
    for (const [mac, taste] of [
      [fixed, 'boot-server'],
      [own, 'without-43'],
    ] as const) {
      const machine = await box.addNeighbour('lab', { mac })
      for (const xid of [1, 2]) {
        const found = await startPickyFirmware(machine, mac as Mac, taste, { xid, collectMs: 3_200 })
        t.match(found, { file: 'snponly.efi' }, `${taste}, power-on ${xid}`)
      }
    }
    t.same(await box.events('proxy-strategy-changed'), [])
  },
)
