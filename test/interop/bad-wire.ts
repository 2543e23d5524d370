import { randomInt } from 'node:crypto'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'
import { openFrames, type Frames } from './frames.ts'
import { seeded } from './random.ts'

/** Shares of all frames, from 0 to 1. */
export type Damage = { readonly lost: number; readonly doubled: number; readonly late: number }

export type BadWire = AsyncDisposable & {
  /** What became of the frames so far. */
  readonly counts: { passed: number; lost: number; doubled: number; late: number }
}

/** Long enough for a late frame to be overtaken by the answer to what was sent after it. */
export const mostLateMs = 400

/**
 * Joins two networks of a namespace by a wire that loses frames, doubles them and lets others overtake them, in both
 * directions. Works by two packet sockets, since not every kernel has netem.
 */
export async function joinBadly(
  namespace: NetworkNamespace,
  networks: readonly [string, string],
  damage: Damage,
  seed = randomInt(1, 2 ** 31),
): Promise<BadWire> {
  await using opened = new AsyncDisposableStack()
  const random = seeded(seed)
  const counts = { passed: 0, lost: 0, doubled: 0, late: 0 }
  const [left, right] = [
    opened.use(await namespace.addNeighbour(networks[0])),
    opened.use(await namespace.addNeighbour(networks[1])),
  ]
  const ends: Frames[] = []
  const carry =
    (to: 0 | 1) =>
    (frame: Buffer, header: Buffer): void => {
      const send = (): void => void ends[to]?.send(frame, header)
      const chance = random()
      if (chance < damage.lost) counts.lost++
      else if (chance < damage.lost + damage.doubled) {
        counts.doubled++
        send()
        setTimeout(send, random() * mostLateMs)
      } else if (chance < damage.lost + damage.doubled + damage.late) {
        counts.late++
        setTimeout(send, random() * mostLateMs)
      } else {
        counts.passed++
        send()
      }
    }
  ends.push(
    opened.use(openFrames(left.name, 'eth0', carry(1))),
    opened.use(openFrames(right.name, 'eth0', carry(0))),
  )
  const parts = opened.move()
  return { counts, [Symbol.asyncDispose]: async () => await parts.disposeAsync() }
}
