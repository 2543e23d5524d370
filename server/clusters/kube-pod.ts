import { z } from 'zod'

/** What the box knows of a pod that is to leave its node. */
export type KubePod = {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** It has been told to end, and does. */
  readonly isEnding: boolean
  /** It has ended by itself, and holds nothing up. */
  readonly hasEnded: boolean
  /** Its DaemonSet would put another in its place at once. */
  readonly isOfDaemonSet: boolean
  /** The kubelet runs it by a file of its own; the API only shows it. */
  readonly isMirror: boolean
}

const text = z.string().max(4_096)

const schema = z.object({
  metadata: z.object({
    name: text,
    namespace: text,
    uid: text.default(''),
    deletionTimestamp: text.nullish(),
    annotations: z.record(z.string(), z.string()).nullish(),
    ownerReferences: z.array(z.object({ kind: text, controller: z.boolean().nullish() })).nullish(),
  }),
  status: z.object({ phase: text.nullish() }).nullish(),
})

/** A Pod as the API gives it; `undefined` where it is none. */
export function kubePod(value: unknown): KubePod | undefined {
  const read = schema.safeParse(value)
  if (!read.success) return undefined
  const { metadata, status } = read.data
  const { phase } = status ?? {}
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    isEnding: metadata.deletionTimestamp !== undefined && metadata.deletionTimestamp !== null,
    hasEnded: phase === 'Succeeded' || phase === 'Failed',
    isOfDaemonSet: (metadata.ownerReferences ?? []).some(
      ({ kind, controller }) => kind === 'DaemonSet' && controller === true,
    ),
    isMirror: metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined,
  }
}
