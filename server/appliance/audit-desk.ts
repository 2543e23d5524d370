import { auditStart, nextAuditRow, type AuditHead } from '../access/audit-chain.ts'
import type { AuditDesk } from '../http/audit.ts'
import type { Store } from '../store/open-store.ts'
import { oneAtATime } from './one-at-a-time.ts'

/** The audit log of the store. Rows are written one after another: each is chained to the one before, which must be on disk. */
export function auditDesk(store: Pick<Store, 'audit' | 'appendAudit'>, now: () => number): AuditDesk {
  const inTurn = oneAtATime()
  const head = async (): Promise<AuditHead> => (await store.audit.head()) ?? auditStart
  return {
    write: async (entry) =>
      await inTurn(async () => {
        // Asked each time: after a write that failed nobody else knows whether it is there.
        const row = nextAuditRow(await head(), entry, now())
        await store.appendAudit(row)
        return row.seq
      }),
    rows: async ({ after, limit }) =>
      await inTurn(async () =>
        after === undefined ? await store.audit.newest(limit) : await store.audit.after(after, limit),
      ),
    head: async () =>
      await inTurn(async () => {
        const { seq, hash } = await head()
        return { seq, hash }
      }),
  }
}
