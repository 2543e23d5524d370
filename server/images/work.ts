/** Whoever has an image prepared wants to see how far it is, and may stop it. */
export type Work = {
  readonly stop: AbortSignal
  readonly progress: (step: WorkStep, done: number, total: number | undefined) => void
}

export type WorkStep = 'download' | 'check' | 'copy' | 'convert' | 'compress' | 'unpack'
