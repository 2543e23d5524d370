import t from 'tap'
import { encode } from '../../server/dhcp/encode.ts'
import { everyone, noAddress } from '../../server/wire/ipv4.ts'
import { bytesOfMac } from '../../server/wire/mac.ts'
import { golden } from '../dhcp/golden.ts'
import { openBox, until } from '../interop/a-box.ts'
import { everyMac, frameFor } from '../interop/datagram.ts'
import { udhcpc } from '../interop/dhcp-clients.ts'
import { openFrames } from '../interop/frames.ts'
import { needs } from '../interop/needs.ts'
import { macNumber } from '../networks/a-network.ts'
import { folderBytes, paced, waitingAt } from './vitals.ts'

// Well-formed packets of clients that do not exist, each with a MAC address of its own.

t.setTimeout(600_000)
const needed = needs('udhcpc')
const perSecond = 2_000

for (const [name, packet, count] of [
  ['systems', 'discover-udhcpc', 10_000],
  ['machines', 'discover-uefi-pxe', 25_000],
] as const) {
  t.test(
    `made-up ${name} at a full pool cost little of the disk, and known clients are served`,
    needed,
    async (t) => {
      await using box = await openBox({
        networks: [{ name: 'lab', addresses: ['10.77.0.1/24'] }],
        settings: 'networks: [{interface: lab, mode: full, pool: 10.77.0.50-10.77.0.51}]\n',
      })
      const [a, b] = [await box.addNeighbour('lab'), await box.addNeighbour('lab')]
      await using first = await udhcpc(a)
      await using second = await udhcpc(b)
      const held = [await first.next(['bound']), await second.next(['bound'])].map((told) => told['ip'])

      const attacker = await box.addNeighbour('lab')
      using wire = openFrames(attacker.name, 'eth0', () => {})
      const discover = golden(packet)
      await paced(count, perSecond, (index) => {
        const fromMac = macNumber(0x100_0000 + index)
        const chaddr = new Uint8Array(16)
        chaddr.set(bytesOfMac(fromMac))
        // Firmware that shows no UUID is told apart by its MAC address alone.
        const options = new Map([...discover.options].filter(([code]) => code !== 97))
        const { bytes } = encode({ ...discover, xid: index, chaddr, options }, { maxBytes: 1472 })
        const addresses = { from: noAddress, fromPort: 68, to: everyone, toPort: 67 }
        wire.send(frameFor({ fromMac, toMac: everyMac, ...addresses, bytes }))
      })

      // What finds no room behind all of this would be dropped by the kernel.
      await until('all of it is read', () => waitingAt(box.appliance.pid, [67]) === 0)
      const told = await box.events('pool-exhausted')
      t.ok(told.length > 0, 'that the pool is empty is told')
      t.ok(told.length < 20 || name === 'machines', `but not for each: ${told.length} times`)
      const machines = await box.machines()
      t.ok(machines.length <= 20_000, `${machines.length} machines are recorded`)
      const bytes = folderBytes(box.dataFolder)
      t.ok(
        bytes < (name === 'machines' ? 100e6 : 8e6),
        `the data folder has ${Math.round(bytes / 1e5) / 10} MB`,
      )

      for (const [index, client] of [first, second].entries()) {
        client.signal('SIGUSR1')
        t.equal((await client.next(['renew']))['ip'], held[index], 'who has an address renews it')
      }
    },
  )
}
