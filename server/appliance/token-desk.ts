import { TokenBook } from '../access/token-book.ts'
import type { ApplianceEvent } from '../events/event.ts'
import type { TokenDesk } from '../http/api-app.ts'
import type { Store } from '../store/open-store.ts'

export type TokenDeskParts = {
  readonly store: Store
  readonly tell: (event: ApplianceEvent) => void
  readonly now: () => number
  readonly chance: (count: number) => Uint8Array
}

/** The tokens of the store, and what the API does with them; each change is told. */
export async function openTokens({ store, tell, now, chance }: TokenDeskParts): Promise<{
  readonly book: TokenBook
  readonly desk: TokenDesk
}> {
  const book = new TokenBook(await store.apiTokens.all(), {
    save: async (tokens) => await store.saveApiTokens(tokens),
    forget: async (ids) => await store.deleteApiTokens(ids),
    now,
    chance,
  })
  const desk: TokenDesk = {
    list: () => book.list(),
    async make(wish) {
      const made = await book.make(wish)
      if (made.kind === 'made') {
        const { name, role, expiresAt, madeBy } = made.token
        tell({ kind: 'api-token-made', token: name, role, until: expiresAt, by: madeBy })
      }
      return made
    },
    async revoke(name, by) {
      const revoked = await book.revoke(name)
      if (revoked.kind === 'refused') return revoked
      tell({ kind: 'api-token-revoked', token: revoked.token.name, by })
      return { kind: 'done' }
    },
  }
  return { book, desk }
}
