import t from 'tap'
import { parseFaults, parseMethods, parseMix, parseSize } from '../../server/simulate/parse-mix.ts'
import { faults, rackMethods, rackOf, type Fault } from '../../server/simulate/rack.ts'

const all = Object.keys(faults) as Fault[]
const mix = [
  { firmware: 'bios', share: 1 },
  { firmware: 'uefi', share: 2 },
  { firmware: 'http', share: 1 },
] as const

t.test('no two machines of a rack are taken for one', async (t) => {
  const rack = rackOf({ machines: 1_000, mix, methods: [], faults: all })
  for (const key of ['mac', 'uuid', 'serial'] as const) {
    t.equal(new Set(rack.map((machine) => machine[key])).size, 1_000, key)
  }
})

t.test('the shares of the mix hold, and every firmware meets faults', async (t) => {
  const rack = rackOf({ machines: 400, mix, methods: [], faults: all })
  t.equal(rack.filter(({ firmware }) => firmware === 'uefi').length, 200)
  for (const { firmware } of mix) {
    const kind = rack.filter((machine) => machine.firmware === firmware)
    t.equal(kind.filter(({ fault }) => fault !== undefined).length, kind.length / 2, firmware)
  }
  t.strictSame(new Set(rack.map(({ fault }) => fault)), new Set([undefined, ...all]))
  const alone = rackOf({ machines: 40, mix: [{ firmware: 'rom', share: 1 }], methods: [], faults: all })
  t.equal(
    alone.filter(({ fault }) => fault !== undefined).length,
    20,
    'also where there is one firmware only',
  )
  t.notOk(rackOf({ machines: 9, mix, methods: [], faults: [] }).some(({ fault }) => fault !== undefined))
})

t.test('a mix is read, and what is none is refused with a reason', async (t) => {
  t.strictSame(parseMix('bios=1,uefi=2,http=1'), { kind: 'value', value: mix })
  t.match(parseMix('uefi'), { value: [{ firmware: 'uefi', share: 1 }] })
  for (const text of ['', 'amiga=1', 'uefi=x', 'uefi=-1', 'uefi=1=2', 'uefi=0', 'uefi=99999']) {
    t.equal(parseMix(text).kind, 'refused', text)
  }
})

t.test(
  'methods come in their shares, every firmware meets each, and serial numbers tell them apart',
  async (t) => {
    const shares = [
      [1, 1, 1],
      [1, 2, 1],
      [3, 1, 0],
      [1, 2, 2],
    ]
    for (const share of shares) {
      const methods = rackMethods.map((method, index) => ({ method, share: share[index] ?? 0 }))
      const rack = rackOf({ machines: 600, mix, methods, faults: [] })
      const sum = share.reduce((one, other) => one + other)
      for (const { method, share: wanted } of methods) {
        const kind = rack.filter((machine) => machine.method === method)
        t.equal(kind.length, (600 * wanted) / sum, `${method} of ${share.join()}`)
        t.equal(new Set(kind.map(({ firmware }) => firmware)).size, wanted === 0 ? 0 : 3, method)
        t.ok(kind.every(({ serial }) => serial.startsWith(`RACK-${method.toUpperCase()}-`)))
      }
    }
    const [one] = rackOf({ machines: 1, mix, methods: [], faults: [] })
    t.match(one, { serial: 'RACK-1', method: undefined }, 'with none the box that is asked decides')
    t.strictSame(parseMethods('ram=1,disk=2'), {
      kind: 'value',
      value: [
        { method: 'ram', share: 1 },
        { method: 'disk', share: 2 },
      ],
    })
    for (const text of ['', 'tape', 'local=1', 'disk=0', 'disk=x'])
      t.equal(parseMethods(text).kind, 'refused', text)
  },
)

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
