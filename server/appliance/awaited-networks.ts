import { setTimeout as pause } from 'node:timers/promises'
import type { NetworkSettings } from '../config/config.ts'
import { interfaceAddresses, networkOnBox, type InterfaceAddress } from './interfaces.ts'

const lookEachMs = 2_000

/** The networks of the settings whose interface, link or address is not there. */
export function networksNotThere(
  settings: readonly NetworkSettings[],
  addresses: readonly InterfaceAddress[] = interfaceAddresses(),
): readonly NetworkSettings[] {
  return settings.filter((one) => networkOnBox(one, addresses).kind === 'not-there')
}

/**
 * Waits until one of these networks can be served: after a power cut the box is up before its switch, and a cable may be
 * plugged in at any time. Resolves to those that can; to none when it is told to stop.
 */
export async function whenThere(
  awaited: readonly NetworkSettings[],
  stop: AbortSignal,
): Promise<readonly NetworkSettings[]> {
  while (!stop.aborted) {
    const stillNot = new Set(networksNotThere(awaited))
    const there = awaited.filter((one) => !stillNot.has(one))
    if (there.length > 0) return there
    await pause(lookEachMs, undefined, { signal: stop }).catch(() => {})
  }
  return []
}
