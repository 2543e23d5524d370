import { UpstreamFault } from './upstream-fault.ts'
import type { UpstreamTools } from './upstream-tools.ts'

/** So many tries that bring nothing new, one after the other, before a server is given up. */
export const mostTries = 5
const firstPauseMs = 1_000
const longestPauseMs = 30_000

/** How long to wait before another try: twice as long each time, a little more or less than others wait. */
export function pauseBefore(fault: UpstreamFault, fruitless: number, chance: () => number): number {
  const usual = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.max(0, fruitless - 1))
  return Math.max(fault.retryAfterMs ?? 0, usual * (0.75 + chance() / 2))
}

/** Whether another try may go better; what is wrong with the content or the name stays wrong. */
export function isPassing(error: unknown): error is UpstreamFault {
  return error instanceof UpstreamFault && (error.kind === 'unreachable' || error.kind === 'too-slow')
}

/** Tries again, with pauses, what fails for reasons that pass. */
export async function patiently<T>(
  act: () => Promise<T>,
  { wait, chance, over }: Pick<UpstreamTools, 'wait' | 'chance' | 'over'>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await act()
    } catch (error) {
      if (!isPassing(error) || tries >= mostTries) throw error
      await wait(pauseBefore(error, tries, chance), over)
    }
  }
}
