import type { Mac } from '../wire/mac.ts'

/** What a machine is made of, as the system in its memory tells it. */
export type Inventory = Hardware & { readonly disks: readonly Disk[] }

/** All of it but the disks. */
export type Hardware = {
  readonly firmware: 'bios' | 'uefi'
  /** Its maker, version and date, as SMBIOS has them. */
  readonly firmwareVersion?: string
  /** The version of the specification that its TPM follows; `unknown` where the kernel does not say. */
  readonly tpm?: Tpm
  readonly processors: number
  readonly processorModel: string | undefined
  readonly memoryBytes: number
  readonly cards: readonly { readonly name: string; readonly mac: Mac }[]
}

export const tpms = ['none', '1.2', '2.0', 'unknown'] as const
export type Tpm = (typeof tpms)[number]

export type Disk = {
  /** The kernel's name. It holds for this boot only, and nothing is chosen by it. */
  readonly name: string
  readonly bytes: number
  readonly serial: string | undefined
  /** udev's `ID_SERIAL`, which has maker and model before the serial number of some disks; absent, there is none. */
  readonly udevSerial?: string
  readonly wwn: string | undefined
  /** The way to it through the machine, as `/dev/disk/by-path` has it. */
  readonly path: string | undefined
  readonly model: string | undefined
  readonly isRemovable: boolean
  readonly isReadOnly: boolean
  /** What uses it in the system that tells this: a mount, a volume group, an array. */
  readonly usedBy: readonly string[]
  /** What lies on it, each in a few words; empty where it is blank. */
  readonly holds: readonly string[]
}
