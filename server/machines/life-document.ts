import { failureCauses } from './failure-causes.ts'
import { joinRefusals } from './join-refusals.ts'
import {
  failuresBeforeQuarantine,
  limitRenewals,
  stateMeanings,
  timeLimitMs,
  transitions,
  triggerMeanings,
  type Trigger,
} from './lifecycle.ts'
import type { MachineState } from './machine.ts'

/** `docs/machine-life.md`: the states of a machine and what moves it, as the table of its life has them. */
export function lifeDocument(): string {
  const parts = [
    ...opening,
    drawing(),
    '## States',
    table(
      ['State', 'What it means', 'Time limit'],
      states.map((state) => [`\`${state}\``, stateMeanings[state], limitOf(state)]),
    ),
    `A machine that is longer in a state than it may becomes \`failed\`, with how far it came; one that fails ${failuresBeforeQuarantine} times in a row becomes \`quarantined\`.`,
    '## What moves it',
    table(
      ['Trigger', 'When', 'From', 'To'],
      triggers.map((trigger) => [`\`${trigger}\``, triggerMeanings[trigger], ...endsOf(trigger)]),
    ),
    'Whatever is not in this table does nothing: a report that comes late, or from a machine that is something else by now, moves nobody.',
    '## Why a boot or a join fails',
    'A boot, or a way into a cluster, that failed has one of these causes: the first thing that did not happen. The record keeps it while the machine is `failed` or `quarantined`.',
    table(
      ['Cause', 'What it means', 'Next step'],
      Object.entries(failureCauses).map(([cause, { meaning, nextStep }]) => [
        `\`${cause}\``,
        meaning,
        nextStep,
      ]),
    ),
    '## Why a machine is not let into its cluster',
    'A system that does not fit is told so, and asks again. Its cause is in the event `join-refused`, and in `ironwake machines show` while it lasts.',
    table(
      ['Cause', 'What it means', 'Next step'],
      Object.entries(joinRefusals).map(([cause, { meaning, nextStep }]) => [
        `\`${cause}\``,
        meaning,
        nextStep,
      ]),
    ),
  ]
  return `${parts.join('\n\n')}\n`
}

const states = Object.keys(stateMeanings) as MachineState[]
const triggers = Object.keys(triggerMeanings) as Trigger[]

const opening: readonly string[] = [
  '# The life of a machine',
  'Each machine on record is in one of these states. `ironwake machines show MACHINE` says in which, since when and why; each change is the event `machine-state-changed`.',
  'This page is made from `server/machines/lifecycle.ts`, `server/machines/failure-causes.ts` and `server/machines/join-refusals.ts` by `node test/snap.ts`.',
]

/** Several triggers between two states share an arrow. */
function drawing(): string {
  const arrows = Map.groupBy(transitions, ({ from, to }) => `${from} --> ${to}`)
  return [
    '```mermaid',
    'stateDiagram-v2',
    '  [*] --> discovered: seen for the first time',
    ...[...arrows].map(([arrow, moves]) => `  ${arrow}: ${moves.map(({ trigger }) => trigger).join(', ')}`),
    '```',
  ].join('\n')
}

function endsOf(trigger: Trigger): readonly [string, string] {
  const moves = transitions.filter((one) => one.trigger === trigger)
  const listed = (some: readonly MachineState[]): string =>
    [...new Set(some)].map((state) => `\`${state}\``).join(', ')
  return [listed(moves.map(({ from }) => from)), listed(moves.map(({ to }) => to))]
}

function limitOf(state: MachineState): string {
  const limit = timeLimitMs[state]
  if (limit === undefined) return 'none'
  const renewal = limitRenewals[state]
  return `${limit / 60_000} min${renewal === undefined ? '' : `, ${renewal}`}`
}

function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(heading), line(heading.map(() => '---')), ...rows.map(line)].join('\n')
}
