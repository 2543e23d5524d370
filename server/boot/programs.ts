import type { Architecture } from '../dhcp/architectures.ts'
import type { Loader } from '../networks/network.ts'

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
  { family: 'uefi', cpu: 'riscv64', files: ['snponly-riscv64.efi', 'ipxe-riscv64.efi'] },
  { family: 'uefi', cpu: 'loongarch64', files: ['snponly-loong64.efi', 'ipxe-loong64.efi'] },
]

/**
 * The signed loaders of the distributions. The firmware is given shim, shim asks for GRUB and for the program that
 * manages keys beside itself, under these names, which are built into it (shim, `shim.h`).
 */
const signed: readonly { readonly cpu: string; readonly shim: string; readonly grub: string }[] = [
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

/** Every program a machine may ever be told to load, or may ask for by itself. */
export const programFiles: readonly ProgramFile[] = [
  ...wanted.flatMap((entry) => entry.files).map((name) => ({ name, onDisk: [name] })),
  ...signedFiles,
]

/** Every file name under which a program is served, besides `autoexec.ipxe`. */
export const programNames: readonly string[] = programFiles.map(({ name }) => name)

export type Program =
  { readonly kind: 'program'; readonly file: string } | { readonly kind: 'none'; readonly because: string }

/** The boot program for a firmware, among those the box has. */
export function programFor(
  architecture: Architecture,
  available: ReadonlySet<string>,
  loader: Loader = 'ipxe',
): Program {
  if (loader === 'shim-grub' && architecture.family === 'uefi') return signedFor(architecture, available)
  const files = wanted.find(
    (one) => one.family === architecture.family && one.cpu === architecture.cpu,
  )?.files
  if (files === undefined)
    return { kind: 'none', because: `no boot program is known for ${architecture.name}` }
  const file = files.find((name) => available.has(name))
  if (file === undefined) {
    return {
      kind: 'none',
      because: `this box has none of ${files.join(', ')}, which ${architecture.name} needs`,
    }
  }
  return { kind: 'program', file }
}

/** Both or nothing: shim without GRUB starts nothing, and unsigned programs the firmware would refuse. */
function signedFor(architecture: Architecture, available: ReadonlySet<string>): Program {
  const pair = signed.find(({ cpu }) => cpu === architecture.cpu)
  if (pair === undefined) {
    return { kind: 'none', because: `no signed shim and GRUB are known for ${architecture.name}` }
  }
  const missing = [pair.shim, pair.grub].filter((name) => !available.has(name))
  if (missing.length === 0) return { kind: 'program', file: pair.shim }
  return {
    kind: 'none',
    because: `this box has no ${missing.join(', no ')}, which ${architecture.name} needs with loader: shim-grub`,
  }
}
