import * as fc from 'fast-check'
import t from 'tap'
import type { Approval } from '../../server/machines/approval.ts'
import type { BoardShown } from '../../server/machines/board-shown.ts'
import { wantedIdentity, whyTooWeak } from '../../server/machines/identity-policy.ts'
import {
  identityTier,
  identityTiers,
  reaches,
  type Evidence,
  type IdentityTier,
} from '../../server/machines/identity-tier.ts'
import type { Machine } from '../../server/machines/machine.ts'
import { byteSwapped } from '../../server/wire/uuid.ts'
import { macNumber } from '../networks/a-network.ts'
import { aMachine } from '../store/records.ts'
import { uuid, uuidNumber } from './sightings.ts'

const mac = macNumber(1)
const unwritten = uuid('03000200-0400-0500-0006-000700080009')
const [own, other] = [uuidNumber(1), uuidNumber(2)]

function shown(changes: Partial<BoardShown> = {}): BoardShown {
  return { mac, network: 'rack', uuid: own, serial: 'S1', ...changes }
}

function nothing(changes: Partial<BoardShown> = {}): BoardShown {
  return { mac, network: 'rack', ...changes }
}

function approval(changes: Partial<Approval> = {}): Approval {
  return { by: 'person', at: 1_000, macs: [mac], claim: 'compared', ...changes }
}

const { claim: _, ...byName } = approval()

type Case = {
  readonly record?: Partial<Machine>
  readonly evidence?: Evidence
  readonly tier: IdentityTier
  readonly because: RegExp
}

const cases: Readonly<Record<string, Case>> = {
  'a record that no boot has shown anything of': {
    evidence: { shown: undefined },
    tier: 'mac',
    because: /^no boot of it/,
  },
  'a board that shows nothing of what its record has': {
    record: { shown: nothing() },
    tier: 'mac',
    because: /neither the UUID nor the serial of its record$/,
  },
  'a board that has nothing to show': {
    record: { uuid: undefined, serial: undefined, shown: nothing() },
    tier: 'mac',
    because: /of its own$/,
  },
  'a board with another UUID': {
    record: { shown: shown({ uuid: other }) },
    tier: 'mac',
    because: new RegExp(`shows the UUID ${other}`),
  },
  'a board with another serial and the same UUID': {
    record: { shown: shown({ serial: 'S2' }) },
    tier: 'mac',
    because: /shows the serial S2, and its record has S1/,
  },
  'a board whose UUID two records have': {
    record: { shown: shown({ alsoOf: 'M0000009' }) },
    tier: 'mac',
    because: /the UUID of M0000009 too/,
  },
  'a UUID that boards have whose maker wrote none': {
    record: { uuid: unwritten, serial: undefined, shown: nothing({ uuid: unwritten }) },
    tier: 'mac',
    because: /neither a UUID nor a serial of its own/,
  },
  'the UUID of its record': { tier: 'smbios', because: /^its board shows the UUID of its record$/ },
  'the UUID of its record, with its bytes swapped': {
    record: { shown: shown({ uuid: byteSwapped(own) }) },
    tier: 'smbios',
    because: /UUID/,
  },
  'the serial of its record, which has a UUID too': {
    record: { shown: nothing({ serial: 'S1' }) },
    tier: 'smbios',
    because: /^its board shows the serial of its record$/,
  },
  'an approval by name': { record: { approval: byName }, tier: 'smbios', because: /UUID of its record$/ },
  'an approval by a rule that says its code was compared': {
    record: { approval: approval({ by: 'rule' }) },
    tier: 'smbios',
    because: /UUID of its record$/,
  },
  'an approval by its code': {
    record: { approval: approval() },
    tier: 'claim',
    because: /^a person compared the code on its screen on 1970-01-01$/,
  },
  'an approval by its code of a board that shows nothing': {
    record: { approval: approval(), uuid: undefined, serial: undefined, shown: nothing() },
    tier: 'claim',
    because: /compared/,
  },
  'its code was compared, and a boot shows the card alone': {
    record: { approval: approval(), shown: nothing() },
    tier: 'mac',
    because: /neither the UUID nor the serial/,
  },
  'its code was compared, and another board has its card': {
    record: { approval: approval(), shown: shown({ uuid: other }) },
    tier: 'mac',
    because: /shows the UUID/,
  },
  'its code was compared before another card came to it': {
    record: { approval: approval(), shown: shown({ mac: macNumber(7) }) },
    tier: 'smbios',
    because: /for other cards than 52:54:00:00:00:07/,
  },
  'its code was compared before two systems claimed to be it': {
    record: { approval: approval(), claimedTwiceAt: 1_000 },
    tier: 'smbios',
    because: /two systems have claimed to be it since/,
  },
  'its code was compared after two systems had claimed to be it': {
    record: { approval: approval(), claimedTwiceAt: 999 },
    tier: 'claim',
    because: /compared/,
  },
  'its code was compared before its system enrolled': {
    record: { approval: approval() },
    evidence: { shown: shown(), enrolledAt: 1_000 },
    tier: 'claim',
    because: /compared/,
  },
  'its code was compared after its system had enrolled': {
    record: { approval: approval() },
    evidence: { shown: shown(), enrolledAt: 999 },
    tier: 'smbios',
    because: /compared after this system had enrolled/,
  },
  'an approval that left the disk as it was, after its code had been compared and its system had enrolled': {
    record: { approval: approval({ at: 9_000, claimedAt: 1_000 }) },
    evidence: { shown: shown(), enrolledAt: 2_000 },
    tier: 'claim',
    because: /compared/,
  },
  'a system whose boot showed its board, after another has shown itself in its name': {
    record: { approval: approval(), shown: shown({ uuid: other }) },
    evidence: { shown: shown(), enrolledAt: 2_000 },
    tier: 'claim',
    because: /compared/,
  },
  'a system of which no boot is known': {
    record: { approval: approval() },
    evidence: { shown: undefined, enrolledAt: 2_000 },
    tier: 'mac',
    because: /^no boot of it/,
  },
}

