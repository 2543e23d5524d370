import * as fc from 'fast-check'
import t from 'tap'
import { bytesOfMac, hyphenated, isUnicastMac, macOfBytes, parseMac } from '../../server/wire/mac.ts'

const sixBytes = fc.uint8Array({ minLength: 6, maxLength: 6 })

t.test('every usual way to write a MAC is read', (t) => {
  const forms = ['52:54:00:ab:cd:ef', '52-54-00-AB-CD-EF', '525400abcdef', '5254.00AB.cdef']
  for (const form of forms) t.equal(parseMac(form), '52:54:00:ab:cd:ef', form)
  t.end()
})

t.test('what is not quite a MAC is none', (t) => {
  const wrong = [
    '',
    '52:54:00:ab:cd',
    '52:54:00:ab:cd:ef:01',
    '52:54:00:ab:cd-ef',
    '52:54:00:ab:cdef',
    '5:54:00:ab:cd:ef',
    '52:54:00:ab:cd:eg',
    '52 54 00 ab cd ef',
    ' 52:54:00:ab:cd:ef',
    '52:54:00:ab:cd:ef\n',
    '5254.00ab.cd.ef',
    '5254-00ab-cdef',
  ]
  for (const text of wrong) t.equal(parseMac(text), undefined, JSON.stringify(text))
  t.end()
})

t.test('bytes and text are each other', (t) => {
  fc.assert(
    fc.property(sixBytes, (bytes) => {
      const mac = macOfBytes(bytes)!
      t.equal(parseMac(mac), mac)
      t.equal(parseMac(hyphenated(mac)), mac)
      t.same([...bytesOfMac(mac)], [...bytes])
    }),
    { numRuns: 50 },
  )
  t.equal(macOfBytes(new Uint8Array(5)), undefined)
  t.equal(macOfBytes(new Uint8Array(8)), undefined)
  t.equal(hyphenated(parseMac('52:54:00:12:34:56')!), '52-54-00-12-34-56')
  t.end()
})

t.test('group addresses and zeros name no machine', (t) => {
  const unicast = (text: string) => isUnicastMac(parseMac(text)!)
  t.equal(unicast('52:54:00:12:34:56'), true)
  t.equal(unicast('ff:ff:ff:ff:ff:ff'), false)
  t.equal(unicast('01:00:5e:00:00:01'), false)
  t.equal(unicast('00:00:00:00:00:00'), false)
  t.equal(unicast('00:00:00:00:00:01'), true)
  t.end()
})
