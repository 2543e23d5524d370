/** A value as SQLite and PostgreSQL both take it. */
export type SqlValue = string | number | null

/** One statement, run once for each of its rows of values. */
export type Statement = { readonly sql: string; readonly rows: readonly (readonly SqlValue[])[] }

/** What is written whole or not at all. */
export type Write = { readonly id: number; readonly statements: readonly Statement[] }

export type WriteOutcome =
  | {
      readonly kind: 'stored'
      readonly id: number
      /** For each statement what its rows did, added up, and the key that the last of them was given. */
      readonly results: readonly { readonly changed: number; readonly lastKey: number }[]
    }
  | { readonly kind: 'failed'; readonly id: number; readonly code: number; readonly because: string }

export type ToWriter = { readonly kind: 'write'; readonly write: Write } | { readonly kind: 'close' }

export type FromWriter =
  { readonly kind: 'ready' } | { readonly kind: 'settled'; readonly outcomes: readonly WriteOutcome[] }
