import { createHash } from 'node:crypto'
import type { Role } from './role.ts'

/** A token that lets in over the network, without its secret. */
export type ApiToken = {
  /** Eight characters, also within the token: tells which one it is without telling the secret. */
  readonly id: string
  readonly name: string
  readonly role: Role
  /** SHA-256 of the token, in hexadecimal. */
  readonly hash: string
  /** Milliseconds since 1970-01-01 UTC. */
  readonly madeAt: number
  readonly madeBy: string
  readonly expiresAt: number
  /** To within an hour; absent, it was never used. */
  readonly lastUsedAt?: number
  readonly revokedAt?: number
}

/** Bytes of chance in a secret. */
export const secretBytes = 32

const shape = /^iw_([0-9a-hjkmnp-tv-z]{8})_[0-9a-f]{64}$/

/** The text of a token. The prefix and the fixed form let those find it who search repositories and logs for secrets. */
export function tokenText(id: string, secret: Uint8Array): string {
  return `iw_${id}_${Buffer.from(secret).toString('hex')}`
}

/** The identifier within the text of a token; `undefined` where it has not the form of one. */
export function tokenIdOf(text: string): string | undefined {
  return shape.exec(text)?.[1]
}

/**
 * What is stored of a token. One round of SHA-256 is enough: 256 bits of chance cannot be tried out, however fast the hash;
 * a slow one, as passwords need, would only let strangers keep the box busy.
 */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Something with the form of a token, or of the beginning of one, within a longer text. */
export function holdsToken(text: string): boolean {
  return /iw_[0-9a-z]{8}_/i.test(text)
}
