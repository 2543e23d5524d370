import t from 'tap'
import { probeMessage, serverShown } from '../../server/boot/server-probe.ts'
import { describe } from '../../server/dhcp/describe.ts'
import { encode } from '../../server/dhcp/encode.ts'
import type { DhcpMessage } from '../../server/dhcp/message.ts'
import type { Mac } from '../../server/wire/mac.ts'
import { goldenBytes, goldenNames, messageOf } from '../dhcp/golden.ts'
import { ip } from '../networks/a-network.ts'
import { Box, captured, sentIn } from './a-box.ts'

const probe = { mac: '52:54:00:00:00:01' as Mac, xid: 0x1234_abcd }
const own = ip('10.77.0.1')
const foreign = ip('10.77.0.2')

/** What another Ironwake, on the same network, offers to the probe. */
function offered(changes: Partial<DhcpMessage> = {}): Uint8Array {
  const other = new Box({ ...captured, serverAddress: foreign, dnsServers: [] })
  const sent = sentIn(other.answer(probeMessage(probe), own))
  if (sent === undefined) throw new Error('it does not answer')
  return encode({ ...sent.message, ...changes }).bytes
}

const shown = (bytes: Uint8Array) => serverShown({ bytes, from: foreign }, probe, own)

t.test('the probe is a DISCOVER that any server answers by broadcast, and names nobody’s client', (t) => {
  const bytes = probeMessage(probe)
  t.ok(bytes.length >= 300)
  t.equal(
    describe(messageOf(bytes)),
    `DISCOVER from client 52:54:00:00:00:01, transaction 1234abcd, by broadcast
  53 message type: DISCOVER
  61 client identifier: 00 69 72 6f 6e 77 61 6b 65 2d 35 32 3a 35 34 3a 30 30 3a 30 30 3a 30 30 3a 30 31
  55 parameter request list: 1 3`,
  )
  t.end()
})

t.test('a server that offers an address is shown', (t) => {
  t.strictSame(shown(offered()), { server: foreign, offered: ip('10.77.0.100') })
  const nameless = messageOf(offered())
  const options = new Map(nameless.options)
  options.delete(54)
  t.strictSame(shown(offered({ options })), { server: foreign, offered: ip('10.77.0.100') }, 'by its source')
  t.end()
})

t.test('what is no offer of an address to this probe shows nobody', (t) => {
  t.equal(shown(offered({ xid: 1 })), undefined, 'another transaction')
  t.equal(shown(offered({ yiaddr: ip('0.0.0.0') })), undefined, 'an offer of mode proxy')
  t.equal(shown(offered({ op: 1 })), undefined)
  t.equal(serverShown({ bytes: offered(), from: own }, probe, foreign), undefined, 'this box itself')
  const acknowledged = messageOf(offered())
  t.equal(shown(offered({ options: new Map(acknowledged.options).set(53, Uint8Array.of(5)) })), undefined)
  t.equal(shown(probeMessage(probe)), undefined)
  t.equal(shown(Uint8Array.of(2, 1, 6)), undefined, 'no DHCP at all')
  for (const name of goldenNames) t.equal(shown(goldenBytes(name)), undefined, name)
  t.end()
})

t.test('a box does not answer its own probe', (t) => {
  const answered = new Box(captured).answer(probeMessage(probe), own)
  t.strictSame(answered.send, [])
  t.strictSame(answered.leases, [])
  t.end()
})
