import type { Architecture } from '../dhcp/architectures.ts'
import type { Loader } from '../networks/network.ts'
import { secondStageOf, shimFileOf, signedIpxes, signedIpxeStems } from './signed-ipxe.ts'

/** Boot programs by firmware, the better one first; the first that is there is used. */
const wanted: readonly {
  readonly family: string
  readonly cpu: string
  readonly files: readonly string[]
}[] = [
  { family: 'bios', cpu: 'x86', files: ['undionly.kpxe'] },
  // snponly.efi keeps to the driver of the firmware, and to the card that was booted from.
  { family: 'uefi', cpu: 'x86_64', files: ['snponly.efi', 'ipxe-amd64.efi', 'ipxe.efi'] },
  { family: 'uefi', cpu: 'x86', files: ['snponly-i386.efi', 'ipxe-i386.efi'] },
  { family: 'uefi', cpu: 'arm64', files: ['snponly-arm64.efi', 'ipxe-arm64.efi'] },
  { family: 'uefi', cpu: 'arm', files: ['snponly-arm32.efi', 'ipxe-arm32.efi'] },
  // U-Boot runs programs of UEFI (`bootefi`).
  { family: 'u-boot', cpu: 'arm64', files: ['snponly-arm64.efi', 'ipxe-arm64.efi'] },
  { family: 'u-boot', cpu: 'arm', files: ['snponly-arm32.efi', 'ipxe-arm32.efi'] },
  { family: 'uefi', cpu: 'riscv64', files: ['snponly-riscv64.efi', 'ipxe-riscv64.efi'] },
  { family: 'uefi', cpu: 'loongarch64', files: ['snponly-loong64.efi', 'ipxe-loong64.efi'] },
]

/**
 * The signed loaders of the distributions. The firmware is given shim, shim asks for GRUB and for the program that
 * manages keys beside itself, under these names, which are built into it (shim, `shim.h`).
 */
const shimGrubs: readonly { readonly cpu: string; readonly shim: string; readonly grub: string }[] = [
  { cpu: 'x86_64', shim: 'shimx64.efi', grub: 'grubx64.efi' },
  { cpu: 'arm64', shim: 'shimaa64.efi', grub: 'grubaa64.efi' },
]

/** A boot program: the name it is asked for by, and the names it may have in a folder, the better one first. */
export type ProgramFile = { readonly name: string; readonly onDisk: readonly string[] }

/**
 * Debian and Ubuntu name what is signed `.signed`, and the GRUB that boots from networks `grubnet`; their `grubx64.efi.signed`
 * boots from disks. Ubuntu's netboot tarball calls shim `bootx64.efi`.
 */
const signedFiles: readonly ProgramFile[] = ['x64', 'aa64'].flatMap((cpu) => [
  { name: `shim${cpu}.efi`, onDisk: [`shim${cpu}.efi.signed`, `shim${cpu}.efi`, `boot${cpu}.efi`] },
  { name: `grub${cpu}.efi`, onDisk: [`grubnet${cpu}.efi.signed`, `grubnet${cpu}.efi`, `grub${cpu}.efi`] },
  { name: `mm${cpu}.efi`, onDisk: [`mm${cpu}.efi.signed`, `mm${cpu}.efi`] },
])

/** Below a folder of boot programs: what the boot loader of a Raspberry Pi fetches, with folders as on its SD card. */
export const raspberryPiFolder = 'raspberry-pi'

/** Programs that are found one by one, in any of the folders. Those of the signed iPXE are found together. */
export const programFiles: readonly ProgramFile[] = [
  ...[...new Set(wanted.flatMap((entry) => entry.files))].map((name) => ({ name, onDisk: [name] })),
  ...signedFiles,
]

const signedIpxeShims = signedIpxes.flatMap((one) => signedIpxeStems.map((stem) => shimFileOf(stem, one)))

/** Every file name under which a program is served, in whatever folder, besides `autoexec.ipxe`. */
export const programNames: readonly string[] = [...programFiles.map(({ name }) => name), ...signedIpxeShims]

