import { z } from 'zod'

/** A member of a cluster's etcd, as its members tell of each other. */
export type EtcdMember = {
  /** 64 bits, in decimals: so has it the JSON of etcd's API. */
  readonly id: string
  /** The name of its Node; empty until it has started for the first time. */
  readonly name: string
  /** Where the other members reach it. */
  readonly peerUrls: readonly string[]
  /** Where clients do; none until it has started for the first time. */
  readonly clientUrls: readonly string[]
  /** It is told of everything and has no vote. */
  readonly isLearner: boolean
}

const urls = z.array(z.string().max(300)).max(16).default([])

/** etcd leaves out of its JSON what is empty or false (etcdserverpb, `Member`). Nobody has more than a few members. */
const schema = z.object({
  members: z
    .array(
      z.object({
        ID: z.string().regex(/^[0-9]{1,20}$/),
        name: z.string().max(300).default(''),
        peerURLs: urls,
        clientURLs: urls,
        isLearner: z.boolean().default(false),
      }),
    )
    .min(1)
    .max(64),
})

/** The members in an answer of `/v3/cluster/member/list`; `undefined` where it is none. */
export function etcdMembers(value: unknown): readonly EtcdMember[] | undefined {
  const read = schema.safeParse(value)
  if (!read.success) return undefined
  return read.data.members.map(({ ID: id, name, peerURLs: peerUrls, clientURLs: clientUrls, isLearner }) => ({
    id,
    name,
    peerUrls,
    clientUrls,
    isLearner,
  }))
}

/** As `etcdctl` takes and prints it: in hexadecimal. */
export function memberIdText(id: string): string {
  return BigInt(id).toString(16)
}
