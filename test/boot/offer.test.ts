import t from 'tap'
import { offer, refusal } from '../../server/boot/offer.ts'
import type { BootDecision } from '../../server/boot/decide.ts'
import { encode } from '../../server/dhcp/encode.ts'
import { hexOf } from '../../server/wire/hex.ts'
import { messageOf } from '../dhcp/golden.ts'
import { someMessage } from '../dhcp/messages.ts'
import { aNetwork, ip } from '../networks/a-network.ts'

const nothing: BootDecision = { kind: 'address-only', because: 'it does not boot from the network' }
const granted = { address: ip('10.0.0.10'), seconds: 120, hostname: undefined }

function optionsOf(...given: Parameters<typeof offer>): { readonly [code: string]: string } {
  return Object.fromEntries([...offer(...given).options].map(([code, value]) => [code, hexOf(value)]))
}

t.test('a lease is told with its times, its network and nothing to boot', (t) => {
  t.strictSame(optionsOf(someMessage(), 'offer', aNetwork(), granted, nothing), {
    53: '02',
    54: '0a000001',
    51: '00000078',
    58: '0000003c',
    59: '00000069',
    1: 'ffffff00',
    28: '0a0000ff',
    3: '0a0000fe',
    6: '0a00000c',
  })
  t.end()
})

t.test('what a network does not have is not told', (t) => {
  const bare = aNetwork({ router: undefined, dnsServers: [], domain: undefined })
  const codes = Object.keys(optionsOf(someMessage(), 'ack', bare, undefined, nothing))
  t.strictSame(codes.map(Number), [1, 28, 53, 54])
  t.end()
})

t.test('a lease for ever and one of an odd number of seconds are told in whole seconds', (t) => {
  const forever = optionsOf(someMessage(), 'ack', aNetwork(), { ...granted, seconds: 0xffff_ffff }, nothing)
  t.match(forever, { 51: 'ffffffff' })
  const odd = optionsOf(someMessage(), 'ack', aNetwork(), { ...granted, seconds: 61 }, nothing)
  t.match(odd, { 51: '0000003d', 58: '0000001e', 59: '00000035' })
  t.end()
})

t.test('a URL too long for the field of the file name goes into option 67 alone', (t) => {
  const url = `http://10.0.0.1:8080/${'x'.repeat(150)}`
  const reply = offer(someMessage(), 'offer', aNetwork(), granted, {
    kind: 'http-boot',
    url,
    because: 'it is',
  })
  const back = messageOf(encode(reply).bytes)
  t.equal(back.file, '')
  t.equal(Buffer.from(back.options.get(67) ?? []).toString(), url)
  t.end()
})

t.test('a refusal grants nothing and says why, within 200 characters', (t) => {
  const reply = refusal(someMessage({ ciaddr: ip('10.0.0.7') }), aNetwork(), 'x'.repeat(400))
  t.match(reply, { yiaddr: '0.0.0.0', ciaddr: '0.0.0.0', siaddr: '0.0.0.0', file: '', sname: '' })
  t.strictSame(
    [...reply.options.keys()].sort((a, b) => a - b),
    [53, 54, 56],
  )
  t.equal(reply.options.get(56)?.length, 200)
  t.end()
})