/** The boot programs of a box, by name. */
export type ProgramShelf = {
  readonly available: ReadonlySet<string>
  /** Those that fetch what they need next by TFTP and in no other way; absent, none of them. */
  readonly tftpOnly?: ReadonlySet<string>
}

export type Program =
  | { readonly kind: 'program'; readonly file: string; readonly loader: Loader }
  | { readonly kind: 'none'; readonly because: string }

/**
 * The boot program for a firmware, among those the box has. Where it has no iPXE for the processor, signed loaders are as good:
 * they start with Secure Boot and without.
 */
export function programFor(
  architecture: Architecture,
  shelf: ProgramShelf,
  loader: Loader = 'ipxe',
): Program {
  if (loader === 'ipxe' || architecture.family !== 'uefi') {
    const plain = ipxeFor(architecture, shelf)
    if (plain.kind === 'program') return plain
    const signed = shimGrubFor(architecture, shelf)
    return signed.kind === 'program' ? signed : plain
  }
  return loader === 'shim-grub' ? shimGrubFor(architecture, shelf) : shimIpxeFor(architecture, shelf)
}

function ipxeFor(architecture: Architecture, { available }: ProgramShelf): Program {
  const files = wanted.find(
    (one) => one.family === architecture.family && one.cpu === architecture.cpu,
  )?.files
  if (files === undefined) return none(`no boot program is known for ${architecture.name}`)
  const file = files.find((name) => available.has(name))
  if (file === undefined) {
    return none(`this box has none of ${files.join(', ')}, which ${architecture.name} needs`)
  }
  return { kind: 'program', file, loader: 'ipxe' }
}

/** The shim of the distributions for a processor, by the name under which it is served. */
export function distributionShim(cpu: string): string | undefined {
  return shimGrubs.find((pair) => pair.cpu === cpu)?.shim
}

/** Both or nothing: shim without GRUB starts nothing, and unsigned programs the firmware would refuse. */
function shimGrubFor(architecture: Architecture, { available, tftpOnly }: ProgramShelf): Program {
  const pair = shimGrubs.find(({ cpu }) => cpu === architecture.cpu)
  if (pair === undefined || architecture.family !== 'uefi') {
    return none(`no signed shim and GRUB are known for ${architecture.name}`)
  }
  const { shim, grub } = pair
  const missing = [shim, grub].filter((name) => !available.has(name))
  if (missing.length > 0) {
    return none(
      `this box has no ${missing.join(', no ')}, which ${architecture.name} needs with loader: shim-grub`,
    )
  }
  if (architecture.fetches === 'http' && tftpOnly?.has(grub) === true) {
    return none(
      `${grub} of this box has no HTTP and would stop at its prompt (${architecture.name}); that of Debian 13 or Ubuntu ` +
        'has it, or let the firmware boot by PXE',
    )
  }
  return { kind: 'program', file: shim, loader: 'shim-grub' }
}

/** The shim of iPXE with the iPXE that was found beside it: another's, or an unsigned one, it would refuse. */
function shimIpxeFor(architecture: Architecture, { available }: ProgramShelf): Program {
  const signed = signedIpxes.find(({ cpu }) => cpu === architecture.cpu)
  if (signed === undefined) return none(`no signed iPXE is known for ${architecture.name}`)
  const { folder } = signed
  const stem = signedIpxeStems.find((one) =>
    [shimFileOf(one, signed), secondStageOf(one)].every((name) => available.has(`${folder}/${name}`)),
  )
  if (stem === undefined) {
    const [first] = signedIpxeStems
    return none(
      `this box has no ${shimFileOf(first, signed)} with a signed ${secondStageOf(first)} beside it, which ` +
        `${architecture.name} needs with loader: shim-ipxe`,
    )
  }
  return { kind: 'program', file: `${folder}/${shimFileOf(stem, signed)}`, loader: 'shim-ipxe' }
}

function none(because: string): Program {
  return { kind: 'none', because }
}
