import { join } from 'node:path'
import t, { type Test } from 'tap'
import { examine } from '../../server/appliance/examine.ts'
import { ImageShelf } from '../../server/appliance/image-shelf.ts'
import { plansOf } from '../../server/appliance/plans.ts'
import { Troubles } from '../../server/appliance/troubles.ts'
import type { ApplianceEvent } from '../../server/events/event.ts'
import type { Attempt } from '../../server/machines/machine.ts'
import { Roster } from '../../server/machines/roster.ts'
import { openStore } from '../../server/store/open-store.ts'
import { testFolder } from '../folder.ts'
import { macNumber } from '../networks/a-network.ts'
import { aMachine, anAttempt } from '../store/records.ts'
import { aConfig } from './a-config.ts'

const about = { mac: macNumber(1), network: 'rack' }
const asked: ApplianceEvent = {
  kind: 'firmware-asked',
  ...about,
  client: 'PXE firmware',
  architecture: 'x64 UEFI',
}
const probed: ApplianceEvent = {
  kind: 'program-not-sent',
  ...about,
  file: 'snponly.efi',
  because: 'size',
  expected: true,
}

/** A store with these boots of one machine, and the roster that the appliance would have. */
async function aBox(
  t: Test,
  attempts: readonly Attempt[],
  events: readonly (readonly [string | undefined, number, ApplianceEvent])[],
) {
  const store = await openStore(join(testFolder(t), 'ironwake.db'))
  t.teardown(async () => await store[Symbol.asyncDispose]())
  const machine = aMachine()
  await store.commit({
    machines: [machine],
    attempts,
    leases: [],
    events: events.map(([attempt, at, event]) => ({
      machine: machine.id,
      at,
      event,
      ...(attempt === undefined ? {} : { attempt }),
    })),
  })
  const roster = new Roster([machine], await store.attempts.latest())
  const images = new ImageShelf(aConfig())
  const plans = plansOf(aConfig(), images)
  const look = async (now: number) =>
    await examine({ store, roster, plans, images, troubles: new Troubles(), now: () => now }, machine)
  return { look, roster }
}

t.test('a machine is examined with what the store knows of its latest boot', async (t) => {
  const { look } = await aBox(
    t,
    [anAttempt({ startedAt: 1_000 })],
    [
      ['a1', 1_000, asked],
      ['a1', 5_000, probed],
    ],
  )
  t.match(await look(6_000), { verdict: 'under-way', since: 5_000 })
  t.match(await look(60_000), { verdict: 'size-only', since: 5_000 })
})

t.test('three boots that ended alike and a fourth that begins are a loop', async (t) => {
  const ended = (id: string, startedAt: number) =>
    anAttempt({ id, startedAt, endedAt: startedAt + 9, result: 'abandoned' })
  const { look } = await aBox(
    t,
    [ended('a1', 1), ended('a2', 100), ended('a3', 200), anAttempt({ id: 'a4', startedAt: 300 })],
    [
      ['a3', 200, asked],
      ['a3', 201, probed],
      ['a4', 300, asked],
    ],
  )
  t.match(await look(400), { verdict: 'boot-loop', before: { verdict: 'size-only' } })
})

t.test('what was seen of a machine after its boots is looked at too', async (t) => {
  const observed: ApplianceEvent = {
    kind: 'would-answer',
    ...about,
    client: 'PXE firmware',
    answer: 'an address',
  }
  const boot = anAttempt({ endedAt: 2_000, result: 'abandoned' })
  const before = await aBox(
    t,
    [boot],
    [
      [undefined, 500, observed],
      ['a1', 1_000, asked],
    ],
  )
  t.match(await before.look(900_000), { verdict: 'offer-unanswered' })
  const after = await aBox(
    t,
    [boot],
    [
      ['a1', 1_000, asked],
      [undefined, 800_000, observed],
    ],
  )
  t.match(await after.look(900_000), { verdict: 'only-observed', since: 800_000 })
})

t.test('a machine that never booted is told apart', async (t) => {
  const { look } = await aBox(t, [], [])
  t.match(await look(5), { verdict: 'never-booted' })
})
