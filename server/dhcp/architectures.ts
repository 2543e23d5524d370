import type { DhcpMessage } from './message.ts'
import { clientArchitecturesOf, vendorClassOf } from './options.ts'
import { isRaspberryPi } from './raspberry-pi.ts'

export type FirmwareFamily =
  'bios' | 'uefi' | 'u-boot' | 'open-firmware' | 'opal' | 's390' | 'rpiboot' | 'other'

export type Cpu =
  | 'x86'
  | 'x86_64'
  | 'ia64'
  | 'alpha'
  | 'arm'
  | 'arm64'
  | 'powerpc'
  | 's390'
  | 'riscv32'
  | 'riscv64'
  | 'riscv128'
  | 'mips'
  | 'mips64'
  | 'sunway32'
  | 'sunway64'
  | 'loongarch32'
  | 'loongarch64'
  | 'unknown'

export type Architecture = {
  readonly code: number
  readonly name: string
  readonly family: FirmwareFamily
  readonly cpu: Cpu
  /** How the firmware fetches its boot program. */
  readonly fetches: 'tftp' | 'http'
}

function row(
  code: number,
  name: string,
  family: FirmwareFamily,
  cpu: Cpu,
  fetches: Architecture['fetches'] = 'tftp',
): Architecture {
  return { code, name, family, cpu, fetches }
}

/** IANA, Dynamic Host Configuration Protocol parameters, "Processor Architecture Types" (RFC 5970, after RFC 4578). */
export const architectures: readonly Architecture[] = [
  row(0, 'x86 BIOS', 'bios', 'x86'),
  row(1, 'NEC PC-98', 'bios', 'x86'),
  row(2, 'Itanium', 'uefi', 'ia64'),
  row(3, 'DEC Alpha', 'other', 'alpha'),
  row(4, 'ARC x86', 'other', 'x86'),
  row(5, 'Intel Lean Client', 'other', 'x86'),
  row(6, 'x86 UEFI', 'uefi', 'x86'),
  row(7, 'x64 UEFI', 'uefi', 'x86_64'),
  row(8, 'EFI Xscale', 'uefi', 'arm'),
  // RFC 4578 had the numbers of EBC and x64 the wrong way round, and x64 firmware followed it.
  row(9, 'x64 UEFI (EBC)', 'uefi', 'x86_64'),
  row(10, 'ARM 32-bit UEFI', 'uefi', 'arm'),
  row(11, 'ARM 64-bit UEFI', 'uefi', 'arm64'),
  row(12, 'PowerPC Open Firmware', 'open-firmware', 'powerpc'),
  row(13, 'PowerPC ePAPR', 'u-boot', 'powerpc'),
  row(14, 'POWER OPAL v3', 'opal', 'powerpc'),
  row(15, 'x86 UEFI HTTP', 'uefi', 'x86', 'http'),
  row(16, 'x64 UEFI HTTP', 'uefi', 'x86_64', 'http'),
  row(17, 'x64 UEFI (EBC) HTTP', 'uefi', 'x86_64', 'http'),
  row(18, 'ARM 32-bit UEFI HTTP', 'uefi', 'arm', 'http'),
  row(19, 'ARM 64-bit UEFI HTTP', 'uefi', 'arm64', 'http'),
  row(20, 'x86 BIOS HTTP', 'bios', 'x86', 'http'),
  row(21, 'ARM 32-bit U-Boot', 'u-boot', 'arm'),
  row(22, 'ARM 64-bit U-Boot', 'u-boot', 'arm64'),
  row(23, 'ARM 32-bit U-Boot HTTP', 'u-boot', 'arm', 'http'),
  row(24, 'ARM 64-bit U-Boot HTTP', 'u-boot', 'arm64', 'http'),
  row(25, 'RISC-V 32-bit UEFI', 'uefi', 'riscv32'),
  row(26, 'RISC-V 32-bit UEFI HTTP', 'uefi', 'riscv32', 'http'),
  row(27, 'RISC-V 64-bit UEFI', 'uefi', 'riscv64'),
  row(28, 'RISC-V 64-bit UEFI HTTP', 'uefi', 'riscv64', 'http'),
  row(29, 'RISC-V 128-bit UEFI', 'uefi', 'riscv128'),
  row(30, 'RISC-V 128-bit UEFI HTTP', 'uefi', 'riscv128', 'http'),
  row(31, 's390 basic', 's390', 's390'),
  row(32, 's390 extended', 's390', 's390'),
  row(33, 'MIPS 32-bit UEFI', 'uefi', 'mips'),
  row(34, 'MIPS 64-bit UEFI', 'uefi', 'mips64'),
  row(35, 'Sunway 32-bit UEFI', 'uefi', 'sunway32'),
  row(36, 'Sunway 64-bit UEFI', 'uefi', 'sunway64'),
  row(37, 'LoongArch 32-bit UEFI', 'uefi', 'loongarch32'),
  row(38, 'LoongArch 32-bit UEFI HTTP', 'uefi', 'loongarch32', 'http'),
  row(39, 'LoongArch 64-bit UEFI', 'uefi', 'loongarch64'),
  row(40, 'LoongArch 64-bit UEFI HTTP', 'uefi', 'loongarch64', 'http'),
  row(41, 'ARM rpiboot', 'rpiboot', 'arm64'),
]

/** The architecture with that number, if IANA has given it. */
export function architectureNumbered(code: number): Architecture | undefined {
  return architectures[code]
}

/**
 * What the firmware can boot: the first number of option 93 that means something, or, where the option is missing or
 * wrong, the five digits in option 60. Some firmware has only the latter right. A number that means nothing is kept where
 * there is no better one: the settings may know what it loads.
 */
export function architectureOf(message: DhcpMessage): Architecture | undefined {
  const told = toldArchitecture(message)
  return told?.code === x86Bios && isRaspberryPi(message) ? architectureNumbered(raspberryPi) : told
}

const x86Bios = 0
const raspberryPi = 41

function toldArchitecture(message: DhcpMessage): Architecture | undefined {
  const vendorClass = vendorClassOf(message) ?? ''
  const digits = /^(?:PXE|HTTP)Client:Arch:([0-9]{1,5})(?::|$)/.exec(vendorClass)?.[1]
  const codes = [
    ...clientArchitecturesOf(message),
    ...(digits === undefined ? [] : [Number(digits)]),
    ...uBootCodes(vendorClass),
  ]
  for (const code of codes) {
    const architecture = architectureNumbered(code)
    if (architecture !== undefined) return architecture
  }
  const [unknown] = codes
  return unknown === undefined ? undefined : row(unknown, `architecture ${unknown}`, 'other', 'unknown')
}

/** Its vendor class is `U-Boot.armv8` and the like, with its own architecture in option 93 or without (U-Boot, `net/Kconfig`). */
function uBootCodes(vendorClass: string): readonly number[] {
  if (vendorClass.startsWith('U-Boot.armv8')) return [22]
  return vendorClass.startsWith('U-Boot.arm') ? [21] : []
}
