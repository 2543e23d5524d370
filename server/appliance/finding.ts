/** One thing looked at, and how it stands. */
export type Finding = {
  readonly verdict: 'well' | 'doubtful' | 'wrong'
  readonly subject: string
  readonly fact: string
  readonly nextStep?: string
}
