import type { Cpu } from '../dhcp/architectures.ts'

/**
 * The signed iPXE of one kind of processor, as iPXE 2 publishes it: Microsoft has signed its shim, and its shim trusts what the
 * iPXE project has signed, nothing else.
 */
export type SignedIpxe = {
  readonly cpu: Cpu
  /** How shim writes the processor in its names. */
  readonly mark: 'x64' | 'aa64'
  /** Where its files are served. */
  readonly folder: string
  /** Where the release's own archive keeps them. */
  readonly releaseFolder: string
}

/**
 * Served from a folder of their own: the second stage has the same name for every processor, and the unsigned iPXE of a
 * distribution has it as well.
 */
export const signedIpxes: readonly SignedIpxe[] = [
  {
    cpu: 'x86_64',
    mark: 'x64',
    folder: 'ipxe-signed/x64',
    releaseFolder: 'ipxeboot/x86_64-sb',
  },
  {
    cpu: 'arm64',
    mark: 'aa64',
    folder: 'ipxe-signed/aa64',
    releaseFolder: 'ipxeboot/arm64-sb',
  },
]

/** iPXE with the driver of the firmware, which fits more machines, and iPXE with drivers of its own; the better one first. */
export const signedIpxeStems = ['snponly', 'ipxe'] as const
export type SignedIpxeStem = (typeof signedIpxeStems)[number]

/**
 * The name of the shim that loads `STEM.efi` from beside itself: shim makes the one of the other by leaving out `-shimx64`
 * (ipxe/shim, `automatic_next_path`; at most four letters may follow `-shim`).
 */
export function shimFileOf(stem: SignedIpxeStem, { mark }: SignedIpxe): string {
  return `${stem}-shim${mark}.efi`
}

/** What the shim of that name loads. */
export function secondStageOf(stem: SignedIpxeStem): string {
  return `${stem}.efi`
}
