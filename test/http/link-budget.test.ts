import t from 'tap'
import { LinkBudget } from '../../server/http/link-budget.ts'

/** A clock that stands still but for what the test does, and its timers. */
class SteadyClock {
  at = 0
  wakes = 0
  #timers: { readonly at: number; readonly act: () => void }[] = []

  readonly now = (): number => this.at
  readonly later = (act: () => void, afterMs: number): void => {
    this.#timers.push({ at: this.at + afterMs, act })
  }

  async passes(ms: number): Promise<void> {
    const end = this.at + ms
    await settled()
    for (;;) {
      const next = this.#timers.toSorted((a, b) => a.at - b.at)[0]
      if (next === undefined || next.at > end) break
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.at = next.at
      this.wakes++
      next.act()
      await settled()
    }
    this.at = end
  }
}

/** What was begun by promises has come to where it waits for the clock. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

/** Takes all it gets, or as much of each piece as its client has room for. */
function download(link: LinkBudget, room: () => number = () => Number.POSITIVE_INFINITY) {
  const state = { byteCount: 0, goesOn: true }
  const run = async (): Promise<void> => {
    while (state.goesOn) {
      const allowed = await link.take(100_000_000)
      const count = Math.min(allowed, room())
      link.giveBack(allowed - count)
      state.byteCount += count
      // A client without room is asked again when it has some.
      if (count < allowed) await settled()
    }
  }
  void run()
  return state
}

const bitsPerSecond = 900e6
/** What of it is the bytes of files. */
const bytesPerSecond = (bitsPerSecond / 8) * (1448 / 1538)

function within(percent: number, value: number, wanted: number): boolean {
  return Math.abs(value / wanted - 1) < percent / 100
}

for (const [name, bits] of [
  ['10 Mbit/s', 10e6],
  ['900 Mbit/s', 900e6],
  ['25 Gbit/s', 25e9],
] as const) {
  t.test(`${name}: one download or many get what the link gives, to a few percent of a second`, async (t) => {
    for (const count of [1, 7, 64]) {
      const clock = new SteadyClock()
      const link = new LinkBudget(bits, () => {}, clock)
      const downloads = Array.from({ length: count }, () => download(link))
      const total = (): number => downloads.reduce((sum, { byteCount }) => sum + byteCount, 0)
      await clock.passes(100)
      for (let second = 0; second < 3; second++) {
        const before = total()
        await clock.passes(1_000)
        const wanted = (bits / 8) * (1448 / 1538)
        t.ok(within(3, total() - before, wanted), `${count} downloads: ${total() - before} of ${wanted}`)
      }
      t.ok(clock.wakes < 3_100 / 4 + 1, `one timer for all of them: ${clock.wakes} wakes`)
      for (const one of downloads) one.goesOn = false
    }
  })
}

t.test('those that run at the same time get the same', async (t) => {
  const clock = new SteadyClock()
  const link = new LinkBudget(bitsPerSecond, () => {}, clock)
  const downloads = Array.from({ length: 16 }, () => download(link))
  await clock.passes(2_000)
  const late = download(link)
  const before = downloads.map(({ byteCount }) => byteCount)
  await clock.passes(2_000)
  const fair = (2 * bytesPerSecond) / 17
  t.ok(within(8, late.byteCount, fair), `who comes later: ${late.byteCount} of ${fair}`)
  for (const [index, { byteCount }] of downloads.entries()) {
    t.ok(within(8, byteCount - (before[index] ?? 0), fair), `${byteCount - (before[index] ?? 0)} of ${fair}`)
  }
})

t.test('what a slow client leaves is for the others', async (t) => {
  const clock = new SteadyClock()
  const link = new LinkBudget(bitsPerSecond, () => {}, clock)
  const slow = Array.from({ length: 8 }, () => {
    const begun = clock.at
    let taken = 0
    // 2 MB/s each, far below an eighth of the link.
    return download(link, () => {
      const room = Math.max(0, Math.floor((clock.at - begun) * 2_000) - taken)
      taken += room
      return room
    })
  })
  const fast = [download(link), download(link)]
  await clock.passes(2_000)
  const rest = 2 * bytesPerSecond - 8 * 4e6
  for (const { byteCount } of slow) t.ok(within(10, byteCount, 4e6), `slow: ${byteCount}`)
  for (const { byteCount } of fast) t.ok(within(10, byteCount, rest / 2), `fast: ${byteCount} of ${rest / 2}`)
})

t.test('a pause is no right to a flood', async (t) => {
  const clock = new SteadyClock()
  const link = new LinkBudget(bitsPerSecond, () => {}, clock)
  await clock.passes(60_000)
  const one = download(link)
  await clock.passes(1)
  t.ok(one.byteCount < bytesPerSecond * 0.055, `${one.byteCount} at once`)
})

t.test('what is allowed and given back is not lost', async (t) => {
  const clock = new SteadyClock()
  const link = new LinkBudget(bitsPerSecond, () => {}, clock)
  const allowed = await link.take(1e9)
  t.equal(allowed, link.most)
  t.equal(await link.take(1_000), 1_000, 'and less is allowed to who wants less')
  link.giveBack(allowed + 1_000)
  const one = download(link)
  await clock.passes(1_000)
  t.ok(within(6, one.byteCount, bytesPerSecond))
})

t.test('that they share the link is told when there is more than one, and once a minute', async (t) => {
  const clock = new SteadyClock()
  let told = 0
  const link = new LinkBudget(bitsPerSecond, () => told++, clock)
  download(link)
  await clock.passes(500)
  t.equal(told, 0, 'one has all of it')
  download(link)
  download(link)
  await clock.passes(500)
  t.equal(told, 1)
  await clock.passes(61_000)
  t.equal(told, 2)
})
