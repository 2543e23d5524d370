/** What went wrong with an image, as a sentence for the person who asked for it. */
export class ImageFault extends Error {
  override readonly name = 'ImageFault'
  readonly kind: ImageFaultKind
  readonly nextStep: string | undefined

  constructor(kind: ImageFaultKind, message: string, more: { nextStep?: string; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? {} : { cause: more.cause })
    this.kind = kind
    this.nextStep = more.nextStep
  }
}

export type ImageFaultKind =
  | 'no-room'
  | 'in-use'
  | 'wrong-digest'
  | 'wrong-size'
  | 'incomplete'
  | 'not-an-image'
  | 'unsafe'
  | 'exists'
  | 'no-such-image'
  | 'tool-missing'
  | 'tool-failed'
