import { createHash } from 'node:crypto'
import type { Role } from './role.ts'

/** Who asked for what: of the order only what its route lets be recorded. */
export type AuditAct = {
  readonly act: string
  /** `local`, or the token by its name. */
  readonly who: string
  /** The identifier of the token. */
  readonly token?: string
  readonly role: Role
  readonly from: string
  /** What it was done to, as it was named. */
  readonly on?: string
  /** The machine that was meant by that, where there was one. */
  readonly machine?: string
  readonly order?: Readonly<Record<string, unknown>>
  /** Fields of the order that were too long to be kept. */
  readonly leftOut?: readonly string[]
}

export type AuditEntry =
  | ({ readonly kind: 'begun' } & AuditAct)
  | { readonly kind: 'ended'; readonly begun: number; readonly status: number; readonly because?: string }
  /** Of an act that a command did on the box itself: its exit code, and what came of it, in words. */
  | { readonly kind: 'ended'; readonly begun: number; readonly exitCode: number; readonly outcome?: string }
  | ({
      readonly kind: 'refused'
      readonly status: number
      readonly because: string
      /** Refusals of the same token since its last row that have none of their own. */
      readonly heldBack?: number
    } & AuditAct)

/** A row of the log: `row` is the canonical JSON of its entry with `seq` and `at` (milliseconds since 1970-01-01 UTC). */
export type AuditRow = { readonly seq: number; readonly row: string; readonly hash: string }

export type AuditHead = Pick<AuditRow, 'seq' | 'hash'>

/** What the first row is chained to. */
export const auditStart: AuditHead = {
  seq: 0,
  hash: createHash('sha256').update('ironwake audit log 1').digest('hex'),
}

/** The row that follows a head. */
export function nextAuditRow({ seq, hash }: AuditHead, entry: AuditEntry, at: number): AuditRow {
  const row = canonicalJson({ ...entry, seq: seq + 1, at })
  return { seq: seq + 1, row, hash: chained(hash, row) }
}

export type AuditVerdict =
  | { readonly kind: 'fits'; readonly head: AuditHead }
  | { readonly kind: 'broken'; readonly seq: number; readonly because: string }

/** Whether rows follow each other from a head on; else the first that does not. */
export function followAudit(from: AuditHead, rows: Iterable<AuditRow>): AuditVerdict {
  let head = from
  for (const { seq, row, hash } of rows) {
    const due = head.seq + 1
    if (seq !== due) {
      const because = seq > due ? `row ${due} is missing` : `row ${seq} stands where ${due} is due`
      return { kind: 'broken', seq: due, because }
    }
    if (chained(head.hash, row) !== hash)
      return { kind: 'broken', seq, because: `row ${seq} was changed, or one before it was exchanged` }
    if (seqIn(row) !== seq) return { kind: 'broken', seq, because: `row ${seq} bears another number` }
    head = { seq, hash }
  }
  return { kind: 'fits', head }
}

/** JSON with the names of each object in order (as RFC 8785 §3.2.3), without what is undefined. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}

function chained(before: string, row: string): string {
  return createHash('sha256').update(Buffer.from(before, 'hex')).update(row).digest('hex')
}

function seqIn(row: string): unknown {
  try {
    const read: unknown = JSON.parse(row)
    return typeof read === 'object' && read !== null && 'seq' in read ? read.seq : undefined
  } catch {
    return undefined
  }
}
