import type { Architecture } from '../dhcp/architectures.ts'

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

/** Every file name a machine may ever be told to load: what TFTP serves besides `autoexec.ipxe`. */
export const programNames: readonly string[] = wanted.flatMap((entry) => entry.files)

export type Program =
  { readonly kind: 'program'; readonly file: string } | { readonly kind: 'none'; readonly because: string }

/** The boot program for a firmware, among those the box has. */
export function programFor(architecture: Architecture, available: ReadonlySet<string>): Program {
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
