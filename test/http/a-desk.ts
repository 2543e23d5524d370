import type { ApplianceEvent } from '../../server/events/event.ts'
import { bootApp, type BootDesk } from '../../server/http/boot-app.ts'
import type { Outcome } from '../../server/http/outcome.ts'

type Asked = { readonly question: string; readonly from: string; readonly words: readonly string[] }

/** A desk that answers everything in the same way and remembers what it was asked. */
export function aDesk(outcome: Outcome = { kind: 'text', type: 'text/plain', text: '#!ipxe\n' }) {
  const asked: Asked[] = []
  const told: ApplianceEvent[] = []
  const answer =
    (question: string) =>
    ({ from }: { readonly from: string }, ...words: readonly string[]): Outcome => {
      asked.push({ question, from, words })
      return outcome
    }
  const later = (question: string) => {
    const now = answer(question)
    return async (...given: Parameters<typeof now>): Promise<Outcome> => await Promise.resolve(now(...given))
  }
  const desk: BootDesk = {
    chainScript: answer('chain'),
    authority: () => outcome,
    bootScript: later('boot'),
    grubConfig: later('grub'),
    program: answer('program'),
    seed: later('seed'),
    report: later('report'),
    phoneHome: later('phone-home'),
    install: { word: later('install'), seed: later('install-seed') },
    tell: (event) => void told.push(event),
  }
  return { app: bootApp(desk), desk, asked, told }
}
