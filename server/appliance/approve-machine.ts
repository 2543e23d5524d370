import { isInstalling } from '../boot/choose-script.ts'
import { closest } from '../config/closest.ts'
import { parseImageReference } from '../config/image-name.ts'
import { whyNotHostname } from '../config/hostname.ts'
import type { ApprovalOrder, Approved } from '../http/api-app.ts'
import type { ApprovalWishes } from '../machines/approval.ts'
import { mayMean } from '../machines/choose-disk.ts'
import { parseClaimCode } from '../machines/claim-code.ts'
import { identityInWords } from '../machines/disk-guard.ts'
import { startsFromDisk } from '../machines/disk-install.ts'
import type { Machine } from '../machines/machine.ts'
import type { Roster } from '../machines/roster.ts'
import { chooseByWhatWasTold } from './choose-target.ts'
import type { ImageShelf } from './image-shelf.ts'
import type { Logbook } from './logbook.ts'
import type { Plans } from './plans.ts'
import { readApprovalOrder } from './read-approval-order.ts'
import { whyNotJoin, type JoinParts } from './why-not-join.ts'

export type ApproveParts = JoinParts & {
  readonly roster: Roster
  readonly logbook: Logbook
  readonly plans: Plans
  readonly images: ImageShelf
  readonly now: () => number
}

/** A person approves a machine. What could not be done at its next boot is refused now, with the reason. */
export async function approveMachine(
  parts: ApproveParts,
  { id }: Machine,
  order: ApprovalOrder,
): Promise<Approved> {
  const { roster, logbook, now } = parts
  await parts.images.look()
  // As it is now, and not before the images were looked at.
  const machine = roster.byId(id)
  if (machine === undefined) return { kind: 'refused', because: `${id} is not on record any more` }
  const read = readApprovalOrder(order)
  if (read.kind === 'refused') return read
  const { wishes } = read
  const because = whyNot(parts, machine, order, wishes)
  if (because !== undefined) return { kind: 'refused', because }
  const disk = diskOf(parts, machine, order, wishes)
  if (disk.kind === 'refused') return disk
  await logbook.keep(roster.approve(machine.id, wishes, now(), disk.becomes))
  const dropped = droppedOf(machine, roster.byId(id)?.approval ?? wishes)
  return { kind: 'done', remarks: [...disk.remarks, ...dropped, ...remarksOn(parts, machine.id)] }
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
  parts: ApproveParts,
  machine: Machine,
  order: ApprovalOrder,
  wishes: ApprovalWishes,
): string | undefined {
  const { roster, plans } = parts
  const { id, macs, claim } = machine
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
  const approved = asApproved(machine, wishes, parts.now())
  const { method, image: inMemory, disk } = plans.intentFor(mac, approved)
  if (method === 'local' && (image !== undefined || order.once !== undefined)) {
    return `${id} is to boot its own disk (method: local), and runs no image; say --method ram with it`
  }
  const ofDisk = (['disk', 'wipe', 'keep'] as const).find((key) => order[key] !== undefined)
  if (!isInstalling({ method }) && ofDisk !== undefined) {
    return `${id} is of method ${method}, which writes no disk, so --${ofDisk} says nothing; say --method disk with it`
  }
  if (image !== undefined && parseImageReference(image)?.version !== undefined) {
    return `${image} names a version, which only the settings can keep from the sweep; name the image alone, or set it under machines in ironwake.yaml`
  }
  const found = disk?.image ?? inMemory
  if (image !== undefined && found.kind === 'none') {
    return `${id} cannot ${isInstalling({ method }) ? 'have' : 'run'} ${image}: ${found.because}${meant(parts.images, image)}`
  }
  // Who says that a disk is to be written means it, whoever names the image.
  if (
    order.method === 'disk' ||
    order.method === 'autoinstall' ||
    order.disk !== undefined ||
    order.wipe === true
  ) {
    if (found.kind === 'none') {
      return `nothing can be written to the disk of ${id}: ${found.because}; name an image of the store with --image (\`ironwake images list\`), or bring one: ironwake images import FILE --name NAME`
    }
    if (inMemory.kind === 'none') {
      return `${id} has no system in memory that writes its disk (ephemeral in the settings): ${inMemory.because}`
    }
  }
  const join = plans.joinOf(mac, approved)
  if (join !== undefined) return whyNotJoin(parts, join, found.kind === 'image' ? found.name : undefined)
  const ofNode = (['cluster', 'role', 'labels', 'taints', 'zone'] as const).find(
    (key) => order[key] !== undefined,
  )
  if (ofNode === undefined) return undefined
  return method === 'local'
    ? `${id} is to boot its own disk (method: local), and enters no cluster by this box; say --method disk or ram with it`
    : `neither this approval nor the settings name a cluster for ${id}, so its ${ofNode} says nothing; say --cluster NAME with it`
}

/** What helps who named an image that is not there. */
function meant(images: ImageShelf, image: string): string {
  if (images.has(image)) return '; `ironwake images list` shows what each has'
  const near = closest(image, images.names())
  return near === undefined ? '; `ironwake images list` shows which there are' : `; did you mean ${near}?`
}

/** Its record as it would be. */
function asApproved(machine: Machine, wishes: ApprovalWishes, now: number): Machine {
  return { ...machine, approval: { by: 'person', at: now, macs: machine.macs, ...wishes } }
}

