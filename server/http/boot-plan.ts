import type { Identity } from '../machines/identity-tier.ts'
import type { Mac } from '../wire/mac.ts'

/** What a machine would be given if it asked now, why, and what of it has changed since it last asked. */
export type BootPlan = {
  readonly machine: string
  /** The card it would ask by: that of its latest boot. */
  readonly mac: Mac
  readonly network: string | undefined
  readonly language: 'ipxe' | 'grub'
  readonly approved: boolean
  /** Why it is approved, or is not. */
  readonly because: string
  /** By what it would be tied to its record; `tooWeak`: why that is not enough to enter the cluster it is for. */
  readonly identity: Identity & { readonly tooWeak?: string }
  /** What it is to have, each with where that is said. */
  readonly wishes: readonly string[]
  /** What its script does, in one word, and why that. */
  readonly script: string
  readonly scriptBecause: string
  readonly image: string | undefined
  /** The disk that would be written, by what the machine last told of its disks; absent where none is to be. */
  readonly disk?: PlannedDisk
  /** Why it could not become the node that it is to be; absent where nothing speaks against it. */
  readonly notJoining?: string
  /** The script and the files of its seed as they would be served; `ATTEMPT` stands for the number of the boot. */
  readonly files: readonly PlannedFile[]
  /** Absent where it was never served a script. */
  readonly since?: {
    readonly at: number
    readonly attempt: string
    readonly script: string
    /** `- line` and `+ line`; a file that is as it was is left out. */
    readonly changes: readonly { readonly file: string; readonly lines: readonly string[] }[]
  }
}

export type PlannedDisk =
  /** `at`: when its disks were told of. */
  | { readonly kind: 'disk'; readonly disk: string; readonly because: string; readonly at: number }
  | { readonly kind: 'none'; readonly because: string; readonly at?: number }

export type PlannedFile =
  | { readonly file: string; readonly text: string }
  /** It cannot be made. */
  | { readonly file: string; readonly refused: string }
