import type { Arrival } from './outcome.ts'
import type { Ticket } from './stream-queue.ts'

/** How it stands with a file that is waited for, or on its way. */
export type UnderWay = Arrival & { readonly file: string } & (
    | { readonly kind: 'queued'; readonly ahead: number }
    | { readonly kind: 'going-out'; readonly byteCount: number; readonly ofBytes: number }
  )

/** The boot doctor counts on it: who has not been heard of for three times as long has been lost sight of. */
const toldEachMs = 60_000

/** Tells of one file when it begins to wait, when its turn comes, and each minute of either. */
export class Progress implements Disposable {
  readonly #about: Arrival & { readonly file: string }
  readonly #tell: (underWay: UnderWay) => void
  readonly #sent: () => { readonly byteCount: number; readonly ofBytes: number }
  readonly #timer: NodeJS.Timeout
  #ticket: Ticket | undefined

  constructor(
    about: Arrival & { readonly file: string },
    sent: () => { readonly byteCount: number; readonly ofBytes: number },
    tell: (underWay: UnderWay) => void,
  ) {
    this.#about = about
    this.#sent = sent
    this.#tell = tell
    this.#timer = setInterval(() => this.#say(), toldEachMs)
  }

  waits(ticket: Ticket): void {
    this.#ticket = ticket
    this.#say()
  }

  /** To be called also when it never had to wait: there is nothing to tell then. */
  goesOut(): void {
    if (this.#ticket === undefined) return
    this.#ticket = undefined
    this.#say()
  }

  #say(): void {
    if (this.#ticket === undefined) this.#tell({ kind: 'going-out', ...this.#about, ...this.#sent() })
    else this.#tell({ kind: 'queued', ...this.#about, ahead: this.#ticket.ahead() })
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
