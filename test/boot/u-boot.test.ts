import t from 'tap'
import type { BootFiles } from '../../server/boot/decide.ts'
import { encode } from '../../server/dhcp/encode.ts'
import { ip } from '../networks/a-network.ts'
import { golden, goldenBytes } from '../dhcp/golden.ts'
import { allPrograms, Box, captured, kinds, sentIn } from './a-box.ts'

// U-Boot, which reads no option of a proxy's offer, but its fields (`store_bootp_params`), and firmware of architectures that
// the box does not know.

const packets = [
  ['discover-u-boot-arm64', 'snponly-arm64.efi'],
  ['discover-u-boot-arm', 'ipxe-arm32.efi'],
  ['discover-u-boot-efi', 'snponly-arm64.efi'],
] as const
const mac = '52:52:52:52:52:52'

function aBox(changes = captured, bootFiles?: BootFiles): Box {
  const box = new Box(changes)
  const programs = new Set([...allPrograms, 'ipxe-arm32.efi', 'boot.scr'])
  box.settings = { ...box.settings, programs, ...(bootFiles === undefined ? {} : { bootFiles }) }
  return box
}

/** U-Boot's DISCOVER as other firmware would send it: with this number and this text. */
function firmware(number: number, vendorClass = 'PXEClient:Arch:04711:UNDI:003000'): Uint8Array {
  const message = golden('discover-u-boot-arm64')
  const options = new Map(message.options)
    .set(93, Uint8Array.of(number >> 8, number & 255))
    .set(60, Buffer.from(vendorClass))
  return encode({ ...message, options }).bytes
}

for (const [name, file] of packets) {
  t.test(`${name} is given an address and a program, in the fields that it reads`, (t) => {
    const answered = aBox().answer(goldenBytes(name))
    const sent = sentIn(answered)
    t.match(sent?.message, { yiaddr: '10.77.0.100', siaddr: '10.77.0.1', file })
    t.equal(sent?.to, '255.255.255.255:68')
    t.strictSame(kinds(answered.happened), ['firmware-asked', 'address-offered', 'boot-offered'])
    t.match(answered.leases, [{ mac, endsAt: 1_060_000 }])
    t.equal(answered.seen?.stage, 'firmware')
    t.end()
  })

  t.test(`${name} is told by a proxy in the fields that it reads, and given no address`, (t) => {
    const box = aBox({ ...captured, mode: 'proxy' })
    const sent = sentIn(box.answer(goldenBytes(name)))
    t.match(sent?.message, { yiaddr: '0.0.0.0', siaddr: '10.77.0.1', file })
    t.end()
  })
}

t.test('the REQUEST of U-Boot is acknowledged with the same program, for as long as firmware needs', (t) => {
  const box = aBox()
  box.answer(goldenBytes('discover-u-boot-arm64'))
  const sent = sentIn(box.answer(goldenBytes('request-u-boot-arm64')))
  t.match(sent?.message, { yiaddr: '10.77.0.100', siaddr: '10.77.0.1', file: 'snponly-arm64.efi' })
  t.strictSame(sent?.message.options.get(51), Uint8Array.of(0, 0, 0, 120))
  const proxy = aBox({ ...captured, mode: 'proxy' })
  const asking = { ...golden('request-u-boot-arm64'), ciaddr: ip('10.77.0.50') }
  const reply = sentIn(proxy.answer(encode(asking).bytes, ip('10.77.0.50'), 4011, 68))
  t.match(reply, { to: '10.77.0.50:68', message: { siaddr: '10.77.0.1', file: 'snponly-arm64.efi' } })
  t.end()
})

t.test('what the box has nothing for is given an address and told of, with what to do', (t) => {
  for (const [bytes, number, because] of [
    [firmware(4711), 4711, /no boot program is known for architecture 4711/],
    [firmware(3), 3, /no boot program is known for DEC Alpha/],
    [firmware(99, 'PXEClient'), 99, /no boot program is known for architecture 99/],
  ] as const) {
    const answered = aBox().answer(bytes)
    t.match(sentIn(answered)?.message, { yiaddr: '10.77.0.100', siaddr: '0.0.0.0', file: '' })
    t.match(
      answered.happened.find(({ kind }) => kind === 'firmware-without-program'),
      { mac, network: 'rack', number, because },
    )
    const proxied = aBox({ ...captured, mode: 'proxy' }).answer(bytes)
    t.strictSame(proxied.send, [])
    t.strictSame(kinds(proxied.happened), ['firmware-asked', 'boot-offered', 'firmware-without-program'])
  }
  const mute = { ...golden('discover-u-boot-arm64'), options: new Map([[53, Uint8Array.of(1)]]) }
  mute.options.set(60, Buffer.from('PXEClient'))
  const event = aBox()
    .ask(mute)
    .happened.find(({ kind }) => kind === 'firmware-without-program')
  t.match(event, { because: /names no architecture/ })
  t.notOk(event !== undefined && 'number' in event)
  t.end()
})

t.test('the settings have the word on what an architecture loads', (t) => {
  const files: BootFiles = new Map<number | 'other', string>([
    [22, 'boot.scr'],
    [7, 'ipxe.efi'],
    ['other', 'undionly.kpxe'],
  ])
  const told = (bytes: Uint8Array): string | undefined =>
    sentIn(aBox(captured, files).answer(bytes))?.message.file
  t.equal(told(goldenBytes('discover-u-boot-arm64')), 'boot.scr')
  t.equal(told(goldenBytes('discover-uefi-pxe')), 'ipxe.efi')
  t.equal(told(goldenBytes('discover-bios-rom')), 'undionly.kpxe')
  t.equal(told(firmware(4711)), 'undionly.kpxe', 'other')
  t.equal(told(firmware(3)), 'undionly.kpxe', 'other')
  t.equal(told(goldenBytes('discover-u-boot-efi')), 'snponly-arm64.efi', 'what needs no other has its own')
  t.equal(told(goldenBytes('discover-raspberry-pi-4')), '', 'a Raspberry Pi asks for files of its own')
  t.match(told(goldenBytes('discover-ipxe-uefi')), /chain\.ipxe$/, 'iPXE runs its script')
  t.end()
})

t.test('a file that the settings name and the box has not is told of', (t) => {
  const files: BootFiles = new Map([[22, 'missing.efi']])
  const answered = aBox(captured, files).answer(goldenBytes('discover-u-boot-arm64'))
  t.equal(sentIn(answered)?.message.file, '')
  const told = answered.happened.find(({ kind }) => kind === 'firmware-without-program')
  t.match(told, { number: 22, because: /boot-files names missing\.efi, which is in no folder/ })
  t.end()
})
