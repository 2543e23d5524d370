import t from 'tap'
import { macOf } from '../../server/dhcp/hardware-address.ts'
import { golden } from './golden.ts'
import { someMessage } from './messages.ts'

t.test('an Ethernet client has a MAC, and no other has', (t) => {
  t.equal(macOf(golden('discover-uefi-pxe')), '52:54:00:77:00:02')
  t.equal(macOf(someMessage({ htype: 32, hlen: 0 })), undefined)
  t.equal(macOf(someMessage({ htype: 6 })), undefined)
  t.equal(macOf(someMessage({ hlen: 8 })), undefined)
  t.end()
})
