import t from 'tap'
import { tftpDesk } from '../../server/appliance/tftp-desk.ts'
import type { Outcome } from '../../server/http/outcome.ts'
import { textUpToNul } from '../../server/wire/text.ts'
import { aNetwork, ip } from '../networks/a-network.ts'

const text = (words: string): Outcome => ({ kind: 'text', type: 'text/plain', text: words })
const programs = new Map([
  ['snponly.efi', Uint8Array.of(1)],
  ['shimx64.efi', Uint8Array.of(2)],
  ['grubx64.efi', Uint8Array.of(3)],
  ['mmx64.efi', Uint8Array.of(4)],
  ['ipxe-signed/x64/snponly.efi', Uint8Array.of(8)],
  ['raspberry-pi/config.txt', Uint8Array.of(5)],
  ['raspberry-pi/9ffefdef/config.txt', Uint8Array.of(6)],
])
const asked: string[] = []
const find = tftpDesk(
  {
    programs,
    imageBytes: async (image, file) =>
      await Promise.resolve(
        image === 'noble' && file === 'vmlinuz'
          ? { kind: 'bytes', bytes: Uint8Array.of(7) }
          : { kind: 'refused', because: 'it is not there' },
      ),
    boot: {
      chainScript: () => text('#!ipxe'),
      grubConfig: async ({ from, to }, path) => {
        asked.push(`${from} ${to} ${path}`)
        return await Promise.resolve(path.includes('0A') ? undefined : text('exit 1'))
      },
    },
  },
  aNetwork(),
)
const ask = async (file: string) => await find({ file, client: ip('10.0.0.10'), network: 'rack' })

t.test('programs are found by their name, in whatever folder they are asked for', async (t) => {
  for (const [file, first] of [
    ['snponly.efi', 1],
    ['EFI/BOOT/shimx64.efi', 2],
    ['bootx64.efi', 2],
    ['EFI/BOOT/BOOTX64.EFI', 2],
    ['grubx64.efi', 3],
    ['EFI/BOOT/mmx64.efi', 4],
  ] as const) {
    t.strictSame(await ask(file), { kind: 'bytes', bytes: Uint8Array.of(first) }, file)
  }
})

t.test('a program that lies in just the folder it is asked for in comes before its namesake', async (t) => {
  t.strictSame(await ask('ipxe-signed/x64/snponly.efi'), { kind: 'bytes', bytes: Uint8Array.of(8) })
  t.strictSame(await ask('x/snponly.efi'), { kind: 'bytes', bytes: Uint8Array.of(1) })
  const chain = await ask('ipxe-signed/x64/autoexec.ipxe')
  t.equal(chain.kind === 'bytes' && textUpToNul(chain.bytes), '#!ipxe')
})

t.test('scripts of both languages are made when they are asked for', async (t) => {
  const chain = await ask('x/autoexec.ipxe')
  t.equal(chain.kind === 'bytes' && textUpToNul(chain.bytes), '#!ipxe')
  const config = await ask('grub/grub.cfg-01-52-54-00-00-00-01')
  t.equal(config.kind === 'bytes' && textUpToNul(config.bytes), 'exit 1')
  t.strictSame(asked, ['10.0.0.10 10.0.0.1 grub/grub.cfg-01-52-54-00-00-00-01'])
})

t.test('what is not there is refused as no such file; what is only tried out, as expected', async (t) => {
  t.match(await ask('grub/x86_64-efi/fs.lst'), { code: 'no-such-file', expected: true, because: /^GRUB/ })
  t.match(await ask('revocations.efi'), { code: 'no-such-file', expected: true, because: /^shim/ })
  t.match(await ask('grub/grub.cfg-0A000001'), { code: 'no-such-file', expected: true })
  t.match(await ask('9ffefdef/start4.elf'), {
    code: 'no-such-file',
    expected: true,
    because: /^Raspberry Pi/,
  })
  const other = await ask('pxelinux.0')
  t.match(other, { kind: 'refused', code: 'no-such-file', because: /pxelinux\.0 is no boot program/ })
  t.notOk('expected' in other)
})

t.test(
  'a Raspberry Pi has files of its own under its serial number, and else those of all boards',
  async (t) => {
    t.strictSame(await ask('9ffefdef/config.txt'), { kind: 'bytes', bytes: Uint8Array.of(6) })
    t.match(await ask('0badc0de/config.txt'), { code: 'no-such-file', expected: true })
    t.match(await ask('dc-a6-32-01-36-c2/config.txt'), { code: 'no-such-file', expected: true })
    t.strictSame(await ask('config.txt'), { kind: 'bytes', bytes: Uint8Array.of(5) })
  },
)

t.test('kernels are there for a GRUB that has no HTTP', async (t) => {
  t.strictSame(await ask('images/noble/vmlinuz'), { kind: 'bytes', bytes: Uint8Array.of(7) })
  t.match(await ask('images/noble/squashfs'), { code: 'no-such-file', because: 'it is not there' })
})
