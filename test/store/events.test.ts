import { join } from 'node:path'
import t from 'tap'
import { openStore } from '../../server/store/open-store.ts'
import type { EventFilter, NewEvent } from '../../server/store/events.ts'
import { testFolder } from '../folder.ts'
import { macNumber } from '../networks/a-network.ts'
import { anEvent } from './records.ts'

t.test('events are listed by what they are about', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  const refused: NewEvent = {
    at: 3,
    event: { kind: 'report-refused', because: 'no nonce', mac: macNumber(1) },
    machine: 'M1',
    attempt: 'a2',
  }
  const recorded = await store.record([
    anEvent(1, { machine: 'M1', attempt: 'a1' }),
    anEvent(2, { machine: 'M2' }),
    refused,
    anEvent(4),
  ])
  t.strictSame(recorded[2], { id: 3, ...refused })
  const ids = async (filter: EventFilter) => (await store.events.list(filter)).map(({ id }) => id)
  t.strictSame(await ids({}), [4, 3, 2, 1])
  t.strictSame(await ids({ order: 'oldest-first' }), [1, 2, 3, 4])
  t.strictSame(await ids({ machine: 'M1' }), [3, 1])
  t.strictSame(await ids({ attempt: 'a1' }), [1])
  t.strictSame(await ids({ kinds: ['report-refused'] }), [3])
  t.strictSame(await ids({ kinds: ['report-refused', 'job-ran'], machine: 'M1' }), [3, 1])
  t.strictSame(await ids({ kinds: [] }), [])
  t.strictSame(await ids({ after: 1, order: 'oldest-first', limit: 2 }), [2, 3])
  t.strictSame(await ids({ before: 3 }), [2, 1])
  t.strictSame(await ids({ limit: 0 }), [])
  t.strictSame((await store.events.list({ attempt: 'a2' }))[0], { id: 3, ...refused })
})

t.test('a list is never longer than a thousand', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  await store.record(Array.from({ length: 1100 }, (_, at) => anEvent(at)))
  t.equal((await store.events.list()).length, 100)
  t.equal((await store.events.list({ limit: 1e9 })).length, 1000)
})

t.test('old events are deleted a thousand at a time, and their numbers never come again', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  await store.record(Array.from({ length: 1500 }, (_, at) => anEvent(at)))
  t.equal(await store.deleteEventsBefore(1500), 1000)
  t.equal(await store.deleteEventsBefore(1500), 500)
  t.equal(await store.deleteEventsBefore(1500), 0)
  t.match(await store.record([anEvent(5)]), [{ id: 1501 }])
})

t.test('only the newest events are kept where too many are stored', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  t.equal(await store.deleteEventsBeyond(10), 0, 'none of none')
  await store.record(Array.from({ length: 1500 }, (_, at) => anEvent(at)))
  t.equal(await store.deleteEventsBeyond(1500), 0)
  t.equal(await store.deleteEventsBeyond(300), 1000)
  t.equal(await store.deleteEventsBeyond(300), 200)
  t.equal(await store.deleteEventsBeyond(300), 0)
  t.match(await store.events.list({ order: 'oldest-first', limit: 1 }), [{ id: 1201 }])
})
