import t from 'tap'
import { replySize } from '../../server/dhcp/reply-size.ts'
import { golden } from './golden.ts'
import { someMessage } from './messages.ts'

t.test('a reply is as large as the client takes and the way out lets through', (t) => {
  t.equal(replySize(golden('discover-uefi-pxe'), 1500), 1444)
  t.equal(replySize(golden('request-uefi-pxe'), 1500), 1472, 'ff00 of UEFI is cut by the MTU')
  t.equal(replySize(golden('request-uefi-pxe'), 9000), 8972)
  t.equal(replySize(golden('discover-udhcpc'), 1500), 548)
  t.equal(replySize(golden('discover-dhclient'), 1500), 548, 'a client that does not say takes 576 bytes')
  t.end()
})

t.test('less than every client must take is not believed', (t) => {
  const tiny = someMessage({ options: new Map([[57, Uint8Array.of(0, 64)]]) })
  t.equal(replySize(tiny, 1500), 548)
  t.equal(replySize(golden('discover-uefi-pxe'), 0), 548)
  t.equal(replySize(someMessage({ options: new Map([[57, Uint8Array.of(9)]]) }), 1500), 548)
  t.end()
})
