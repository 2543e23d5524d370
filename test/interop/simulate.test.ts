import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openRackBox, type RackBox } from '../../server/cli/rack-box.ts'
import type { About, EventKind } from '../../server/events/event.ts'
import { faults, rackOf } from '../../server/simulate/rack.ts'
import type { RackOrder, RackWord } from '../../server/simulate/rack-order.ts'
import type { Tally } from '../../server/simulate/tally.ts'
import { runCli } from './a-box.ts'
import { needs } from './needs.ts'

t.setTimeout(600_000)
const program = fileURLToPath(new URL('../../server/rack.ts', import.meta.url))
const mib = 1024 * 1024
const everyKind = 'bios=1,rom=1,uefi=2,http=1'

t.test('twenty machines of every kind with every fault come up, and none is lost', needs(), async (t) => {
  const words = ['--machines', '20', '--firmware', everyKind, '--faults', 'all', '--limit', '480']
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
  'machines are installed on their disks, slow ones and broken lines too, and the box sees it',
  needs(),
  async (t) => {
    const methods = ['ram', 'disk', 'autoinstall', 'disk'] as const
    const opened = new AsyncDisposableStack()
    t.teardown(async () => await opened.disposeAsync())
    // Twelve seconds for the slow reader, so that it tells how far it is.
    const rack = opened.use(await openRackBox({ imageBytes: 30 * mib, methods: [...new Set(methods)] }))
    const order: RackOrder = {
      interface: rack.interface,
      plan: {
        machines: 4,
        mix: [{ firmware: 'uefi', share: 1 }],
        methods: methods.map((method) => ({ method, share: 1 })),
        faults: ['breaks-off', 'slow-reader'],
      },
      limitMs: 480_000,
      spreadMs: 0,
      seed: 1,
    }
    const tally = await playedOn(rack, order)
    t.strictSame(tally?.lost, [])
    t.match(tally, { machines: 4, up: 4, ownDisk: 0, upBy: { ram: 1, disk: 2, autoinstall: 1 } })
    t.ok((tally?.phases.disk?.p50 ?? 0) > 0)
    t.ok((tally?.phases['own-system']?.p50 ?? 0) > 0)

    const { happened, waitFor } = rack.appliance
    for (const { mac } of rackOf(order.plan)) {
      const isUp = (event: { readonly to: string } & About): boolean =>
        event.mac === mac && event.to === 'installed'
      await waitFor('machine-state-changed', isUp, { withinMs: 60_000 })
    }
    const of = (index: number) => {
      const { mac } = rackOf(order.plan)[index] ?? {}
      return happened.map(({ event }) => event).filter((event) => 'mac' in event && event.mac === mac)
    }
    const told = (index: number) => of(index).map(({ kind }) => kind)
    const inOrder = (index: number, ...kinds: readonly EventKind[]): void => {
      const seen = told(index)
      let from = 0
      for (const kind of kinds) {
        const found = seen.indexOf(kind, from)
        t.ok(found >= from, `${kind} of machine ${index}, after the ones before it`)
        from = found + 1
      }
    }
    t.notOk(told(0).includes('disk-chosen'), 'nothing is written for who runs from memory')
    inOrder(
      1,
      'script-served',
      'inventory-taken',
      'disk-chosen',
      'disk-note',
      'disk-written',
      'script-served',
    )
    inOrder(3, 'disk-chosen', 'disk-progress', 'disk-written', 'phoned-home')
    inOrder(2, 'inventory-taken', 'disk-chosen', 'installer-finished', 'disk-written', 'phoned-home')
    for (const index of [1, 2, 3]) {
      t.match(
        of(index).filter(({ kind }) => kind === 'script-served'),
        [{ script: index === 2 ? 'run-installer' : 'install-disk' }, { script: 'boot-local' }],
        'the network is asked twice, and the disk written once',
      )
    }
  },
)

/** Plays a rack to its end, as the command does. */
async function playedOn(rack: RackBox, order: RackOrder): Promise<Tally | undefined> {
  const words = [process.execPath, program, JSON.stringify(order)]
  const child = rack.neighbour.start(words, { stdio: ['ignore', 'pipe', 'inherit'] })
  let tally: Tally | undefined
  for await (const line of createInterface(child.stdout!)) {
    const word = JSON.parse(line) as RackWord
    if (word.kind === 'failed') throw new Error(word.because)
    if (word.kind === 'tally') ({ tally } = word)
  }
  return tally
}

t.test(
  'a machine that takes too long is lost, told with its phase, and the exit code is 1',
  needs(),
  async (t) => {
    const words = ['--machines', '2', '--faults', 'slow-reader', '--image-size', '96M', '--limit', '20']
    const { code, stdout, stderr } = await runCli('simulate', ...words, '--output', 'json')
    t.equal(code, 1, stderr)
    const tally = JSON.parse(stdout) as Tally
    t.match(tally.lost, [{ because: /not up after 20 s in the phase image/ }])
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
    [['--method', 'tape=1'], /no method "tape"; there are ram, disk, autoinstall/],
    [['--interface', 'lo', '--method', 'disk'], /behind --interface the settings of the box there count/],
  ] as const) {
    const { code, stderr } = await runCli('simulate', ...words)
    t.equal(code, 2, words.join(' '))
    t.match(stderr, because)
  }
})
