import t from 'tap'
import { arpClaim, arpProbe } from '../../server/wire/arp.ts'
import { hexOf } from '../../server/wire/hex.ts'
import { ip, macNumber } from '../networks/a-network.ts'

const mac = macNumber(0x123456)

/** A packet of Ethernet and IPv4 with this opcode, from this sender. */
function packet(opcode: number, sender: readonly number[], address: readonly number[]): Uint8Array {
  const target = [0, 0, 0, 0, 0, 0, 10, 0, 0, 1]
  return Uint8Array.of(0, 1, 8, 0, 6, 4, opcode >> 8, opcode, ...sender, ...address, ...target)
}
const card = [0x52, 0x54, 0, 0x12, 0x34, 0x56]

t.test('a probe asks for an address and claims none (RFC 5227 §1.1)', (t) => {
  t.equal(
    hexOf(arpProbe(mac, ip('10.0.0.17')), ' '),
    ['00 01 08 00 06 04 00 01', '52 54 00 12 34 56 00 00 00 00', '00 00 00 00 00 00 0a 00 00 11'].join(' '),
  )
  t.equal(arpClaim(arpProbe(mac, ip('10.0.0.17'))), undefined)
  t.end()
})

t.test('a reply, a question and an announcement say whose an address is', (t) => {
  for (const opcode of [1, 2]) {
    t.strictSame(arpClaim(packet(opcode, card, [10, 0, 0, 17])), { address: '10.0.0.17', mac })
  }
  // Ethernet fills a frame up to 60 bytes.
  t.strictSame(arpClaim(Uint8Array.of(...packet(2, card, [10, 0, 0, 17]), ...new Uint8Array(18))), {
    address: '10.0.0.17',
    mac,
  })
  t.end()
})

t.test('what is no ARP of Ethernet and IPv4 claims nothing', (t) => {
  const good = packet(2, card, [10, 0, 0, 17])
  for (let at = 0; at < 6; at++) {
    const bad = new Uint8Array(good)
    bad[at] = (bad[at] ?? 0) ^ 0x20
    t.equal(arpClaim(bad), undefined, `byte ${at}`)
  }
  for (const opcode of [0, 3, 4, 8, 0x201]) t.equal(arpClaim(packet(opcode, card, [10, 0, 0, 17])), undefined)
  for (let length = 0; length < 28; length++) t.equal(arpClaim(good.subarray(0, length)), undefined)
  t.end()
})
