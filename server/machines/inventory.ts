import type { Mac } from '../wire/mac.ts'

/** What a machine is made of, as the system in its memory tells it. */
export type Inventory = {
  readonly firmware: 'bios' | 'uefi'
  readonly processors: number
  readonly processorModel: string | undefined
  readonly memoryBytes: number
  readonly cards: readonly { readonly name: string; readonly mac: Mac }[]
  readonly disks: readonly Disk[]
}

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
