import t from 'tap'
import { Whereabouts } from '../../server/networks/whereabouts.ts'
import { ipv4OfNumber } from '../../server/wire/ipv4.ts'
import { ip, macNumber } from './a-network.ts'

t.test('the latest word counts', (t) => {
  const whereabouts = new Whereabouts()
  whereabouts.note({ address: ip('10.0.0.9'), mac: macNumber(1) })
  whereabouts.note({ address: ip('10.0.0.9'), mac: macNumber(2) })
  t.equal(whereabouts.macAt(ip('10.0.0.9')), macNumber(2))
  t.equal(whereabouts.macAt(ip('10.0.0.8')), undefined)
  t.end()
})

t.test('who was unheard for long is forgotten, who is heard again is not', (t) => {
  const whereabouts = new Whereabouts(4)
  for (const last of [1, 2, 3, 1, 4])
    whereabouts.note({ address: ip(`10.0.0.${last}`), mac: macNumber(last) })
  const known = [1, 2, 3, 4].map((last) => whereabouts.macAt(ip(`10.0.0.${last}`)))
  t.strictSame(known, [macNumber(1), undefined, macNumber(3), macNumber(4)])
  t.end()
})

t.test('made-up addresses do not fill the memory', (t) => {
  const whereabouts = new Whereabouts()
  for (let number = 0; number < 60_000; number++) {
    whereabouts.note({ address: ipv4OfNumber(0x0a00_0000 + number), mac: macNumber(number) })
  }
  let known = 0
  for (let number = 0; number < 60_000; number++) {
    if (whereabouts.macAt(ipv4OfNumber(0x0a00_0000 + number)) !== undefined) known++
  }
  t.ok(known >= 10_000 && known <= 20_000, `${known} are known`)
  t.end()
})
