import t from 'tap'
import { identify } from '../../server/boot/identify.ts'
import { encode } from '../../server/dhcp/encode.ts'
import type { DhcpMessage } from '../../server/dhcp/message.ts'
import { clientMessage } from '../../server/simulate/client-message.ts'
import { rackOf, type Fault, type RackMachine } from '../../server/simulate/rack.ts'
import { golden, messageOf } from '../dhcp/golden.ts'

const mix = [
  { firmware: 'bios', share: 1 },
  { firmware: 'rom', share: 1 },
  { firmware: 'uefi', share: 1 },
  { firmware: 'http', share: 1 },
] as const
const [bios, rom, uefi, http] = rackOf({ machines: 4, mix, methods: [], faults: [] }) as [
  RackMachine,
  RackMachine,
  RackMachine,
  RackMachine,
]
const asked = { type: 'discover', xid: 1, secs: 4 } as const

t.test('each speaker is recognised for what it plays', async (t) => {
  const client = (sent: DhcpMessage): unknown => {
    const identified = identify(throughTheWire(sent))
    return identified.kind === 'client'
      ? [identified.client.kind, identified.client.architecture?.name]
      : identified
  }
  t.strictSame(client(clientMessage(bios, 'ipxe', asked)), ['ipxe', 'x86 BIOS'])
  t.strictSame(client(clientMessage(rom, 'firmware', asked)), ['pxe', 'x86 BIOS'])
  t.strictSame(client(clientMessage(uefi, 'firmware', asked)), ['pxe', 'x64 UEFI'])
  t.strictSame(client(clientMessage(http, 'firmware', asked)), ['http', 'x64 UEFI HTTP'])
  t.strictSame(client(clientMessage(http, 'ipxe', asked)), ['ipxe', 'x64 UEFI'])
  t.strictSame(client(clientMessage(uefi, 'system', asked)), ['system', undefined])
  for (const fault of ['no-architecture', 'wrong-architecture'] satisfies Fault[]) {
    const sent = clientMessage({ ...uefi, fault }, 'firmware', asked)
    t.strictSame(client(sent), ['pxe', 'x64 UEFI'], fault)
  }
})

t.test('it sends the options that were captured from the real one', async (t) => {
  const pairs = [
    ['discover-ipxe-bios', bios, 'ipxe'],
    ['discover-ipxe-uefi', uefi, 'ipxe'],
    ['discover-bios-rom', rom, 'firmware'],
    ['discover-uefi-pxe', uefi, 'firmware'],
    ['discover-uefi-http', http, 'firmware'],
    ['discover-udhcpc', uefi, 'system'],
  ] as const
  for (const [name, machine, speaker] of pairs) {
    const captured = golden(name)
    const sent = throughTheWire(clientMessage(machine, speaker, { ...asked, hostname: 'node-1' }))
    const codes = (one: DhcpMessage): readonly number[] => [...one.options.keys()].toSorted((a, b) => a - b)
    t.strictSame(codes(sent), codes(captured), name)
    for (const code of [55, 60, 77, 93, 94]) {
      t.strictSame(sent.options.get(code), captured.options.get(code), `${name}, option ${code}`)
    }
    t.equal(sent.flags, captured.flags, `${name}, flags`)
  }
})

function throughTheWire(sent: DhcpMessage): DhcpMessage {
  return messageOf(encode(sent, { maxBytes: 1472 }).bytes)
}
