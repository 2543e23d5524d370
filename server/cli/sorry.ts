/** Something a person at the terminal can act on: it is shown as a sentence, without a stack. */
export class Sorry extends Error {
  override readonly name = 'Sorry'
  readonly nextStep: string | undefined

  constructor(message: string, nextStep?: string) {
    super(message)
    this.nextStep = nextStep
  }
}
