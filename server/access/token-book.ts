import { timingSafeEqual } from 'node:crypto'
import { hashOf, secretBytes, tokenIdOf, tokenText, type ApiToken } from './api-token.ts'
import type { Role } from './role.ts'

export type TokenWish = {
  readonly name: string
  readonly role: Role
  readonly seconds: number
  /** Who asks for it. */
  readonly by: string
}

export type MadeToken =
  /** `text` is the token itself: it is shown once, and kept nowhere. */
  | { readonly kind: 'made'; readonly token: ApiToken; readonly text: string }
  | { readonly kind: 'refused'; readonly because: string }

export type CheckedToken =
  { readonly kind: 'good'; readonly token: ApiToken } | { readonly kind: 'bad'; readonly because: string }

export type TokenBookParts = {
  /** Resolves when they are on disk. */
  readonly save: (tokens: readonly ApiToken[]) => Promise<void>
  readonly forget: (ids: readonly string[]) => Promise<void>
  readonly now: () => number
  readonly chance: (count: number) => Uint8Array
}

/** More are a program gone wrong. */
const mostTokens = 1_000
/** A disk is not written for every request. */
const usedWithinMs = 3_600_000
/** So long it is still said of a token that it ended or was revoked. */
const rememberedMs = 90 * 86_400_000

/** The tokens of the box, and who may come in by them. */
export class TokenBook {
  readonly #tokens: Map<string, ApiToken>
  readonly #parts: TokenBookParts

  constructor(tokens: readonly ApiToken[], parts: TokenBookParts) {
    this.#tokens = new Map(tokens.map((token) => [token.id, token]))
    this.#parts = parts
  }

  /** The oldest first. */
  list(): readonly ApiToken[] {
    return [...this.#tokens.values()].toSorted((a, b) => a.madeAt - b.madeAt)
  }

  async make({ name, role, seconds, by }: TokenWish): Promise<MadeToken> {
    const now = this.#parts.now()
    await this.#forgetOld(now)
    if (this.#live(name) !== undefined) return refused(`there is a token ${name} already; revoke it first`)
    if (this.#tokens.size >= mostTokens)
      return refused(`there are ${mostTokens} tokens; revoke those that nobody uses`)
    const id = this.#freshId()
    const text = tokenText(id, this.#parts.chance(secretBytes))
    const expiresAt = now + seconds * 1_000
    const token: ApiToken = { id, name, role, hash: hashOf(text), madeAt: now, madeBy: by, expiresAt }
    await this.#parts.save([token])
    this.#tokens.set(id, token)
    return { kind: 'made', token, text }
  }

  /** Shuts out who has the token of this name or identifier, from now on. */
  async revoke(name: string): Promise<{ readonly kind: 'revoked'; readonly token: ApiToken } | Refused> {
    const found = this.#live(name) ?? this.#tokens.get(name)
    if (found === undefined) return refused(`there is no token ${name}`)
    // What was revoked before is written again: the disk may have failed then.
    const token = { ...found, revokedAt: found.revokedAt ?? this.#parts.now() }
    // Shut out at once, also where the disk fails: who revoked it is told of that.
    this.#tokens.set(token.id, token)
    await this.#parts.save([token])
    return { kind: 'revoked', token }
  }

  /** Whether a text that somebody showed is a token that lets in. What is said of others holds nothing of it. */
  check(text: string): CheckedToken {
    const id = tokenIdOf(text)
    if (id === undefined) return bad('what was shown has not the form of a token, iw_…')
    const token = this.#tokens.get(id)
    const [shown, known] = [hashOf(text), token?.hash ?? hashOf('')]
    const isSame = timingSafeEqual(Buffer.from(shown, 'hex'), Buffer.from(known, 'hex'))
    // Of a token that is known only who holds its secret is told more.
    if (token === undefined || !isSame) return bad('there is no such token')
    const now = this.#parts.now()
    const ended = whyEnded(token, now)
    if (ended !== undefined) return bad(ended)
    this.#use(token, now)
    return { kind: 'good', token }
  }

  /** Whether a token that was good is so still. */
  isGood(id: string): boolean {
    const token = this.#tokens.get(id)
    return token !== undefined && whyEnded(token, this.#parts.now()) === undefined
  }

  #use(token: ApiToken, now: number): void {
    if (token.lastUsedAt !== undefined && Math.abs(now - token.lastUsedAt) < usedWithinMs) return
    const used = { ...token, lastUsedAt: now }
    this.#tokens.set(token.id, used)
    // Nobody is kept waiting for it, and nothing rests on it: the store tells of its own failures.
    void this.#parts.save([used]).catch(() => {})
  }

  #live(name: string): ApiToken | undefined {
    const now = this.#parts.now()
    return [...this.#tokens.values()].find(
      (token) => token.name === name && whyEnded(token, now) === undefined,
    )
  }

  #freshId(): string {
    for (;;) {
      const id = [...this.#parts.chance(8)].map((byte) => digits[byte % 32]).join('')
      if (!this.#tokens.has(id)) return id
    }
  }

  async #forgetOld(now: number): Promise<void> {
    const old = [...this.#tokens.values()]
      .filter(({ expiresAt, revokedAt }) => Math.min(expiresAt, revokedAt ?? expiresAt) < now - rememberedMs)
      .map(({ id }) => id)
    if (old.length === 0) return
    await this.#parts.forget(old)
    for (const id of old) this.#tokens.delete(id)
  }
}

/** Crockford's base 32: no letter that is taken for a digit. */
const digits = '0123456789abcdefghjkmnpqrstvwxyz'

function whyEnded({ name, expiresAt, revokedAt }: ApiToken, now: number): string | undefined {
  if (revokedAt !== undefined) return `the token ${name} was revoked`
  if (now < expiresAt) return undefined
  return `the token ${name} ended on ${new Date(expiresAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

type Refused = { readonly kind: 'refused'; readonly because: string }

function refused(because: string): Refused {
  return { kind: 'refused', because }
}

function bad(because: string): CheckedToken {
  return { kind: 'bad', because }
}
