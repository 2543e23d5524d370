import t from 'tap'
import { parseRate } from '../../server/config/parse-rate.ts'

t.test('a rate is a number of bytes or bits in a second', async (t) => {
  const cases: readonly (readonly [unknown, number | undefined])[] = [
    ['50MB', 50_000_000],
    ['1kB', 1_000],
    ['2GB', 2_000_000_000],
    ['400Mbit', 50_000_000],
    ['8kbit', 1_000],
    ['1Gbit', 125_000_000],
    ['0MB', undefined],
    ['-1MB', undefined],
    ['1.5MB', undefined],
    ['50', undefined],
    ['50mb', undefined],
    ['50 MB', undefined],
    ['50MB/s', undefined],
    [50, undefined],
    [undefined, undefined],
  ]
  for (const [written, bytes] of cases) t.equal(parseRate(written), bytes, String(written))
})
