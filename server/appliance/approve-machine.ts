import { parseImageReference } from '../config/image-name.ts'
import { whyNotHostname } from '../config/hostname.ts'
import type { ApprovalOrder, Approved } from '../http/api-app.ts'
import type { ApprovalWishes } from '../machines/approval.ts'
import { parseClaimCode } from '../machines/claim-code.ts'
import type { Machine } from '../machines/machine.ts'
import type { Roster } from '../machines/roster.ts'
import type { ImageShelf } from './image-shelf.ts'
import type { Logbook } from './logbook.ts'
import type { Plans } from './plans.ts'

export type ApproveParts = {
  readonly roster: Roster
  readonly logbook: Logbook
  readonly plans: Plans
  readonly images: ImageShelf
  readonly now: () => number
}

/** A person approves a machine. What could not be done at its next boot is refused now, with the reason. */
export async function approveMachine(
  parts: ApproveParts,
  machine: Machine,
  order: ApprovalOrder,
): Promise<Approved> {
  const { roster, logbook, now } = parts
  await parts.images.look()
  const because = whyNot(parts, machine, order)
  if (because !== undefined) return { kind: 'refused', because }
  await logbook.keep(roster.approve(machine.id, wishesOf(order), now()))
  return { kind: 'done', remarks: remarksOn(parts, machine.id) }
}

/** A person takes an approval back. */
export async function unapproveMachine(parts: ApproveParts, { id, approval }: Machine): Promise<Approved> {
  const { roster, logbook, now } = parts
  if (approval?.by !== 'person') {
    const rule = approval === undefined ? '' : '; a rule does: take it out of approve in ironwake.yaml'
    return { kind: 'refused', because: `no person has approved ${id}${rule}` }
  }
  await logbook.keep(roster.unapprove(id, now()))
  const machine = roster.byId(id)
  const isRuled = machine?.macs.some((mac) => parts.plans.standingOf(mac, machine).kind === 'approved')
  const remark = `approve in ironwake.yaml lets ${id} boot all the same`
  return { kind: 'done', remarks: isRuled === true ? [remark] : [] }
}

function whyNot(
  { roster, plans, images }: ApproveParts,
  { id, macs, claim }: Machine,
  order: ApprovalOrder,
): string | undefined {
  const [mac] = macs
  if (mac === undefined) return `${id} has no network card any more: another machine has taken it`
  if (order.claim !== undefined && (claim === undefined || parseClaimCode(order.claim) !== claim)) {
    return `the code of ${id} is ${claim ?? 'not made yet'}, and not ${order.claim}: look whether that is the screen of another machine`
  }
  const { hostname, image } = order
  if (hostname !== undefined) {
    const because = whyNotHostname(hostname)
    if (because !== undefined) return `${hostname} is not a host name: ${because}`
    const namesake = roster.all().find((other) => other.hostname === hostname && other.id !== id)
    if (namesake !== undefined) return `${hostname} is the name of ${namesake.id}`
    const other = plans.namesakeOf(hostname, macs)
    if (other !== undefined) return `${hostname} is the name that the settings have for ${other}`
  }
  const method = order.method ?? plans.settingsOf(mac).method
  if (method === 'local' && (image !== undefined || order.once !== undefined)) {
    return `${id} is to boot its own disk (method: local), and runs no image; say --method ram with it`
  }
  if (image === undefined) return undefined
  if (parseImageReference(image)?.version !== undefined) {
    return `${image} names a version, which only the settings can keep from the sweep; name the image alone, or set it under machines in ironwake.yaml`
  }
  const found = images.choose(image)
  return found.kind === 'none' ? `${id} cannot run ${image}: ${found.because}` : undefined
}

function wishesOf({ claim, hostname, method, image, once }: ApprovalOrder): ApprovalWishes {
  return {
    ...(claim === undefined ? {} : { claim: 'compared' as const }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(method === undefined ? {} : { method }),
    ...(image === undefined ? {} : { image }),
    ...(once === undefined ? {} : { once }),
  }
}

/** What else stands between the machine and its image. */
function remarksOn({ roster, plans }: ApproveParts, id: string): readonly string[] {
  const machine = roster.byId(id)
  const [mac] = machine?.macs ?? []
  if (machine === undefined || mac === undefined) return []
  const { method, image } = plans.intentFor(mac, machine)
  return [
    ...(machine.state === 'quarantined'
      ? [`${id} is quarantined still; let it try again: ironwake machines retry ${id}`]
      : []),
    ...(method === 'ram' && image.kind === 'none' ? [`${id} waits for an image: ${image.because}`] : []),
  ]
}
