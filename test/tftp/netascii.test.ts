import * as fc from 'fast-check'
import t from 'tap'
import { netascii } from '../../server/tftp/netascii.ts'

t.test('lines end with CR LF, and a CR alone is followed by NUL', (t) => {
  t.same(
    netascii(Buffer.from('one\ntwo\rthree\r\n')),
    Uint8Array.from(Buffer.from('one\r\ntwo\r\0three\r\0\r\n')),
  )
  t.same(netascii(new Uint8Array()), new Uint8Array())
  t.end()
})

t.test('read back, any bytes are what they were', (t) => {
  const bytes = fc.array(fc.oneof(fc.constantFrom(10, 13, 0), fc.nat({ max: 255 })))
  fc.assert(
    fc.property(bytes, (plain) => {
      const sent = Buffer.from(netascii(Uint8Array.from(plain))).toString('latin1')
      const back = sent.replaceAll(/\r([\n\0])/g, (_, second) => (second === '\n' ? '\n' : '\r'))
      t.same(Buffer.from(back, 'latin1'), Buffer.from(plain))
    }),
  )
  t.end()
})
