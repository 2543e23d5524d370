import { auditStart, nextAuditRow, type AuditEntry, type AuditHead } from '../access/audit-chain.ts'
import type { AuditDesk } from '../http/audit.ts'
import type { Store } from '../store/open-store.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { Throttle } from './throttle.ts'

/** Nothing of the log is ever deleted, so a token that is refused for ever must not fill the disk: about 250 MB a year. */
const refusals = { burst: 20, perSecond: 1 / 60, mostKeys: 1_000 }

/** The audit log of the store. Rows are written one after another: each is chained to the one before, which must be on disk. */
export function auditDesk(store: Pick<Store, 'audit' | 'appendAudit'>, now: () => number): AuditDesk {
  const inTurn = oneAtATime()
  const head = async (): Promise<AuditHead> => (await store.audit.head()) ?? auditStart
  const throttle = new Throttle(refusals)
  const write = async (entry: AuditEntry): Promise<number> =>
    await inTurn(async () => {
      // Asked each time: after a write that failed nobody else knows whether it is there.
      const row = nextAuditRow(await head(), entry, now())
      await store.appendAudit(row)
      return row.seq
    })
  return {
    write,
    async writeRefused(entry) {
      const { passes, heldBack } = throttle.pass(entry.token ?? entry.who, now())
      if (passes) await write(heldBack === 0 ? entry : { ...entry, heldBack })
    },
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
