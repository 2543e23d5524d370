import type { DhcpMessage, MessageTypeName } from '../dhcp/message.ts'
import type { Ipv4 } from '../wire/ipv4.ts'
import type { RackMethod } from './rack.ts'

/**
 * The parts of a boot whose times are told apart. `disk` is from the question which disk is meant until it is written, and
 * `own-system` all that comes after: the restart, the firmware once more, and the system on the disk.
 */
export const phases = [
  'address',
  'program',
  'script',
  'kernel',
  'image',
  'cloud-init',
  'disk',
  'own-system',
] as const
export type Phase = (typeof phases)[number]

/** What a virtual machine wants done next. It does nothing itself: `play.ts` does it, over real sockets. */
export type Deed =
  /** From here on time counts for this phase. */
  | { readonly kind: 'enter'; readonly phase: Phase }
  | { readonly kind: 'pause'; readonly ms: number }
  /** Broadcasts a message and waits for an answer to its transaction of one of these types. */
  | {
      readonly kind: 'ask'
      readonly message: DhcpMessage
      readonly copies: number
      readonly expects: readonly MessageTypeName[]
      readonly withinMs: number
    }
  /** The address becomes the machine's own, in place of the one it had. */
  | { readonly kind: 'take-address'; readonly address: Ipv4 }
  | ({ readonly kind: 'fetch-tftp' } & TftpOrder)
  | ({ readonly kind: 'fetch-http' } & HttpOrder)
  /** A file is here, whole; it fails when another machine was given other bytes under that name. */
  | { readonly kind: 'got'; readonly file: string; readonly byteCount: number; readonly checksum: number }

export type TftpOrder = {
  readonly server: Ipv4
  readonly file: string
  /** Asked for as an option; absent, blocks have 512 bytes. */
  readonly blockBytes: number | undefined
  /** Blocks per acknowledgement (RFC 7440). */
  readonly window: number | undefined
  /** Breaks off when it knows the size, as EDK2 does at first. */
  readonly sizeOnly: boolean
  /** Sends the name with the 255 that stood behind it in the DHCP message. */
  readonly trailingMark: boolean
  /** Goes silent after this many blocks, as a machine whose power is cut. */
  readonly diesAfterBlocks: number | undefined
}

export type HttpOrder = {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly url: string
  readonly userAgent: string
  readonly body?: string
  /** Whether the text is wanted; of anything else only length and checksum are kept. */
  readonly keepText: boolean
  /** Goes on from this byte, and with the checksum of those before. */
  readonly from?: { readonly byte: number; readonly checksum: number }
  /** Hangs up after so many bytes. */
  readonly diesAfterBytes?: number
  /** Reads no more than this many bytes in a tenth of a second. */
  readonly bytesPerTenth?: number
  /** Tells meanwhile how far it is. */
  readonly progress?: Progress
}

/** While bytes come, a URL is told again and again how many of the disk are written; what becomes of that does not count. */
export type Progress = {
  readonly url: string
  readonly userAgent: string
  readonly everyMs: number
  /** Bytes of the disk for each that comes packed. */
  readonly unpacks: number
}

/** What came of a deed. */
export type Found =
  | { readonly kind: 'done' }
  | { readonly kind: 'reply'; readonly message: DhcpMessage }
  | { readonly kind: 'file'; readonly byteCount: number; readonly checksum: number }
  | {
      readonly kind: 'response'
      readonly status: number
      /** Bytes of the body that came. */
      readonly byteCount: number
      /** Of the body as it was announced; a GET that brought less was cut short. */
      readonly announced: number | undefined
      readonly checksum: number
      readonly text: string
      readonly retryAfterSeconds: number | undefined
    }
  /** It did not come to anything: silence, a refusal, a connection that broke. */
  | { readonly kind: 'failed'; readonly because: string }

export type BootEnd =
  /** Its last report is in. */
  | { readonly kind: 'up'; readonly method: RackMethod }
  /** It was told to leave the network alone. */
  | { readonly kind: 'own-disk'; readonly because: string }
  | { readonly kind: 'lost'; readonly because: string }

/** A machine's way through a boot: it yields deeds, is given what came of each, and returns how it ended. */
export type Course<Result> = Generator<Deed, Result, Found>

/** The rest of a course cannot be gone; `boot-machine.ts` turns it into the end of the boot. */
export class Lost extends Error {
  override readonly name = 'Lost'
}

/** A part of a course in which all time counts for one phase. */
export function* inPhase<Result>(phase: Phase, course: Course<Result>): Course<Result> {
  yield { kind: 'enter', phase }
  let step = course.next({ kind: 'done' })
  while (step.done !== true) {
    const { value: deed } = step
    step = course.next(deed.kind === 'enter' ? { kind: 'done' } : yield deed)
  }
  return step.value
}
