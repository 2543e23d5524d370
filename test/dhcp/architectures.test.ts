import t from 'tap'
import { architectureNumbered, architectureOf, architectures } from '../../server/dhcp/architectures.ts'
import { bytesOfText } from '../../server/wire/text.ts'
import { golden } from './golden.ts'
import { someMessage } from './messages.ts'

function client(vendorClass: string | undefined, ...architecture: number[]) {
  const options = new Map<number, Uint8Array>()
  if (vendorClass !== undefined) options.set(60, bytesOfText(vendorClass))
  if (architecture.length > 0) options.set(93, Uint8Array.from(architecture))
  return someMessage({ options })
}

t.test('the table has every number of the registry at its place', (t) => {
  t.equal(architectures.length, 42)
  for (const [place, { code, name }] of architectures.entries()) t.equal(code, place, name)
  t.equal(new Set(architectures.map(({ name }) => name)).size, 42, 'no name twice')
  const http = architectures.filter(({ fetches }) => fetches === 'http').map(({ code }) => code)
  t.same(http, [15, 16, 17, 18, 19, 20, 23, 24, 26, 28, 30, 38, 40])
  t.same(
    architectures.filter(({ name, fetches }) => name.includes('HTTP') !== (fetches === 'http')),
    [],
    'and the names say so',
  )
  t.end()
})

t.test('captured firmware is what it was', (t) => {
  t.match(architectureOf(golden('discover-uefi-pxe')), {
    code: 7,
    cpu: 'x86_64',
    family: 'uefi',
    fetches: 'tftp',
  })
  t.match(architectureOf(golden('discover-uefi-http')), { code: 16, cpu: 'x86_64', fetches: 'http' })
  t.match(architectureOf(golden('discover-ipxe-bios')), { code: 0, family: 'bios' })
  t.match(architectureOf(golden('discover-ipxe-uefi')), { code: 7, family: 'uefi' })
  t.equal(architectureOf(golden('discover-udhcpc')), undefined)
  t.end()
})

t.test('EBC is taken for x64', (t) => {
  t.match(architectureNumbered(9), { family: 'uefi', cpu: 'x86_64' })
  t.match(architectureNumbered(17), { family: 'uefi', cpu: 'x86_64', fetches: 'http' })
  t.end()
})

t.test('of several numbers the first that means something counts', (t) => {
  t.equal(architectureOf(client(undefined, 0, 99, 0, 11))?.code, 11)
  t.equal(architectureOf(client(undefined, 0, 7, 0, 9))?.code, 7)
  t.end()
})

t.test('the text of option 60 stands in where option 93 is missing or wrong', (t) => {
  t.equal(architectureOf(client('PXEClient:Arch:00011:UNDI:003000'))?.code, 11)
  t.equal(architectureOf(client('HTTPClient:Arch:00016:UNDI:003000', 0, 99))?.code, 16)
  t.equal(architectureOf(client('PXEClient:Arch:00007:UNDI:003016', 7))?.code, 7, 'of one byte')
  t.equal(architectureOf(client('PXEClient:Arch:00000'))?.code, 0, 'BIOS is 0, and 0 is a number')
  t.equal(architectureOf(client('PXEClient:Arch:00007:UNDI:003000', 0, 6))?.code, 6, 'not where 93 is right')
  t.end()
})

t.test('a number that nobody has given is kept where there is no better one', (t) => {
  const unknown = { code: 99, name: 'architecture 99', family: 'other', cpu: 'unknown', fetches: 'tftp' }
  t.strictSame(architectureOf(client('PXEClient:Arch:00098:UNDI:003000', 0, 99)), unknown)
  t.strictSame(architectureOf(client('PXEClient:Arch:00099:UNDI:003000')), unknown)
  t.strictSame(architectureOf(client('PXEClient', 0, 99, 0, 98)), unknown)
  t.end()
})

t.test('U-Boot is told by its own name', (t) => {
  t.match(architectureOf(golden('discover-u-boot-arm64')), { code: 22, family: 'u-boot', cpu: 'arm64' })
  t.match(architectureOf(golden('discover-u-boot-arm')), { code: 21, family: 'u-boot', cpu: 'arm' })
  t.match(architectureOf(golden('discover-u-boot-efi')), { code: 11, family: 'uefi', cpu: 'arm64' })
  t.equal(architectureOf(client('U-Boot.armv8'))?.code, 22)
  t.equal(architectureOf(client('U-Boot.armv7'))?.code, 21)
  t.equal(architectureOf(client('U-Boot.arm'))?.code, 21)
  t.equal(architectureOf(client('U-Boot')), undefined)
  t.equal(architectureOf(client('U-Boot', 0, 27))?.code, 27)
  t.end()
})

t.test('what names no architecture has none', (t) => {
  for (const vendorClass of [
    'PXEClient',
    'PXEClient:Arch:',
    'PXEClient:Arch:000070',
    'MSFT 5.0',
    'xPXEClient:Arch:00007',
  ]) {
    t.equal(architectureOf(client(vendorClass)), undefined, vendorClass)
  }
  t.equal(architectureOf(someMessage()), undefined)
  t.end()
})
