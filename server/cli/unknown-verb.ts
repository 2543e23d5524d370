import { closest } from '../config/closest.ts'
import { printable } from '../wire/text.ts'
import { WronglyCalled } from './wrongly-called.ts'

/** What is told who said a verb that a command does not have, or left out what goes with it. `say`: all that can be said. */
export function unknownVerb(
  verb: string | undefined,
  { known, say }: { readonly known: readonly string[]; readonly say: string },
): WronglyCalled {
  if (verb === undefined || known.includes(verb)) return new WronglyCalled(say)
  const near = closest(verb, known)
  const meant = near === undefined ? '' : ` Did you mean ${near}?`
  return new WronglyCalled(
    `${printable(verb, 40)} is nothing that can be asked here.${meant}\nInstead ${say}`,
  )
}
