/** A TFTP packet (RFC 1350 §5, RFC 2347). Option names are in lower case, in the order sent. */
export type TftpPacket =
  | TftpRequest
  | { readonly kind: 'block'; readonly block: number; readonly bytes: Uint8Array }
  | { readonly kind: 'acknowledgement'; readonly block: number }
  | { readonly kind: 'error'; readonly code: number; readonly text: string }
  | { readonly kind: 'option-acknowledgement'; readonly options: TftpOptions }

export type TftpRequest = {
  readonly kind: 'read-request' | 'write-request'
  /** As the client sent it, still to be cleaned by `boot-file-name.ts`. */
  readonly file: string
  /** In lower case. */
  readonly mode: string
  readonly options: TftpOptions
}

export type TftpOptions = ReadonlyMap<string, string>

/** RFC 1350 §5, RFC 2347. */
export const operations = {
  'read-request': 1,
  'write-request': 2,
  block: 3,
  acknowledgement: 4,
  error: 5,
  'option-acknowledgement': 6,
} as const

/** RFC 1350 appendix I, RFC 2347. */
export const errorCodes = {
  'not-defined': 0,
  'no-such-file': 1,
  'access-violation': 2,
  'illegal-operation': 4,
  'unknown-transfer': 5,
  'options-refused': 8,
} as const
export type TftpErrorName = keyof typeof errorCodes

/** Operation and block number stand before the bytes of a block. */
export const blockHeaderBytes = 4

/** The block size when none is agreed (RFC 1350 §2). */
export const plainBlockBytes = 512
