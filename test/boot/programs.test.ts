import t from 'tap'
import { programFiles, programFor, programNames } from '../../server/boot/programs.ts'
import { architectureNumbered, architectures } from '../../server/dhcp/architectures.ts'

const x64 = architectureNumbered(7)!

t.test('the better program is taken, and the next one where it is missing', (t) => {
  const given = (...files: string[]) => programFor(x64, { available: new Set(files) })
  t.match(given('ipxe.efi', 'snponly.efi'), { kind: 'program', file: 'snponly.efi' })
  t.match(given('ipxe.efi'), { kind: 'program', file: 'ipxe.efi' })
  t.strictSame(given('undionly.kpxe'), {
    kind: 'none',
    because: 'this box has none of snponly.efi, ipxe-amd64.efi, ipxe.efi, which x64 UEFI needs',
  })
  t.end()
})

t.test('BIOS, x64, x86, ARM, RISC-V, LoongArch and U-Boot have programs, by TFTP and by HTTP', (t) => {
  const all = { available: new Set(programNames) }
  const files = Object.fromEntries(
    architectures.flatMap((architecture) => {
      const program = programFor(architecture, all)
      return program.kind === 'program' ? [[architecture.code, program.file]] : []
    }),
  )
  t.strictSame(files, {
    0: 'undionly.kpxe',
    1: 'undionly.kpxe',
    6: 'snponly-i386.efi',
    7: 'snponly.efi',
    8: 'snponly-arm32.efi',
    9: 'snponly.efi',
    10: 'snponly-arm32.efi',
    11: 'snponly-arm64.efi',
    15: 'snponly-i386.efi',
    16: 'snponly.efi',
    17: 'snponly.efi',
    18: 'snponly-arm32.efi',
    19: 'snponly-arm64.efi',
    20: 'undionly.kpxe',
    21: 'snponly-arm32.efi',
    22: 'snponly-arm64.efi',
    23: 'snponly-arm32.efi',
    24: 'snponly-arm64.efi',
    27: 'snponly-riscv64.efi',
    28: 'snponly-riscv64.efi',
    39: 'snponly-loong64.efi',
    40: 'snponly-loong64.efi',
  })
  t.end()
})

t.test('no BIOS is given an EFI program, and no EFI firmware one for BIOS', (t) => {
  const all = { available: new Set(programNames) }
  for (const architecture of architectures) {
    const program = programFor(architecture, all)
    if (program.kind === 'none') t.match(program.because, architecture.name)
    // U-Boot runs programs of UEFI.
    else t.equal(program.file.endsWith('.efi'), architecture.family !== 'bios', architecture.name)
  }
  t.end()
})

t.test('every program has a plain name without a folder', (t) => {
  t.ok(programNames.length > 8)
  for (const name of programNames) t.match(name, /^[a-z0-9]+(?:-[a-z0-9]+)?\.(?:efi|kpxe)$/)
  t.equal(new Set(programNames).size, programNames.length)
  t.end()
})

t.test('with loader shim-grub UEFI gets the signed pair or nothing, and BIOS what it always gets', (t) => {
  const given = (code: number, available: ReadonlySet<string> = new Set(programNames)) =>
    programFor(architectureNumbered(code)!, { available }, 'shim-grub')
  t.strictSame(given(7), { kind: 'program', file: 'shimx64.efi', loader: 'shim-grub' })
  t.match(given(16), { file: 'shimx64.efi' })
  t.match(given(11), { file: 'shimaa64.efi' })
  t.strictSame(given(0), { kind: 'program', file: 'undionly.kpxe', loader: 'ipxe' })
  t.match(given(7, new Set(['shimx64.efi', 'snponly.efi'])), {
    kind: 'none',
    because: /no grubx64\.efi, which/,
  })
  t.match(given(27), { kind: 'none', because: /no signed shim and GRUB are known for RISC-V/ })
  t.end()
})

t.test('firmware that boots by HTTP is not given a GRUB that would stop at its prompt', (t) => {
  const shelf = { available: new Set(programNames), tftpOnly: new Set(['grubx64.efi']) }
  const given = (code: number) => programFor(architectureNumbered(code)!, shelf, 'shim-grub')
  t.match(given(16), { kind: 'none', because: /^grubx64\.efi of this box has no HTTP/ })
  t.match(given(7), { file: 'shimx64.efi' }, 'by TFTP it boots')
  t.match(given(19), { file: 'shimaa64.efi' }, 'that of another processor may have it')
  t.end()
})

t.test('where the box has no iPXE for UEFI, signed loaders that it has are as good', (t) => {
  const available = new Set(['snponly.efi', 'shimx64.efi', 'grubx64.efi', 'shimaa64.efi', 'grubaa64.efi'])
  const given = (code: number) => programFor(architectureNumbered(code)!, { available })
  t.strictSame(given(7), { kind: 'program', file: 'snponly.efi', loader: 'ipxe' })
  t.strictSame(given(11), { kind: 'program', file: 'shimaa64.efi', loader: 'shim-grub' })
  t.match(given(0), { kind: 'none', because: /undionly\.kpxe, which x86 BIOS needs/ })
  t.match(given(27), { kind: 'none', because: /snponly-riscv64\.efi/ })
  t.end()
})

t.test('with loader shim-ipxe UEFI gets the shim of iPXE with the iPXE beside it, or nothing', (t) => {
  const x64 = ['ipxe-signed/x64/snponly-shimx64.efi', 'ipxe-signed/x64/snponly.efi']
  const arm64 = ['ipxe-signed/aa64/ipxe-shimaa64.efi', 'ipxe-signed/aa64/ipxe.efi']
  const given = (code: number, files: readonly string[]) =>
    programFor(architectureNumbered(code)!, { available: new Set([...programNames, ...files]) }, 'shim-ipxe')
  t.strictSame(given(7, x64), { kind: 'program', file: x64[0], loader: 'shim-ipxe' })
  t.match(given(16, x64), { file: x64[0] })
  t.match(given(11, arm64), { file: arm64[0] })
  t.match(given(0, x64), { file: 'undionly.kpxe' }, 'BIOS has no Secure Boot')
  for (const files of [[], x64.slice(0, 1), x64.slice(1), arm64]) {
    t.match(given(7, files), {
      kind: 'none',
      because: /no snponly-shimx64\.efi with a signed snponly\.efi beside it, which x64 UEFI needs/,
    })
  }
  t.match(given(27, x64), { kind: 'none', because: /no signed iPXE is known for RISC-V/ })
  t.end()
})

t.test('a disk name stands for one program, and GRUB for disks for none', (t) => {
  const onDisk = programFiles.flatMap((file) => file.onDisk)
  t.equal(new Set(onDisk).size, onDisk.length)
  t.notOk(onDisk.includes('grubx64.efi.signed'), 'it has no drivers for networks')
  t.end()
})
