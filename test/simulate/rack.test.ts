import t from 'tap'
import { parseFaults, parseMix, parseSize } from '../../server/simulate/parse-mix.ts'
import { faults, rackOf, type Fault } from '../../server/simulate/rack.ts'

const all = Object.keys(faults) as Fault[]
const mix = [
  { firmware: 'bios', share: 1 },
  { firmware: 'uefi', share: 2 },
  { firmware: 'http', share: 1 },
] as const

t.test('no two machines of a rack are taken for one', async (t) => {
  const rack = rackOf({ machines: 1_000, mix, faults: all })
  for (const key of ['mac', 'uuid', 'serial'] as const) {
    t.equal(new Set(rack.map((machine) => machine[key])).size, 1_000, key)
  }
})

t.test('the shares of the mix hold, and every firmware meets faults', async (t) => {
  const rack = rackOf({ machines: 400, mix, faults: all })
  t.equal(rack.filter(({ firmware }) => firmware === 'uefi').length, 200)
  for (const { firmware } of mix) {
    const kind = rack.filter((machine) => machine.firmware === firmware)
    t.equal(kind.filter(({ fault }) => fault !== undefined).length, kind.length / 2, firmware)
  }
  t.strictSame(new Set(rack.map(({ fault }) => fault)), new Set([undefined, ...all]))
  const alone = rackOf({ machines: 40, mix: [{ firmware: 'rom', share: 1 }], faults: all })
  t.equal(
    alone.filter(({ fault }) => fault !== undefined).length,
    20,
    'also where there is one firmware only',
  )
  t.notOk(rackOf({ machines: 9, mix, faults: [] }).some(({ fault }) => fault !== undefined))
})

t.test('a mix is read, and what is none is refused with a reason', async (t) => {
  t.strictSame(parseMix('bios=1,uefi=2,http=1'), { kind: 'value', value: mix })
  t.match(parseMix('uefi'), { value: [{ firmware: 'uefi', share: 1 }] })
  for (const text of ['', 'amiga=1', 'uefi=x', 'uefi=-1', 'uefi=1=2', 'uefi=0', 'uefi=99999']) {
    t.equal(parseMix(text).kind, 'refused', text)
  }
})

t.test('faults are read by name', async (t) => {
  t.strictSame(parseFaults('none'), { kind: 'value', value: [] })
  t.strictSame(parseFaults('all'), { kind: 'value', value: all })
  t.strictSame(parseFaults('restarts, no-secs'), { kind: 'value', value: ['no-secs', 'restarts'] })
  t.match(parseFaults('toString'), { kind: 'refused', because: /toString/ })
})

t.test('sizes are read in units of 1024', async (t) => {
  t.strictSame(parseSize('8M'), { kind: 'value', value: 8 * 1024 * 1024 })
  t.strictSame(parseSize('512'), { kind: 'value', value: 512 })
  for (const text of ['', '0', '8T', '-1', '5G', '1e9']) t.equal(parseSize(text).kind, 'refused', text)
})
