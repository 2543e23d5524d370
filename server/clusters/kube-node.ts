import { z } from 'zod'

/** What the box knows of a Node, of all that Kubernetes keeps in one. */
export type KubeNode = {
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  readonly labels: { readonly [key: string]: string }
  readonly unschedulable: boolean
  readonly providerId: string | undefined
  readonly taints: readonly { readonly key: string; readonly value?: string; readonly effect: string }[]
  /** As SMBIOS has it, in either order of its bytes. */
  readonly systemUuid: string | undefined
  readonly kubeletVersion: string | undefined
  readonly addresses: readonly { readonly type: string; readonly address: string }[]
  readonly ready: NodeReady
}

/** `Ready` of a node: `status` is `True` when its kubelet says so, and `Unknown` when that has not been heard for long. */
export type NodeReady = {
  readonly status: 'True' | 'False' | 'Unknown' | 'absent'
  readonly reason: string
  readonly message: string
}

const text = z.string().max(4_096)

const schema = z.object({
  metadata: z.object({
    name: text,
    uid: text.default(''),
    resourceVersion: text,
    labels: z.record(z.string(), text).nullish(),
  }),
  spec: z
    .object({
      unschedulable: z.boolean().nullish(),
      providerID: text.nullish(),
      taints: z.array(z.object({ key: text, value: text.nullish(), effect: text })).nullish(),
    })
    .nullish(),
  status: z
    .object({
      nodeInfo: z.object({ systemUUID: text.nullish(), kubeletVersion: text.nullish() }).nullish(),
      addresses: z.array(z.object({ type: text, address: text })).nullish(),
      conditions: z
        .array(
          z.object({ type: text, status: text, reason: z.string().nullish(), message: z.string().nullish() }),
        )
        .nullish(),
    })
    .nullish(),
})

/** A Node as the API gives it; `undefined` where it is none. Fields that are not used here may be as they like. */
export function kubeNode(value: unknown): KubeNode | undefined {
  const read = schema.safeParse(value)
  if (!read.success) return undefined
  const { metadata, spec, status } = read.data
  return {
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    labels: metadata.labels ?? {},
    unschedulable: spec?.unschedulable ?? false,
    providerId: spec?.providerID || undefined,
    taints: (spec?.taints ?? []).map(({ key, value, effect }) => ({
      key,
      effect,
      ...(value === undefined || value === null ? {} : { value }),
    })),
    systemUuid: status?.nodeInfo?.systemUUID || undefined,
    kubeletVersion: status?.nodeInfo?.kubeletVersion || undefined,
    addresses: status?.addresses ?? [],
    ready: readyIn(status?.conditions ?? []),
  }
}

type Condition = {
  readonly type: string
  readonly status: string
  readonly reason?: string | null | undefined
  readonly message?: string | null | undefined
}

function readyIn(conditions: readonly Condition[]): NodeReady {
  const found = conditions.find(({ type }) => type === 'Ready')
  const { status, reason, message } = found ?? { status: 'absent' }
  const known = status === 'True' || status === 'False' || status === 'absent' ? status : 'Unknown'
  return { status: known, reason: reason ?? '', message: (message ?? '').slice(0, 1_000) }
}
