import { holdsToken } from '../access/api-token.ts'
import {
  canonicalJson,
  type AuditAct,
  type AuditEntry,
  type AuditHead,
  type AuditRow,
} from '../access/audit-chain.ts'

/** The audit log, as the API writes and reads it. */
export type AuditDesk = {
  /** Resolves with the number of the row when it is on disk. */
  readonly write: (entry: Exclude<AuditEntry, { readonly kind: 'refused' }>) => Promise<number>
  /** As `write`, but of too many from one token only some, each with the number of those that were held back. */
  readonly writeRefused: (entry: Extract<AuditEntry, { readonly kind: 'refused' }>) => Promise<void>
  /** At most so many rows: those after a number, else the newest; oldest first. */
  readonly rows: (wanted: { readonly after?: number; readonly limit: number }) => Promise<readonly AuditRow[]>
  readonly head: () => Promise<AuditHead>
}

const mostOrderBytes = 2048
const mostWordBytes = 512

/** Only the named fields of an order; those beyond 2 KiB are named and left out. */
export function recordedOrder(
  order: Readonly<Record<string, unknown>>,
  fields: readonly string[],
): Pick<AuditAct, 'order' | 'leftOut'> {
  const kept: Record<string, unknown> = {}
  const leftOut: string[] = []
  for (const field of fields) {
    if (order[field] === undefined) continue
    const json = canonicalJson({ ...kept, [field]: order[field] })
    if (Buffer.byteLength(json) > mostOrderBytes || holdsToken(canonicalJson(order[field])))
      leftOut.push(field)
    else kept[field] = order[field]
  }
  return {
    ...(Object.keys(kept).length === 0 ? {} : { order: kept }),
    ...(leftOut.length === 0 ? {} : { leftOut }),
  }
}

/** A text from outside, as it may stand in the log: who types a token in place of a name must not find it there. */
export function recordedText(text: string): string {
  if (holdsToken(text)) return '(it holds a token)'
  return Buffer.byteLength(text) <= mostWordBytes ? text : `${text.slice(0, mostWordBytes / 4)}…`
}
