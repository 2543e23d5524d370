import t from 'tap'
import { magicPacket } from '../../server/power/magic-packet.ts'
import { parseMac } from '../../server/wire/mac.ts'

t.test('a magic packet is six bytes of ones and sixteen times the address', async (t) => {
  const bytes = Buffer.from(magicPacket(parseMac('52:54:00:12:34:56')!))
  t.equal(bytes.length, 102)
  t.equal(bytes.toString('hex'), `ffffffffffff${'525400123456'.repeat(16)}`)
})
