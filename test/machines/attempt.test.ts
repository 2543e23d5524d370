import t from 'tap'
import { advanced, attemptIdleMs, follow, startsBoot } from '../../server/machines/attempt.ts'
import { attemptStages, type Attempt, type AttemptStage } from '../../server/machines/machine.ts'
import { minute } from './sightings.ts'
import type { Mac } from '../../server/wire/mac.ts'

function anAttempt(stage: AttemptStage, changes: Partial<Attempt> = {}): Attempt {
  return {
    id: 'a'.repeat(32),
    machine: '0a1b2c3d',
    mac: '52:54:00:00:00:01' as Mac,
    startedAt: 0,
    lastSeenAt: 0,
    stage,
    endedAt: undefined,
    result: undefined,
    ...changes,
  }
}

/** Whether a sign of the second stage carries on an attempt that reached the first (s), or begins another (b). */
const table: { readonly [reached in AttemptStage]: string } = {
  //          firmware, ipxe, script, kernel, system, cloud-init, ended
  firmware: 'sssssss',
  ipxe: 'bssssss',
  script: 'bbsssss',
  kernel: 'bbsssss',
  system: 'bbbssss',
  'cloud-init': 'bbbssss',
  ended: 'bbbssss',
}

for (const reached of attemptStages) {
  t.test(`what follows on an attempt that came as far as ${reached}`, (t) => {
    for (const [index, seen] of attemptStages.entries()) {
      const following = follow(anAttempt(reached), seen, minute)
      t.equal(following.kind, table[reached][index] === 's' ? 'same' : 'begins', seen)
      if (following.kind === 'begins') t.strictSame(following.replaces, anAttempt(reached))
    }
    t.end()
  })
}

t.test('an attempt never goes back', (t) => {
  for (const reached of attemptStages) {
    for (const seen of attemptStages) {
      const { stage, lastSeenAt } = advanced(anAttempt(reached), seen, 7)
      t.equal(stage, attemptStages.indexOf(seen) > attemptStages.indexOf(reached) ? seen : reached)
      t.equal(lastSeenAt, 7)
    }
  }
  t.end()
})

t.test('a boot begins by firmware, iPXE or its script, and by nothing later', (t) => {
  t.strictSame(attemptStages.filter(startsBoot), ['firmware', 'ipxe', 'script'])
  for (const stage of attemptStages) {
    const following = follow(undefined, stage, 0)
    t.strictSame(following, startsBoot(stage) ? { kind: 'begins', replaces: undefined } : { kind: 'none' })
  }
  t.end()
})

t.test('an attempt that has ended is carried on by nothing', (t) => {
  const over = anAttempt('script', { endedAt: 5, result: 'local-disk' })
  for (const stage of attemptStages) {
    const following = follow(over, stage, 10)
    t.strictSame(following, startsBoot(stage) ? { kind: 'begins', replaces: undefined } : { kind: 'none' })
  }
  t.end()
})

t.test('after a quarter of an hour of silence a new sign belongs to a new boot', (t) => {
  t.equal(follow(anAttempt('firmware'), 'firmware', attemptIdleMs).kind, 'same')
  t.strictSame(follow(anAttempt('firmware'), 'firmware', attemptIdleMs + 1), {
    kind: 'begins',
    replaces: anAttempt('firmware'),
  })
  t.strictSame(follow(anAttempt('script'), 'system', attemptIdleMs + 1), { kind: 'none' })
  t.end()
})

t.test('a clock that was set back ends no boot', (t) => {
  t.equal(follow(anAttempt('ipxe', { lastSeenAt: 60 * minute }), 'script', 0).kind, 'same')
  t.end()
})
