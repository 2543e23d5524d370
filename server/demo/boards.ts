import { join } from 'node:path'
import type { Processor } from './distribution.ts'
import type { Tool } from './follow-program.ts'

/**
 * `bios` is SeaBIOS with the iPXE ROM of the card, `uefi` is OVMF with its own PXE, `uefi-secure-boot` is OVMF with the
 * keys of Microsoft enrolled, as a server leaves its factory: what they have not signed is not started. `uefi-arm64` is
 * AAVMF, the same firmware for arm64, and has the same keys where its name says so.
 */
export type Firmware = 'bios' | 'uefi' | 'uefi-secure-boot' | 'uefi-arm64' | 'uefi-arm64-secure-boot'

/** A file, and the package of Debian that brings it. */
type Part = { readonly file: string; readonly debianPackage: string }

/** What QEMU emulates for a firmware. */
export type Board = {
  readonly processor: Processor
  readonly qemu: Tool
  readonly machine: string
  /** What QEMU calls the model of the processor. */
  readonly model: string
  /** What its kernel must be told, to write to the serial port and to start. */
  readonly kernelParameters: readonly string[]
  /** The firmware's code, and its variables as they leave the factory; absent where QEMU brings the firmware itself. */
  readonly flash?: { readonly code: string; readonly variables: string }
  /** Whether the card keeps its ROM. */
  readonly networkRom: 'ipxe' | 'none'
  readonly words: readonly string[]
  /** What of it must be on this box. */
  readonly parts: readonly Part[]
}

/** Debian's package `ovmf`; 4M is the form that current releases still ship. */
const ovmfFolder = '/usr/share/OVMF'
const aavmfFolder = '/usr/share/AAVMF'

/**
 * Debian's package `ipxe-qemu`. QEMU has to choose it by itself: it fits a ROM to the card that it emulates only then.
 */
const biosNetworkRom = '/usr/lib/ipxe/qemu/efi-virtio.rom'

/**
 * The plainest processor is the quickest: with the newest one the same boot takes a quarter more, because programs then
 * choose instructions that are laborious to emulate.
 */
const x64 = {
  processor: 'amd64',
  qemu: { program: 'qemu-system-x86_64', debianPackage: 'qemu-system-x86' },
  model: 'qemu64',
  // On a box with much else to do the kernel's own test of the timer fails, since no interrupt comes in time, and it stops.
  kernelParameters: ['console=ttyS0,115200', 'no_timer_check'],
} as const
const arm64 = {
  processor: 'arm64',
  qemu: { program: 'qemu-system-aarch64', debianPackage: 'qemu-system-arm' },
  model: 'cortex-a57',
  kernelParameters: ['console=ttyAMA0,115200'],
  machine: 'virt',
  networkRom: 'none',
} as const

/**
 * OVMF tries PXE and HTTP over IPv4, each also over IPv6, and only then the disk. Without its IPv6 a machine that is sent
 * on to its disk gets there minutes sooner.
 */
const withoutIpv6 = [
  '-fw_cfg',
  'name=opt/org.tianocore/IPv6Support,string=no',
  '-fw_cfg',
  'name=opt/org.tianocore/IPv6PXESupport,string=no',
]

/** The variables may be written from system management mode only, so that no system can add keys by itself. */
const variablesByFirmwareOnly = [
  '-global',
  'driver=cfi.pflash01,property=secure,value=on',
  '-global',
  'ICH9-LPC.disable_s3=1',
]

const ovmfCode = join(ovmfFolder, 'OVMF_CODE_4M.fd')
const ovmfSecureCode = join(ovmfFolder, 'OVMF_CODE_4M.secboot.fd')
const aavmfCode = join(aavmfFolder, 'AAVMF_CODE.fd')

export const boards: Readonly<Record<Firmware, Board>> = {
  bios: {
    ...x64,
    machine: 'q35,graphics=off',
    networkRom: 'ipxe',
    words: [],
    parts: [{ file: biosNetworkRom, debianPackage: 'ipxe-qemu' }],
  },
  // OVMF would run iPXE from the card's ROM; without a ROM it uses its own PXE, as bare metal does.
  uefi: {
    ...x64,
    machine: 'q35,graphics=off',
    flash: { code: ovmfCode, variables: join(ovmfFolder, 'OVMF_VARS_4M.fd') },
    networkRom: 'none',
    words: withoutIpv6,
    parts: [{ file: ovmfCode, debianPackage: 'ovmf' }],
  },
  'uefi-secure-boot': {
    ...x64,
    machine: 'q35,smm=on,graphics=off',
    flash: { code: ovmfSecureCode, variables: join(ovmfFolder, 'OVMF_VARS_4M.ms.fd') },
    networkRom: 'none',
    words: [...withoutIpv6, ...variablesByFirmwareOnly],
    parts: [{ file: ovmfSecureCode, debianPackage: 'ovmf' }],
  },
  'uefi-arm64': {
    ...arm64,
    flash: { code: aavmfCode, variables: join(aavmfFolder, 'AAVMF_VARS.fd') },
    words: withoutIpv6,
    parts: [{ file: aavmfCode, debianPackage: 'qemu-efi-aarch64' }],
  },
  'uefi-arm64-secure-boot': {
    ...arm64,
    flash: { code: aavmfCode, variables: join(aavmfFolder, 'AAVMF_VARS.ms.fd') },
    words: withoutIpv6,
    parts: [{ file: aavmfCode, debianPackage: 'qemu-efi-aarch64' }],
  },
}