type DiskBecomes =
  | {
      readonly kind: 'done'
      readonly becomes?: 'install-again' | 'keep'
      readonly remarks: readonly string[]
    }
  | { readonly kind: 'refused'; readonly because: string }

/**
 * What an approval means for a disk that an install has written already: it is another install, so who approves has to say that
 * the data there may go, or to name another disk; or that all stays.
 */
function diskOf(
  { plans, now }: ApproveParts,
  machine: Machine,
  { keep }: ApprovalOrder,
  wishes: ApprovalWishes,
): DiskBecomes {
  const { id, install } = machine
  const [mac] = machine.macs
  const isOnDisk = install?.phase === 'installed' || install?.phase === 'written'
  if (keep !== undefined && !isOnDisk) {
    return { kind: 'refused', because: `this box has written no disk of ${id} that could be kept` }
  }
  if (install === undefined || mac === undefined) return { kind: 'done', remarks: [] }
  const { method, disk } = plans.intentFor(mac, asApproved(machine, wishes, now()))
  if (!isInstalling({ method })) return { kind: 'done', remarks: [] }
  if (keep !== undefined) return { kind: 'done', becomes: 'keep', remarks: [] }
  const { state } = machine
  if (state === 'joining' || state === 'active' || state === 'releasing') {
    const because = `${id} is ${state}: as a node of its cluster it starts from its disk, whatever is approved. Release it first, or install it again (\`ironwake machines reinstall ${id}\`), or say --keep to change only what else is said`
    return { kind: 'refused', because }
  }
  // An install that has not come to its end is begun anew, on the disk that it had begun to write.
  if (install.phase !== 'installed') {
    const mayEndFirst = install.phase !== 'begun' && disk?.wipe !== 'allowed'
    const remark = `an install of ${id} is under way by the approval before: if its system is up before the machine boots from the network again, that disk holds data, and this approval leaves it alone; say --wipe if it may go`
    return { kind: 'done', becomes: 'install-again', remarks: mayEndFirst ? [remark] : [] }
  }
  const known = install.disk === undefined ? 'its disk' : `its disk (${identityInWords(install.disk)})`
  const isOther =
    wishes.disk !== undefined &&
    install.disk !== undefined &&
    disk?.selector !== undefined &&
    !mayMean(disk.selector, install.disk)
  if (wishes.wipe !== true && !isOther) {
    const because = `${id} is installed, and another approval is another install, which would write over ${known}. Say --wipe if what it holds may go, --disk for another disk, or --keep to change only what else is said; \`ironwake machines reinstall ${id}\` installs it again as it is approved now`
    return { kind: 'refused', because }
  }
  const what = isOther ? `the disk ${wishes.disk} is written` : `${known} is written over`
  return { kind: 'done', becomes: 'install-again', remarks: [`at its next boot from the network ${what}`] }
}

const wordsOf = {
  hostname: 'name',
  method: 'method',
  image: 'image',
  disk: 'disk',
  cluster: 'cluster',
  role: 'role',
  zone: 'zone',
} as const

/** What a person has said with the approval before, and would not say any more by this one: it takes the place of all of that. */
function droppedOf({ approval }: Machine, wishes: ApprovalWishes): readonly string[] {
  if (approval?.by !== 'person') return []
  const dropped = (Object.keys(wordsOf) as (keyof typeof wordsOf)[]).flatMap((key) =>
    approval[key] === undefined || wishes[key] !== undefined ? [] : [`${wordsOf[key]} ${approval[key]}`],
  )
  if (approval.labels !== undefined && wishes.labels === undefined) dropped.push('labels')
  if (approval.taints !== undefined && wishes.taints === undefined) dropped.push('taints')
  if (dropped.length === 0) return []
  return [
    `what the approval before said holds no more: ${dropped.join(', ')}; say it again where it is still meant`,
  ]
}

/** What else stands between the machine and its image. */
function remarksOn({ roster, plans, images }: ApproveParts, id: string): readonly string[] {
  const machine = roster.byId(id)
  const [mac] = machine?.macs ?? []
  if (machine === undefined || mac === undefined) return []
  const { method, image, disk, tooWeak } = plans.intentFor(mac, machine)
  return [
    ...(machine.state === 'quarantined' || machine.state === 'retired'
      ? [`${id} is ${machine.state} still; let it try again: ironwake machines retry ${id}`]
      : []),
    ...(tooWeak === undefined
      ? []
      : [
          `${id} waits for its code to be compared: ${tooWeak}; approve it by the code on its screen: ironwake machines approve CODE`,
        ]),
    ...(method !== 'local' && image.kind === 'none' ? [`${id} waits for an image: ${image.because}`] : []),
    ...(disk?.image.kind === 'none' ? [`${id} waits for an image: ${disk.image.because}`] : []),
    ...(disk?.image.kind === 'image' && !startsFromDisk(machine.install)
      ? noDiskOf(chooseByWhatWasTold(images, disk, machine, method))
      : []),
  ]
}

function noDiskOf(target: ReturnType<typeof chooseByWhatWasTold>): readonly string[] {
  if (target?.kind !== 'refused') return []
  return [`by what it last told of its disks none would be written: ${target.because}`]
}
