import * as fc from 'fast-check'
import { ok } from 'node:assert'
import t from 'tap'
import { chooseScript, type Intent } from '../../server/boot/choose-script.ts'
import type { Machine, MachineState } from '../../server/machines/machine.ts'
import { macNumber } from '../networks/a-network.ts'

const mac = macNumber(1)
const states: readonly MachineState[] = [
  'discovered',
  'approved',
  'installing',
  'installed',
  'failed',
  'quarantined',
]

function aMachine(state: MachineState): Machine {
  return {
    id: '0a1b2c3d',
    macs: [mac],
    uuid: undefined,
    serial: undefined,
    manufacturer: undefined,
    product: undefined,
    hostname: undefined,
    architecture: undefined,
    firmware: undefined,
    state,
    stateBecause: 'its disk is broken',
    stateSince: 0,
    discoveredAt: 0,
    lastSeenAt: 0,
    failures: 0,
  }
}

const good: Intent = { approved: true, method: 'ram', image: { kind: 'image', name: 'debian' } }

t.test('an approved machine runs its image from memory', (t) => {
  for (const state of states.filter((state) => state !== 'quarantined')) {
    t.match(chooseScript(aMachine(state), mac, good), { kind: 'run-image', image: 'debian' }, state)
  }
  t.end()
})

t.test('an approved machine with method local boots its own disk, image or not', (t) => {
  const none = { kind: 'none', because: 'the settings name no image for it' } as const
  for (const image of [good.image, none]) {
    t.match(chooseScript(aMachine('approved'), mac, { ...good, method: 'local', image }), {
      kind: 'boot-local',
    })
  }
  t.end()
})

t.test('a machine that is not approved waits, and its screen says how it gets approved', (t) => {
  t.strictSame(chooseScript(aMachine('discovered'), mac, { ...good, approved: false }), {
    kind: 'wait',
    because: 'it is not approved',
    nextStep: `Add ${mac} to approve in ironwake.yaml and start Ironwake again`,
  })
  t.end()
})

t.test('a machine in quarantine waits for a person, however approved, and says why it is there', (t) => {
  t.strictSame(chooseScript(aMachine('quarantined'), mac, good), {
    kind: 'wait',
    because: 'it is quarantined: its disk is broken',
    nextStep: 'Mend the cause, then: ironwake machines retry 0a1b2c3d',
  })
  t.end()
})

t.test('an approved machine without an image waits, and says which setting is missing', (t) => {
  const image = { kind: 'none', because: 'the settings name no image for it' } as const
  t.match(chooseScript(aMachine('approved'), mac, { ...good, image }), {
    kind: 'wait',
    because: 'the settings name no image for it',
    nextStep: /Name an image/,
  })
  t.end()
})

t.test('nothing but an approval, an image and method ram outside of quarantine leads to an image', (t) => {
  const intent = fc.record({
    approved: fc.boolean(),
    method: fc.constantFrom('ram', 'local'),
    image: fc.constantFrom<Intent['image']>(good.image, { kind: 'none', because: 'none' }),
  })
  fc.assert(
    fc.property(fc.constantFrom(...states), intent, (state, intent) => {
      const choice = chooseScript(aMachine(state), mac, intent)
      const allowed = intent.approved && intent.method === 'ram' && intent.image.kind === 'image'
      ok((choice.kind === 'run-image') === (allowed && state !== 'quarantined'))
      ok(choice.because.length > 10 || choice.because === 'none')
    }),
  )
  t.end()
})
