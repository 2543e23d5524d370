import t from 'tap'
import { Troubles } from '../../server/appliance/troubles.ts'
import type { ApplianceEvent } from '../../server/events/event.ts'
import { ip } from '../networks/a-network.ts'

t.test('of each fault of the box the last is known, and a network that is served again has none', (t) => {
  const troubles = new Troubles()
  const hear = (at: number, event: ApplianceEvent): void => troubles.hear({ id: at, at, event })
  const unusable = { kind: 'network-unusable', interface: 'eth1', because: 'it is gone' } as const
  hear(1, { kind: 'store-failed', because: 'the disk is full' })
  hear(2, { kind: 'store-failed', because: 'the disk is full' })
  hear(3, { kind: 'job-ran', job: 'sweep', outcome: 'done' })
  hear(4, { ...unusable, network: 'a' })
  hear(5, { ...unusable, network: 'b' })
  hear(6, { kind: 'delivery-failed', because: 'it was killed' })
  t.strictSame(
    troubles
      .all()
      .map(({ at }) => at)
      .toSorted((a, b) => a - b),
    [2, 4, 5, 6],
  )
  hear(7, {
    kind: 'network-ready',
    network: 'a',
    interface: 'eth1',
    mode: 'full',
    serverAddress: ip('10.0.0.1'),
  })
  t.strictSame(
    troubles
      .all()
      .map(({ at }) => at)
      .toSorted((a, b) => a - b),
    [2, 5, 6],
  )
  hear(8, { kind: 'foreign-server-seen', network: 'b', server: ip('10.0.0.2'), because: 'it offers' })
  t.ok(troubles.all().some(({ event }) => event.kind === 'foreign-server-seen'))
  t.end()
})
