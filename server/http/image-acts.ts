import type { z } from 'zod'
import { imageActs } from '../access/image-acts.ts'
import { apiRoutes } from './api-routes.ts'
import type { ApiSchemas } from './api-schemas.ts'
import { recordedOrder, recordedText, type AuditDesk } from './audit.ts'

export type ImageAct = z.output<ApiSchemas['ImageAct']>
export type ImageActEnd = z.output<ApiSchemas['ImageActEnd']>

/** Writes that the owner of the box begins an act on the image store. Resolves with the number of the row when it is on disk. */
export async function beginImageAct(audit: AuditDesk, asked: ImageAct, from: string): Promise<number> {
  const { act, on, ...order } = asked
  const { recorded } = apiRoutes['POST /api/v1/image-acts']
  const kept = order.from === undefined ? order : { ...order, from: withoutUrlSecrets(order.from) }
  return await audit.write({
    kind: 'begun',
    act,
    who: 'local',
    role: 'admin',
    from,
    ...(on === undefined ? {} : { on: recordedText(on) }),
    ...recordedOrder(kept, recorded),
  })
}

type Written = { readonly kind: 'done' } | { readonly kind: 'refused'; readonly because: string }

/**
 * Writes how such an act ended, once, however often it is told: who told it to a box that was killed just then does not know
 * whether it is there.
 */
export async function endImageAct(
  audit: AuditDesk,
  begun: number,
  { exitCode, outcome }: ImageActEnd,
): Promise<Written> {
  const isAct = Number.isSafeInteger(begun) && begun > 0
  const [row] = isAct ? await audit.rows({ after: begun - 1, limit: 1 }) : []
  if (!isImageAct(row?.row))
    return { kind: 'refused', because: `row ${begun} of the audit log is no act on the image store` }
  if (await hasEnd(audit, begun)) return { kind: 'done' }
  const what = outcome === undefined ? {} : { outcome: recordedText(withoutUrlSecrets(outcome)) }
  await audit.write({ kind: 'ended', begun, exitCode, ...what })
  return { kind: 'done' }
}

function isImageAct(row: string | undefined): boolean {
  if (row === undefined) return false
  const { kind, act } = JSON.parse(row) as Readonly<Record<string, unknown>>
  return kind === 'begun' && imageActs.some((known) => known === act)
}

/** What the log gives at most at once. */
const page = 1_000

/** An end stands behind its beginning: only what was written while the act went on is read. */
async function hasEnd(audit: AuditDesk, begun: number): Promise<boolean> {
  for (let after = begun; ; after += page) {
    const rows = await audit.rows({ after, limit: page })
    if (rows.some(({ row }) => (JSON.parse(row) as { readonly begun?: unknown }).begun === begun)) return true
    if (rows.length < page) return false
  }
}

/** What stands in a URL beside its place may be a secret: a name and a password, or a query that lets somebody in. */
function withoutUrlSecrets(text: string): string {
  return text.replaceAll(/\b([a-z][a-z0-9+.-]{0,20}:\/\/)(?:[^\s/?#]*@)?([^\s?#]*)[?#]?\S*/gi, '$1$2')
}
