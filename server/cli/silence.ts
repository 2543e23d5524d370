import type { ClientRequest, IncomingMessage } from 'node:http'
import { Sorry } from './sorry.ts'

/** A box that runs, and says nothing. */
export class Silent extends Sorry {
  override readonly name = 'Sorry'
}

/** What is told of a box that said nothing for so long, in milliseconds. */
export function silentBox(who: string, silenceMs: number): Silent {
  return new Silent(
    `${who} says nothing for ${silenceMs / 1000} s`,
    'What was asked may still be done. See whether the box hangs or its disk is full; where it hangs, stop it and start it again: ironwake serve',
  )
}

/** Ends a request, and the answer to it where one has begun, when its line was silent for as long as its `timeout` says. */
export function endInSilence(asked: ClientRequest, why: () => Error): void {
  let answer: IncomingMessage | undefined
  asked.once('response', (response) => (answer = response))
  asked.once('timeout', () => void (answer ?? asked).destroy(why()))
}
