/** What can be wrong with a store; each is told as a sentence with its next step. */
export type StoreFaultKind =
  | 'newer-than-program'
  | 'not-a-store'
  | 'corrupt'
  | 'in-use'
  | 'no-access'
  | 'full'
  | 'unreadable'
  | 'unwritable'
  | 'refused'
  | 'overloaded'
  | 'failed'
  | 'closed'

/** The store could not be opened, or did not take what it was given. Nothing of a write that ends so is kept. */
export class StoreFault extends Error {
  override readonly name = 'StoreFault'
  readonly kind: StoreFaultKind

  constructor(kind: StoreFaultKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.kind = kind
  }
}

/** Primary result codes (sqlite.org/rescode.html). */
const sqliteCodes = {
  permission: 3,
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
} as const

/** The fault behind an error of node:sqlite; other errors are our own and come back as they are. */
export function storeFaultOf(error: unknown, path: string): unknown {
  if (error instanceof StoreFault || !(error instanceof Error)) return error
  if (!('errcode' in error) || typeof error.errcode !== 'number') return error
  return faultOfCode(error.errcode, error.message, path, error)
}

/** The fault that SQLite's extended result code stands for. */
export function faultOfCode(code: number, message: string, path: string, cause?: unknown): StoreFault {
  const fault = (kind: StoreFaultKind, sentence: string): StoreFault => new StoreFault(kind, sentence, cause)
  // The low byte is the primary code.
  switch (code & 0xff) {
    case sqliteCodes.notADatabase:
      return fault('not-a-store', `${path} is not an Ironwake store. ${restore}`)
    case sqliteCodes.corrupt:
      return fault('corrupt', `The store ${path} is damaged (${message}). ${restore}`)
    case sqliteCodes.busy:
    case sqliteCodes.locked:
      return fault('in-use', `The store ${path} is in use by another program. Stop that one first.`)
    case sqliteCodes.full:
      return fault('full', `There is no room left to write to the store ${path}. Make room on its disk.`)
    case sqliteCodes.permission:
    case sqliteCodes.readOnly:
    case sqliteCodes.cannotOpen:
      return fault(
        'no-access',
        `The store ${path} cannot be opened for writing (${message}). Check who owns it.`,
      )
    case sqliteCodes.ioError:
      return fault(
        'unwritable',
        `The disk did not take a write to the store ${path} (${message}). Check the disk.`,
      )
  }
  return fault('refused', `The store ${path} refused a write: ${message}.`)
}

const restore = 'Move it aside and start again with an empty one, or put a backup in its place.'
