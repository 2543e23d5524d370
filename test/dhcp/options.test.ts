import t from 'tap'
import {
  clientArchitecturesOf,
  clientIdentifierOf,
  hostnameOf,
  ipxeOptionsOf,
  linkSelectionOf,
  machineUuidOf,
  maxMessageSizeOf,
  messageTypeOf,
  relayAgentOf,
  requestedAddressOf,
  requestedOptionsOf,
  serverIdentifierOf,
  serverOverrideOf,
  subnetSelectionOf,
  undiVersionOf,
  userClassesOf,
  vendorClassOf,
  vendorOptionsOf,
} from '../../server/dhcp/options.ts'
import { bytesOfText } from '../../server/wire/text.ts'
import { golden } from './golden.ts'
import { someMessage } from './messages.ts'

function withOption(code: number, ...value: number[]) {
  return someMessage({ options: new Map([[code, Uint8Array.from(value)]]) })
}

t.test('UEFI firmware is read as it was captured', (t) => {
  const discover = golden('discover-uefi-pxe')
  t.equal(messageTypeOf(discover), 'discover')
  t.equal(vendorClassOf(discover), 'PXEClient:Arch:00007:UNDI:003000')
  t.same(clientArchitecturesOf(discover), [7])
  t.same(undiVersionOf(discover), { type: 1, major: 3, minor: 0 })
  t.equal(machineUuidOf(discover), '102a4c7f-1e5b-6f4d-9a3b-0c1d2e3f4a5b')
  t.equal(maxMessageSizeOf(discover), 1472)
  t.same(requestedOptionsOf(discover).slice(0, 6), [1, 2, 3, 4, 5, 6])
  t.same(userClassesOf(discover), [])
  t.equal(ipxeOptionsOf(discover), undefined)
  t.equal(clientIdentifierOf(discover), undefined)
  t.equal(maxMessageSizeOf(golden('request-uefi-pxe')), 0xff00)
  t.equal(serverIdentifierOf(golden('request-uefi-pxe')), '10.77.0.1')
  t.equal(requestedAddressOf(golden('request-uefi-pxe')), '10.77.0.200')
  t.end()
})

t.test('iPXE is read as it was captured', (t) => {
  const discover = golden('discover-ipxe-uefi')
  t.same(userClassesOf(discover), ['iPXE'])
  t.same(ipxeOptionsOf(discover)?.get(19), Uint8Array.of(1), 'it speaks HTTP')
  t.same(ipxeOptionsOf(discover)?.get(235), Uint8Array.of(1, 0, 0), 'its version')
  t.same(clientIdentifierOf(discover), Uint8Array.of(1, 0x52, 0x54, 0, 0x77, 0, 2))
  t.end()
})

t.test('each type of message has its name, and a later one has none', (t) => {
  const names = ['discover', 'offer', 'request', 'decline', 'ack', 'nak', 'release', 'inform']
  t.same(
    names.map((_, i) => messageTypeOf(withOption(53, i + 1))),
    names,
  )
  t.equal(messageTypeOf(withOption(53, 10)), undefined, 'LEASEQUERY (RFC 4388)')
  t.equal(messageTypeOf(withOption(53, 0)), undefined)
  t.equal(messageTypeOf(withOption(53, 1, 1)), undefined)
  t.equal(messageTypeOf(someMessage()), undefined, 'BOOTP')
  t.end()
})

t.test('user classes are read counted and bare', (t) => {
  t.same(userClassesOf(golden('discover-counted-user-class')), ['iPXE', 'lab'])
  const bare = (text: string) => userClassesOf(withOption(77, ...bytesOfText(text)))
  t.same(bare('iPXE'), ['iPXE'])
  t.same(bare('\u0004iPXE'), ['iPXE'])
  t.same(bare('\u0004iPX'), ['\u0004iPX'], 'a count that reaches too far is a letter')
  t.same(bare('\u0002abc'), ['\u0002abc'], 'counts that do not come out even are letters')
  t.same(bare('abc\0'), ['abc'])
  t.same(bare('\0\u0003abc'), [], 'a count of 0 is none (RFC 3004), and a bare text ends at its NUL')
  t.same(userClassesOf(withOption(77)), [])
  t.end()
})

t.test('a machine identifier of another length or type is none', (t) => {
  t.equal(machineUuidOf(golden('discover-counted-user-class')), undefined, 'of length 0')
  t.equal(machineUuidOf(someMessage()), undefined)
  t.equal(machineUuidOf(withOption(97, ...Array(16).fill(7))), undefined)
  t.equal(machineUuidOf(withOption(97, 1, ...Array(16).fill(7))), undefined)
  t.equal(machineUuidOf(withOption(97, 0, ...Array(16).fill(7))), '07070707-0707-0707-0707-070707070707')
  t.end()
})

t.test('architectures are a list of whole numbers or nothing', (t) => {
  t.same(clientArchitecturesOf(golden('discover-counted-user-class')), [7, 9])
  t.same(clientArchitecturesOf(withOption(93, 7)), [])
  t.same(clientArchitecturesOf(withOption(93, 0, 7, 1)), [])
  t.same(clientArchitecturesOf(withOption(93)), [])
  t.end()
})

t.test('an UNDI version has three bytes', (t) => {
  t.equal(undiVersionOf(withOption(94, 1, 3)), undefined)
  t.equal(undiVersionOf(withOption(94, 1, 3, 0, 0)), undefined)
  t.same(undiVersionOf(withOption(94, 0, 0, 0)), { type: 0, major: 0, minor: 0 })
  t.end()
})

t.test('what a relay says is read by its sub-options', (t) => {
  const request = golden('request-relayed')
  t.same(relayAgentOf(request)?.get(1), Uint8Array.of(0, 1, 0, 0x17))
  t.equal(linkSelectionOf(request), '10.20.0.0')
  t.equal(serverOverrideOf(request), '10.20.0.1')
  t.equal(linkSelectionOf(golden('discover-perfdhcp-relayed')), undefined)
  t.equal(relayAgentOf(someMessage()), undefined)
  t.equal(linkSelectionOf(withOption(82, 5, 3, 10, 0, 0)), undefined, 'three bytes are no address')
  t.end()
})

t.test('the boot item of a PXE client is read out of option 43', (t) => {
  t.same(vendorOptionsOf(golden('request-boot-server')), new Map([[71, Uint8Array.of(0x80, 0, 0, 0)]]))
  t.equal(vendorOptionsOf(someMessage()), undefined)
  t.end()
})

t.test('names and addresses are read, and empty ones are none', (t) => {
  t.equal(hostnameOf(golden('discover-udhcpc')), 'node-3')
  t.equal(hostnameOf(withOption(12, 0)), undefined)
  t.equal(hostnameOf(withOption(12)), undefined)
  t.equal(subnetSelectionOf(withOption(118, 10, 0, 0, 0)), '10.0.0.0')
  t.equal(requestedAddressOf(withOption(50, 10, 0, 0)), undefined)
  t.equal(maxMessageSizeOf(withOption(57, 5)), undefined)
  t.same(requestedOptionsOf(someMessage()), [])
  t.end()
})
