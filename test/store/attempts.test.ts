import { join } from 'node:path'
import t from 'tap'
import { attemptsKept } from '../../server/store/attempts.ts'
import { openStore } from '../../server/store/open-store.ts'
import { testFolder } from '../folder.ts'
import { macNumber } from '../networks/a-network.ts'
import { aMachine, anAttempt, anEvent } from './records.ts'

t.test('the latest attempt of each machine is found, also among those of one millisecond', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  await store.saveMachines([aMachine(), aMachine({ id: 'M0000002' }), aMachine({ id: 'M0000003' })])
  await store.saveAttempts([
    anAttempt({ id: 'a', startedAt: 1 }),
    anAttempt({ id: 'b', startedAt: 3 }),
    anAttempt({ id: 'c', startedAt: 2 }),
    anAttempt({ id: 'd', machine: 'M0000002', startedAt: 9 }),
    anAttempt({ id: 'e', machine: 'M0000002', startedAt: 9 }),
  ])
  const ids = (await store.attempts.latest()).map(({ id }) => id)
  t.strictSame(ids.toSorted(), ['b', 'e'])
})

t.test('the attempts of a machine are listed from the newest', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  await store.saveMachines([aMachine()])
  await store.saveAttempts(['a', 'b', 'c'].map((id, index) => anAttempt({ id, startedAt: index })))
  const listed = await store.attempts.ofMachine('M0000001')
  t.strictSame(
    listed.map(({ id }) => id),
    ['c', 'b', 'a'],
  )
  t.equal((await store.attempts.ofMachine('M0000001', 2)).length, 2)
  t.strictSame(await store.attempts.ofMachine('M0000009'), [])
})

t.test('an attempt is saved anew as it goes on', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  await store.saveMachines([aMachine()])
  await store.saveAttempts([anAttempt()])
  const ended = anAttempt({ stage: 'ended', endedAt: 9_000, result: 'failed' })
  await store.saveAttempts([ended])
  t.strictSame(await store.attempts.byId('a1'), ended)
  t.equal(await store.attempts.byId('a2'), undefined)
})

t.test('old attempts are deleted, and never the latest of a machine', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  // As many as are kept of each: fifty of thirty machines.
  const ids = Array.from({ length: 30 }, (_, index) => `M${index}`)
  await store.saveMachines(['M0000001', 'M0000002', ...ids].map((id) => aMachine({ id })))
  const many = Array.from({ length: 1_500 }, (_, index) =>
    anAttempt({ id: `old-${index}`, machine: ids[index % 30]!, startedAt: index, lastSeenAt: index }),
  )
  await store.saveAttempts([
    ...many,
    anAttempt({ id: 'new', startedAt: 9_000, lastSeenAt: 9_000 }),
    anAttempt({ id: 'only', machine: 'M0000002', startedAt: 1, lastSeenAt: 1 }),
  ])
  const counts = []
  for (let deleted = -1; deleted !== 0;) counts.push((deleted = await store.deleteAttemptsBefore(1_400)))
  t.strictSame(counts, [1_000, 400, 0])
  t.equal(await store.attempts.byId('old-1399'), undefined)
  t.match(await store.attempts.byId('old-1400'), { startedAt: 1_400 })
  t.match(
    await store.attempts.byId('only'),
    { machine: 'M0000002' },
    'what a machine did last is known for ever',
  )
})

t.test('of each machine the newest attempts are kept, and no more', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  await store.saveMachines([aMachine(), aMachine({ id: 'M0000002' })])
  await store.saveAttempts([anAttempt({ id: 'other', machine: 'M0000002', startedAt: 0 })])
  for (let number = 0; number < attemptsKept + 30; number++) {
    await store.saveAttempts([anAttempt({ id: `a${number}`, startedAt: number })])
  }
  const kept = await store.attempts.ofMachine('M0000001')
  t.equal(kept.length, attemptsKept)
  t.match([kept[0], kept.at(-1)], [{ id: `a${attemptsKept + 29}` }, { id: 'a30' }])
  const latest = (await store.attempts.latest()).map(({ id }) => id)
  t.strictSame(latest.toSorted(), [`a${attemptsKept + 29}`, 'other'])
  await store.saveAttempts([anAttempt({ id: 'a93', startedAt: 93, stage: 'script' })])
  t.match(await store.attempts.byId('a93'), { stage: 'script' }, 'one that goes on is not deleted')
})

t.test('a machine that is forgotten takes its attempts and all that it was known by along', async (t) => {
  await using store = await openStore(join(testFolder(t), 'ironwake.db'))
  const other = aMachine({ id: 'M0000002', macs: [macNumber(7)], serial: 'SN-2' })
  await store.commit({
    machines: [aMachine(), other],
    attempts: [anAttempt(), anAttempt({ id: 'a2', machine: other.id })],
  })
  const events = await store.commit({
    forgotten: [aMachine().id, 'nobody'],
    events: [anEvent(1), anEvent(2)],
  })
  t.strictSame(
    events.map(({ at }) => at),
    [1, 2],
  )
  t.strictSame(await store.machines.all(), [other])
  t.equal(await store.machines.byMac(macNumber(1)), undefined)
  t.equal(await store.machines.bySerial('SN-1'), undefined)
  t.strictSame(
    (await store.attempts.latest()).map(({ id }) => id),
    ['a2'],
  )
})
