import { catalogue, type EventEntry, type EventLevel } from './catalogue.ts'
import type { EventKind } from './event.ts'

/** `docs/events.md`: every event of the catalogue, the gravest first, each with what it means and what to do. */
export function eventsDocument(): string {
  const sections = levels.flatMap(({ level, about }) => {
    const entries = kinds.filter((kind) => catalogue[kind].level === level)
    return [`## ${level}`, about, ...entries.map((kind) => entryOf(kind, catalogue[kind]))]
  })
  return `${[...opening, ...sections].join('\n\n')}\n`
}

const kinds = Object.keys(catalogue) as EventKind[]

const levels: readonly { readonly level: EventLevel; readonly about: string }[] = [
  { level: 'error', about: 'Something does not work until a person has seen to it.' },
  { level: 'warning', about: 'Something was refused or went wrong; the appliance goes on without it.' },
  { level: 'info', about: 'What a boot consists of, and what the appliance does with itself.' },
  { level: 'debug', about: 'Of use when one machine is followed closely.' },
]

const opening: readonly string[] = [
  '# Events',
  [
    'Everything the appliance can report. `ironwake events --follow` prints each as one line, with `--output json` as',
    'JSON whose `event.kind` is one of the names below; `ironwake machines show MACHINE` puts those of one boot into its',
    'timeline. The names stay as they are, so that scripts may rely on them.',
  ].join('\n'),
  'This page is made from `server/events/catalogue.ts` by `node test/snap.ts`.',
]

function entryOf(kind: EventKind, { meaning, nextStep }: EventEntry): string {
  const lines = [`### ${kind}`, '', meaning]
  return (nextStep === undefined ? lines : [...lines, '', `**Next step:** ${nextStep}`]).join('\n')
}
