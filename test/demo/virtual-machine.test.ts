import t from 'tap'
import { type VirtualMachinePlan, qemuWords } from '../../server/demo/virtual-machine.ts'

const plan: VirtualMachinePlan = {
  folder: '/run/rig/one',
  firmware: 'bios',
  mac: '52:54:00:12:34:56',
  tap: 'tap0',
  inside: (command) => ['env', ...command],
  uuid: '4c4c4544-0042-3510-8048-b4c04f4d5931',
  serialNumber: 'SN-0001',
}

/** The values that follow an option. */
function valuesOf(words: readonly string[], option: string): readonly string[] {
  return words.filter((_, index) => words[index - 1] === option)
}

t.test('the card is tried before the disk', async (t) => {
  const devices = valuesOf(qemuWords({ ...plan, disk: '/run/rig/disk.img' }), '-device')
  t.match(devices[0], /^virtio-net-pci,.*mac=52:54:00:12:34:56,bootindex=1$/)
  t.match(devices[1], /^virtio-blk-pci,.*bootindex=2$/)
})

t.test('BIOS runs the ROM of the card, UEFI its own PXE', async (t) => {
  t.notMatch(valuesOf(qemuWords(plan), '-device')[0], /romfile/)
  t.match(valuesOf(qemuWords({ ...plan, firmware: 'uefi' }), '-device')[0], /romfile=$/)
})

t.test('each UEFI machine writes to variables of its own', async (t) => {
  const [code, variables] = valuesOf(qemuWords({ ...plan, firmware: 'uefi' }), '-drive')
  t.match(code, /readonly=on/)
  t.match(variables, /file=\/run\/rig\/one\/uefi-variables\.fd$/)
})

t.test('a machine without a disk has none', async (t) => {
  t.strictSame(valuesOf(qemuWords(plan), '-drive'), [])
})

t.test('commas in names end no value', async (t) => {
  const words = qemuWords({ ...plan, manufacturer: 'Iron, Wake & Co', disk: '/run/a,b.img' })
  t.match(valuesOf(words, '-smbios')[0], 'manufacturer=Iron,, Wake & Co,product=')
  t.match(valuesOf(words, '-drive')[0], 'file=/run/a,,b.img')
})

t.test('its identity stands in SMBIOS', async (t) => {
  t.match(valuesOf(qemuWords(plan), '-smbios')[0], 'serial=SN-0001,uuid=4c4c4544-0042-3510-8048-b4c04f4d5931')
})

t.test('on a silent wire the card is at the tap itself', async (t) => {
  const silent = qemuWords({ ...plan, ipv6Router: 'silent' })
  t.match(valuesOf(silent, '-device')[0], 'netdev=net0,')
  t.equal(valuesOf(silent, '-netdev').length, 1)
})

t.test('no display, no default hardware, and orders by standard input', async (t) => {
  const words = qemuWords(plan)
  t.ok(words.includes('-nodefaults'))
  t.strictSame(valuesOf(words, '-display'), ['none'])
  t.strictSame(valuesOf(words, '-serial'), ['file:/run/rig/one/serial.log'])
  t.strictSame(valuesOf(words, '-mon'), ['chardev=orders,mode=control'])
})

t.test('with Secure Boot the variables are those with keys, and only the firmware writes them', async (t) => {
  const words = qemuWords({ ...plan, firmware: 'uefi-secure-boot' })
  t.match(valuesOf(words, '-drive')[0], /secboot\.fd$/)
  t.match(valuesOf(words, '-machine')[0], /smm=on/)
  t.ok(valuesOf(words, '-global').includes('driver=cfi.pflash01,property=secure,value=on'))
  t.notMatch(valuesOf(qemuWords({ ...plan, firmware: 'uefi' }), '-machine')[0], /smm/)
})

t.test('a machine for arm64 is the board virt with AAVMF, and has no ROM for x86', async (t) => {
  const words = qemuWords({ ...plan, firmware: 'uefi-arm64' })
  t.equal(words[0], 'qemu-system-aarch64')
  t.strictSame(valuesOf(words, '-machine'), ['virt'])
  t.match(valuesOf(words, '-drive')[0], /AAVMF_CODE\.fd$/)
  t.match(valuesOf(words, '-device')[0], /romfile=$/)
})
