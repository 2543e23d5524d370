import t from 'tap'
import { faults } from '../../server/simulate/rack.ts'
import type { Tally } from '../../server/simulate/tally.ts'
import { runCli } from './a-box.ts'
import { needs } from './needs.ts'

const everyKind = 'bios=1,rom=1,uefi=2,http=1'

t.test('twenty machines of every kind with every fault come up, and none is lost', needs(), async (t) => {
  const words = ['--machines', '20', '--firmware', everyKind, '--faults', 'all', '--limit', '120']
  const { code, stdout, stderr } = await runCli('simulate', ...words, '--output', 'json')
  t.equal(code, 0, stderr)
  const tally = JSON.parse(stdout) as Tally
  t.strictSame(tally.lost, [])
  t.match(tally, { machines: 20, up: 20, ownDisk: 0 })
  t.equal(Object.keys(faults).length, 10, 'the ten faulty ones have one each')
  t.strictSame(Object.keys(tally.byFirmware).toSorted(), ['bios', 'http', 'rom', 'uefi'])
  for (const [phase, { p50 }] of Object.entries(tally.phases)) t.ok(p50 > 0, `${phase} took time`)
  t.ok(tally.byteCount > 20 * 7 * 1024 * 1024, 'each was sent kernel, initrd and image')
})

t.test(
  'a machine that takes too long is lost, told with its phase, and the exit code is 1',
  needs(),
  async (t) => {
    const words = ['--machines', '2', '--faults', 'slow-reader', '--image-size', '48M', '--limit', '8']
    const { code, stdout, stderr } = await runCli('simulate', ...words, '--output', 'json')
    t.equal(code, 1, stderr)
    const tally = JSON.parse(stdout) as Tally
    t.match(tally.lost, [{ because: /not up after 8 s in the phase image/ }])
    t.equal(tally.up, 1, 'the other one is up')
  },
)

t.test('a real interface is used on request only, and not without a yes', needs(), async (t) => {
  const { code, stderr } = await runCli('simulate', '--interface', 'lo')
  t.equal(code, 1)
  t.match(stderr, /will ask every DHCP server behind lo/)
  t.match(stderr, /nothing was sent/)
})

t.test('what is wrongly asked for is refused in words', async (t) => {
  for (const [words, because] of [
    [['--machines', '0'], /1 or more/],
    [['--machines', 'x'], /whole number/],
    [['--firmware', 'amiga'], /no firmware "amiga"/],
    [['--faults', 'gremlins'], /no fault "gremlins"/],
    [['--image-size', '9T'], /no size/],
    [['--link', '900'], /900 is not the speed of a link. Write it as 900Mbit/],
    [['--streams', '0'], /1 or more/],
  ] as const) {
    const { code, stderr } = await runCli('simulate', ...words)
    t.equal(code, 2, words.join(' '))
    t.match(stderr, because)
  }
})