function recordOf({ record = {} }: Case): Machine {
  const base = aMachine({ macs: [mac], uuid: own, serial: 'S1', shown: shown() })
  return { ...base, ...record }
}

t.test('the tier of a machine follows from the facts of its record', (t) => {
  for (const [name, one] of Object.entries(cases)) {
    const { tier, because } = identityTier(recordOf(one), one.evidence ?? { shown: recordOf(one).shown })
    t.equal(tier, one.tier, name)
    t.match(because, one.because, name)
  }
  t.end()
})

t.test('the default evidence is the latest boot', (t) => {
  t.equal(identityTier(aMachine({ macs: [mac], uuid: own, serial: 'S1', shown: shown() })).tier, 'smbios')
  t.end()
})

t.test('no fact but an approval by the code makes a machine a claimed one', (t) => {
  const facts = fc.record({
    uuid: fc.constantFrom(own, other, unwritten, undefined),
    serial: fc.constantFrom('S1', 'S2', undefined),
    approval: fc.constantFrom(byName, approval({ by: 'rule' }), undefined),
    claimedTwiceAt: fc.constantFrom(1, 1_000, undefined),
  })
  const boards = fc.record({
    uuid: fc.constantFrom(own, other, unwritten),
    serial: fc.constantFrom('S1', 'S2'),
  })
  fc.assert(
    fc.property(facts, boards, (record, board) => {
      const machine = aMachine({ macs: [mac], ...record } as Partial<Machine>)
      return identityTier(machine, { shown: { mac, ...board }, enrolledAt: 5_000 }).tier !== 'claim'
    }),
  )
  t.end()
})

t.test('each tier is as good as those before it', (t) => {
  const table = identityTiers.map((tier) => identityTiers.map((wanted) => reaches(tier, wanted)))
  t.strictSame(table, [
    [true, false, false],
    [true, true, false],
    [true, true, true],
  ])
  t.end()
})

const policy = {
  networks: new Map([
    ['rack', 'smbios'],
    ['desk', 'mac'],
  ] as const),
  clusters: new Map([['prod', 'claim']] as const),
}

t.test('the stricter of network and cluster is wanted, and the strictest where it is not known', (t) => {
  const wanted = (network: string | undefined, cluster: string) => wantedIdentity(policy, network, cluster)
  t.strictSame(wanted('desk', 'lab'), { tier: 'mac', by: 'the network desk' })
  t.strictSame(wanted('rack', 'lab'), { tier: 'smbios', by: 'the network rack' })
  t.strictSame(wanted('rack', 'prod'), { tier: 'claim', by: 'the cluster prod' })
  t.strictSame(wanted(undefined, 'lab'), { tier: 'smbios', by: 'the strictest of the networks' })
  t.strictSame(wanted('gone', 'lab'), { tier: 'smbios', by: 'the strictest of the networks' })
  const none = { networks: new Map(), clusters: new Map() }
  t.equal(wantedIdentity(none, undefined, 'lab').tier, 'mac', 'with no settings nothing is asked for')
  t.end()
})

t.test('who is not known well enough is told by whom that is wanted, and why it is not so', (t) => {
  const machine = aMachine({ macs: [mac], uuid: own, serial: 'S1', shown: shown() })
  t.equal(whyTooWeak(policy, machine, 'lab'), undefined)
  t.equal(
    whyTooWeak(policy, machine, 'prod'),
    'the cluster prod wants the identity tier claim, and it has smbios: its board shows the UUID of its record',
  )
  t.equal(whyTooWeak(policy, { ...machine, approval: approval() }, 'prod'), undefined)
  t.match(whyTooWeak(policy, { ...machine, shown: nothing() }, 'lab'), /^the network rack wants .* has mac: /)
  t.equal(whyTooWeak(policy, { ...machine, shown: nothing({ network: 'desk' }) }, 'lab'), undefined)
  t.end()
})
