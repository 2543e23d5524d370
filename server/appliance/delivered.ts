import type { Delivery } from '../http/delivery-app.ts'
import type { AttemptStage } from '../machines/machine.ts'
import { noChange } from '../machines/roster-change.ts'
import type { Roster } from '../machines/roster.ts'
import { parseIpv4, type Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'
import type { Logbook } from './logbook.ts'

/** Makes what the delivery process sent a part of its machine's boot. */
export function delivered(
  parts: {
    readonly roster: Roster
    readonly logbook: Logbook
    readonly holderOf: (address: Ipv4) => Mac | undefined
    readonly now: () => number
  },
  delivery: Delivery,
): void {
  const { roster, logbook, holderOf, now } = parts
  const { file, byteCount, tookMs, complete, status, because = `status ${status}` } = delivery
  const address = parseIpv4(delivery.from)
  const about = address === undefined ? {} : { address }
  if (status >= 400) {
    logbook.note({ kind: 'request-refused', ...about, path: file, status, because })
    return
  }
  const mac = address === undefined ? undefined : holderOf(address)
  const machine = mac === undefined ? undefined : roster.byMac(mac)
  const attempt = machine === undefined ? undefined : roster.latestAttempt(machine.id)
  const change = attempt === undefined ? noChange : roster.advance(attempt.id, stageOf(file), now())
  const told = { kind: 'file-served' as const, ...about, file, byteCount, tookMs, complete }
  // The logbook tells by itself what it could not write.
  logbook.keep({ ...change, happened: [told] }).catch(() => {})
}

/** The kernel and the initrd are asked for by iPXE; all else by a running system. */
function stageOf(file: string): AttemptStage {
  return /\/(?:vmlinuz|initrd)$/.test(file) ? 'kernel' : 'system'
}
