import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { enrolmentText, renewalText } from '../../server/machines/enrolment.ts'

/** A system with a key of its own, and what it says to the box. */
export type ANode = {
  readonly key: string
  readonly privateKey: KeyObject
  enrols(nonce: string): string
  renews(machine: string, timeMs: number, fresh?: string): string
}

export function aNode(): ANode {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
  let count = 0
  return {
    key,
    privateKey,
    enrols: (nonce) =>
      enrolmentBody({ nonce, key, signature: signed(enrolmentText(nonce, key), privateKey) }),
    renews(machine, timeMs, fresh = (++count).toString(16).padStart(32, '0')) {
      const time = String(Math.floor(timeMs / 1000))
      const signature = signed(renewalText(machine, time, fresh), privateKey)
      return `ironwake-renew 1\nmachine ${machine}\nkey ${key}\ntime ${time}\nfresh ${fresh}\nsignature ${signature}\n`
    },
  }
}

export function enrolmentBody(words: {
  readonly nonce: string
  readonly key: string
  readonly signature: string
}): string {
  return `ironwake-enrol 1\nnonce ${words.nonce}\nkey ${words.key}\nsignature ${words.signature}\n`
}

export function signed(text: string, key: KeyObject): string {
  return sign('sha256', Buffer.from(text), key).toString('base64')
}

/** What the box answers to who is given a credential. */
export function given(answer: string): {
  readonly machine: string
  readonly credential: string
  readonly until: number
} {
  const [, machine = '', credential = '', until = ''] =
    /^machine (\S+)\ncredential (iwm_[A-Za-z0-9_-]{43})\nuntil ([0-9]+)\n$/.exec(answer) ?? []
  if (machine === '') throw new Error(answer)
  return { machine, credential, until: Number(until) }
}
