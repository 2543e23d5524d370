import { z } from 'zod'
import { printable } from '../wire/text.ts'
import { etcdMembers, type EtcdMember } from './etcd-member.ts'
import { KubeFault, type KubeFaultKind } from './kube-fault.ts'
import type { KubeResponse, KubeTransport } from './kube-transport.ts'

/** The few things that are asked of one member of etcd, by the JSON of its v3 API. Each fails with a `KubeFault`. */
export type EtcdClient = {
  /** All members, as a majority of them knows them. */
  readonly listMembers: (over: AbortSignal) => Promise<readonly EtcdMember[]>
  /** Says anything of itself, be it alone. */
  readonly answer: (over: AbortSignal) => Promise<void>
  /** Reads what a majority agrees on at this moment. */
  readonly agree: (over: AbortSignal) => Promise<void>
  /** One that is no member any more is `not-found`. */
  readonly removeMember: (id: string, over: AbortSignal) => Promise<void>
}

const silenceMs = 5_000
/** A list of members is a kilobyte or two. */
const mostAnswerBytes = 256 * 1024

/** As etcdctl's `endpoint health` does, whether the key is there or not. */
const healthKey = 'health'

export function etcdClient(transport: KubeTransport): EtcdClient {
  const ask = async (word: string, body: unknown, over: AbortSignal): Promise<unknown> => {
    const sent = { type: 'application/json', text: JSON.stringify(body) }
    const response = await transport.send({
      method: 'POST',
      path: `/v3/${word}`,
      body: sent,
      silenceMs,
      over,
    })
    const value = parsed(await textOf(response))
    if (response.status === 200) return value
    throw faultOf(response.status, value)
  }

  return {
    async listMembers(over) {
      // etcd 3.4 does not know the word, and tells what the member knows that is asked.
      const members = etcdMembers(await ask('cluster/member/list', { linearizable: true }, over))
      if (members === undefined) throw malformed('a list of members is not as it should be')
      return members
    },
    async answer(over) {
      await ask('maintenance/status', {}, over)
    },
    async agree(over) {
      const key = Buffer.from(healthKey).toString('base64')
      await ask('kv/range', { key, keys_only: true, limit: '1' }, over)
    },
    async removeMember(id, over) {
      await ask('cluster/member/remove', { ID: id }, over)
    },
  }
}

async function textOf({ body, close }: KubeResponse): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of body) {
    length += part.length
    if (length > mostAnswerBytes) {
      close()
      throw malformed(`an answer is larger than ${mostAnswerBytes / 1024} KiB`)
    }
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new KubeFault('malformed', 'It does not answer as etcd does: this is not JSON.', { cause: error })
  }
}

function malformed(what: string): KubeFault {
  return new KubeFault('malformed', `It does not answer as etcd does: ${what}.`)
}

/** By the gateway of gRPC: `error` up to etcd 3.5, `message` in all. */
const failureSchema = z.object({ error: z.string().optional(), message: z.string().optional() })

function faultOf(status: number, value: unknown): KubeFault {
  const { success, data } = failureSchema.safeParse(value)
  const said = (success ? (data.message ?? data.error) : undefined) ?? 'it gives no reason'
  const kind = kinds[status] ?? (status >= 500 ? 'busy' : 'refused')
  return new KubeFault(kind, `etcd answers ${status}: ${printable(said, 200)}.`)
}

const kinds: { readonly [status: number]: KubeFaultKind } = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
}
