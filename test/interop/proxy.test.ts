import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { encode } from '../../server/dhcp/encode.ts'
import { openUdp } from '../../server/listen/udp-socket.ts'
import { bytesOfMac } from '../../server/wire/mac.ts'
import type { Mac } from '../../server/wire/mac.ts'
import { golden, messageOf } from '../dhcp/golden.ts'
import { ip } from '../networks/a-network.ts'
import { openBox, until } from './a-box.ts'
import { dhclient, dhclientFiles, udhcpc } from './dhcp-clients.ts'
import { startDnsmasq, startKea } from './foreign-servers.ts'
import { inside } from './inside.ts'
import { needs } from './needs.ts'
import { startFirmware } from './pxe-firmware.ts'
import { sniff } from './sniff.ts'

// A box in mode `proxy` beside a server that it does not know of: dnsmasq, and Kea.

t.setTimeout(120_000)
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
        files.defer(async () => await rm(folder, { recursive: true, force: true }))
        await using client = dhclient(await box.addNeighbour('lab'), await dhclientFiles(folder))
        t.match(await client.next(['BOUND']), { new_ip_address: theirs.ip })
      }
      t.same(fromBox(), [], 'ordinary clients hear nothing of the box')

      const mac = '52:54:00:86:00:01' as Mac
      const machine = await box.addNeighbour('lab', { mac })
      const { address: own, server, offers } = await startFirmware(machine, mac)
      t.match({ own, server }, { own: theirs.ip, server: theirs.serverid })
      const ours = offers.filter((offer) => offer.siaddr === '10.86.0.1')
      t.match(ours, [{ yiaddr: '0.0.0.0', file: 'snponly.efi' }], 'one offer of the box, without an address')
      t.ok(fromBox().every(({ toPort }) => toPort === 68))

      const asked = { ...golden('request-boot-server'), ciaddr: own, chaddr: chaddrOf(mac) }
      const heard: string[] = []
      {
        await using socket = inside(machine.name, () =>
          openUdp({ address: own, port: 4011 }, (datagrams) => {
            for (const { bytes, from } of datagrams)
              heard.push(`${from.address}:${from.port} ${messageOf(bytes).file}`)
          }),
        )
        socket.send(encode(asked).bytes, { address: ip('10.86.0.1'), port: 4011 })
        await until('the boot server', () => heard.length > 0)
      }
      t.same(heard, ['10.86.0.1:4011 snponly.efi'], 'the boot server answers from its own port')

      const file = join(box.folder, 'fetched')
      await machine.run(['atftp', '--get', '-r', 'snponly.efi', '-l', file, '10.86.0.1'])
      const query = `mac=${mac.replaceAll(':', '-')}&ip=${own}&platform=efi&buildarch=x86_64`
      const { stdout } = await machine.run(['curl', '-sS', `http://10.86.0.1:8080/boot.ipxe?${query}`])
      t.match(stdout, /^#!ipxe[^]*it is not approved/)

      const end = await box.appliance.waitFor('attempt-ended', () => true, { withinMs: 5_000 })
      const told = (await box.events()).filter(
        ({ attempt }) => attempt !== undefined && attempt === end.attempt,
      )
      const kinds = new Set<string>(told.map(({ event }) => event.kind))
      for (const kind of [
        'firmware-asked',
        'boot-offered',
        'address-taken',
        'program-sent',
        'script-served',
      ]) {
        t.ok(kinds.has(kind), `${kind} belongs to the boot`)
      }
      t.match(told.find(({ event }) => event.kind === 'address-taken')?.event, {
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

function chaddrOf(mac: Mac): Uint8Array {
  const bytes = new Uint8Array(16)
  bytes.set(bytesOfMac(mac))
  return bytes
}
