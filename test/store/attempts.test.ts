import { join } from 'node:path'
import t from 'tap'
import { openStore } from '../../server/store/open-store.ts'
import { aMachine, anAttempt } from './records.ts'

t.test('the latest attempt of each machine is found, also among those of one millisecond', async (t) => {
  await using store = await openStore(join(t.testdir(), 'ironwake.db'))
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
  await using store = await openStore(join(t.testdir(), 'ironwake.db'))
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
  await using store = await openStore(join(t.testdir(), 'ironwake.db'))
  await store.saveMachines([aMachine()])
  await store.saveAttempts([anAttempt()])
  const ended = anAttempt({ stage: 'ended', endedAt: 9_000, result: 'failed' })
  await store.saveAttempts([ended])
  t.strictSame(await store.attempts.byId('a1'), ended)
  t.equal(await store.attempts.byId('a2'), undefined)
})
