import t from 'tap'
import type { Played } from '../../server/simulate/play.ts'
import { rackOf } from '../../server/simulate/rack.ts'
import { spreadOf, tallyOf } from '../../server/simulate/tally.ts'

t.test('percentiles are values that were measured, by nearest rank', async (t) => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i)
  t.strictSame(spreadOf(values), { p50: 50, p95: 95, p99: 99, most: 100 })
  t.strictSame(spreadOf([7]), { p50: 7, p95: 7, p99: 7, most: 7 })
  t.strictSame(spreadOf([]), { p50: 0, p95: 0, p99: 0, most: 0 })
})

t.test('who is up, who is lost and who went to its disk are told apart', async (t) => {
  const mix = [{ firmware: 'uefi', share: 1 }] as const
  const ends: readonly Played['end'][] = [
    { kind: 'up', method: 'disk' },
    { kind: 'lost', because: 'silence' },
    { kind: 'own-disk', because: 'exit 1' },
  ]
  const played = rackOf({ machines: 3, mix, methods: [], faults: ['no-secs'] }).map((machine, index) => ({
    machine,
    end: ends[index] ?? { kind: 'up' as const, method: 'ram' as const },
    phases: index === 0 ? { address: 10, image: 20 } : { address: 30 },
    totalMs: 100,
    byteCount: 500,
  }))
  const tally = tallyOf(played, 2_000)
  t.match(tally, { machines: 3, up: 1, ownDisk: 1, seconds: 2, byteCount: 1_500, bytesPerSecond: 750 })
  t.strictSame(tally.lost, [{ mac: played[1]?.machine.mac, firmware: 'uefi, no-secs', because: 'silence' }])
  t.strictSame(tally.upBy, { disk: 1 })
  t.strictSame(tally.byFirmware, { uefi: { machines: 3, up: 1 } })
  t.strictSame(tally.phases.address, { p50: 30, p95: 30, p99: 30, most: 30 })
  t.strictSame(tally.phases.image, { p50: 20, p95: 20, p99: 20, most: 20 })
  t.strictSame(Object.keys(tally.phases), ['address', 'image', 'total'], 'no phase that nobody came to')
})
