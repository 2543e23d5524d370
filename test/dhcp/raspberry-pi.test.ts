import t from 'tap'
import { architectureOf } from '../../server/dhcp/architectures.ts'
import { isRaspberryPi } from '../../server/dhcp/raspberry-pi.ts'
import { bytesOfText } from '../../server/wire/text.ts'
import { golden, goldenNames } from './golden.ts'
import { someMessage } from './messages.ts'

const card = (...bytes: number[]) =>
  Uint8Array.of(...bytes, ...Array.from({ length: 16 - bytes.length }, () => 0))

t.test('a Raspberry Pi is told by its identifier, and by the maker of its card', (t) => {
  for (const name of ['discover-raspberry-pi-4', 'discover-raspberry-pi-5']) {
    t.match(architectureOf(golden(name)), { code: 41, family: 'rpiboot' }, name)
  }
  const options = new Map([
    [60, bytesOfText('PXEClient:Arch:00000:UNDI:002001')],
    [93, Uint8Array.of(0, 0)],
  ])
  t.match(architectureOf(someMessage({ options, chaddr: card(0xb8, 0x27, 0xeb, 1, 2, 3) })), { code: 41 })
  t.match(architectureOf(someMessage({ options, chaddr: card(0x52, 0x54, 0, 1, 2, 3) })), { code: 0 })
  t.end()
})

t.test('with UEFI firmware it is what UEFI says, and without option 93 it is nothing', (t) => {
  const chaddr = card(0xdc, 0xa6, 0x32, 1, 2, 3)
  const uefi = new Map([[93, Uint8Array.of(0, 11)]])
  t.match(architectureOf(someMessage({ options: uefi, chaddr })), { code: 11 })
  t.equal(architectureOf(someMessage({ chaddr })), undefined)
  t.end()
})

t.test('no other machine is taken for one', (t) => {
  const others = goldenNames.filter((name) => !name.includes('raspberry'))
  t.ok(others.length > 25)
  for (const name of others) t.equal(isRaspberryPi(golden(name)), false, name)
  t.end()
})
