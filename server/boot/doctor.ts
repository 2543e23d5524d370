import type { RecordedEvent } from '../events/event.ts'
import { duration, sentence } from '../events/sentence.ts'
import { attemptStages, type Attempt, type Machine } from '../machines/machine.ts'
import { isExhausted } from '../machines/proxy-ladder.ts'
import { goesRound } from '../machines/rounds.ts'
import { isInstalling, type Intent } from './choose-script.ts'
import { courseOf, signInWords, type Course, type Point } from './course.ts'
import { entryOf, type Outlook, type Verdict } from './diagnoses.ts'

/** One boot, with what was reported of it, the oldest first. */
export type Boot = { readonly attempt: Attempt; readonly events: readonly RecordedEvent[] }

/** All the boot doctor may look at. */
export type Patient = {
  readonly machine: Machine
  /** The latest boot first. */
  readonly boots: readonly Boot[]
  /** What was reported of the machine since the end of its latest boot, and belongs to none. */
  readonly since?: readonly RecordedEvent[]
  /** What the settings have in mind for it now. */
  readonly intent: Intent
  /** What was last reported of faults of the box itself. */
  readonly troubles: readonly RecordedEvent[]
  /** Milliseconds since 1970-01-01 UTC. */
  readonly now: number
}

export type Diagnosis = {
  readonly verdict: Verdict
  readonly outlook: Outlook
  /** What the verdict means, the same for every machine. */
  readonly meaning: string
  /** What it rests on in this boot. */
  readonly because: string
  /** What is most often behind it, the likeliest first. */
  readonly causes: readonly string[]
  readonly nextStep?: string
  /** When the sign came that it rests on: milliseconds since 1970-01-01 UTC. */
  readonly since: number
  /** The diagnosis of the boot that led to this one's. */
  readonly before?: Diagnosis
}

/** As many boots in a row that end at one point are a loop. */
export const bootsInLoop = 3
/** Boots worth looking at: the one that is under way, and those that could make a loop with it. */
export const bootsLookedAt = bootsInLoop + 1

/** Says how the boots of a machine stand, and what to do: the same records at the same time give the same verdict. */
export function diagnose(patient: Patient): Diagnosis {
  const { machine, boots, since = [], now } = patient
  const [latest] = boots
  const observed = courseOf(since)
  if (observed.point === 'observed') return diagnosis('only-observed', signInWords(observed), observed.since)
  if (latest === undefined) return diagnosis('never-booted', machine.stateBecause, machine.stateSince)
  const course = courseOf(latest.events)
  const own = ofBoot(patient, latest, course)
  if (machine.state === 'quarantined') return quarantined(patient, own)
  if (own.outlook === 'well' || own.outlook === 'waits') return own
  if (own.verdict === 'in-queue') return boxTrouble(patient, latest, course) ?? own
  const beside = besideForeignServer(patient, course, own)
  return boxTrouble(patient, latest, course) ?? loop(patient, latest, beside, now) ?? beside
}

/** What must come next at each point, how long that may take, and what it means when it does not. */
type Expectation = { readonly next: string; readonly withinMs: number; readonly otherwise: Verdict }

const seconds = 1_000
const minutes = 60 * seconds

const expected: {
  readonly [point in Exclude<Point, 'told-own-disk' | 'told-to-wait' | 'told-to-stop'>]: Expectation
} = {
  unseen: { next: 'firmware or iPXE asks for an address', withinMs: 0, otherwise: 'never-booted' },
  observed: { next: '', withinMs: 0, otherwise: 'only-observed' },
  // EDK2 collects offers for up to 32 s before it chooses (boot facts §1.4).
  asked: { next: 'it takes the offer (REQUEST)', withinMs: 60 * seconds, otherwise: 'offer-unanswered' },
  'nothing-offered': { next: '', withinMs: 0, otherwise: 'no-boot-program' },
  exhausted: { next: '', withinMs: 0, otherwise: 'pool-exhausted' },
  declined: { next: '', withinMs: 0, otherwise: 'address-declined' },
  'address-refused': { next: 'it asks anew', withinMs: 30 * seconds, otherwise: 'address-refused' },
  'chose-other': { next: '', withinMs: 0, otherwise: 'other-server-chosen' },
  'leased-for-tftp': {
    next: 'it asks for its boot program by TFTP',
    withinMs: 40 * seconds,
    otherwise: 'no-tftp-request',
  },
  'took-for-tftp': {
    next: 'it asks for its boot program by TFTP, or for its name on port 4011',
    withinMs: 40 * seconds,
    otherwise: 'proxy-offer-passed-over',
  },
  'leased-for-http': {
    next: 'it fetches its boot program by HTTP',
    withinMs: 60 * seconds,
    otherwise: 'no-program-request',
  },
  'size-asked': { next: 'it fetches its boot program', withinMs: 30 * seconds, otherwise: 'size-only' },
  'other-file-asked': { next: '', withinMs: 0, otherwise: 'other-file-asked' },
  'program-broken': {
    next: 'it asks for its boot program again',
    withinMs: 60 * seconds,
    otherwise: 'program-broke-off',
  },
  // iPXE waits for its link, and an old one 16 s for an IPv6 router.
  'program-sent': { next: 'iPXE asks for an address', withinMs: 90 * seconds, otherwise: 'program-silent' },
  'leased-for-script': {
    next: 'iPXE asks for its script by HTTP',
    withinMs: 90 * seconds,
    otherwise: 'no-script-request',
  },
  'script-refused': { next: '', withinMs: 0, otherwise: 'script-refused' },
  // What goes out by HTTP is told of when it has gone out: the time is that of the whole file.
  'told-to-run': { next: 'the kernel goes out', withinMs: 2 * minutes, otherwise: 'no-kernel' },
  'file-refused': { next: '', withinMs: 0, otherwise: 'file-refused' },
  'file-broken': { next: 'it asks for the file again', withinMs: 60 * seconds, otherwise: 'file-broke-off' },
  kernel: { next: 'the initrd goes out', withinMs: 5 * minutes, otherwise: 'no-initrd' },
  initrd: { next: 'the system asks for an address', withinMs: 4 * minutes, otherwise: 'kernel-silent' },
  'system-leased': { next: 'the image goes out', withinMs: 10 * minutes, otherwise: 'no-squashfs' },
  squashfs: { next: 'cloud-init asks for its seed', withinMs: 5 * minutes, otherwise: 'no-seed' },
  'seed-refused': { next: '', withinMs: 0, otherwise: 'seed-refused' },
  seed: { next: 'cloud-init reports', withinMs: 3 * minutes, otherwise: 'no-report' },
  // A module that installs packages says nothing while it does.
  reporting: { next: 'cloud-init reports on', withinMs: 10 * minutes, otherwise: 'reports-stopped' },
}

/** Transfers that broke off in a row until that is called a fault, though the machine may still try. */
const breaksInRow = 3

/** Scripts in a row, each of which tries for the kernel several times, until there is no more to wait for. */
const roundsInRow = 3

/** One boot, looked at by itself. */
function ofBoot(patient: Patient, { attempt, events }: Boot, course: Course): Diagnosis {
  const { point, failures } = course
  if (failures.length > 0) {
    const because = `cloud-init told that it failed in ${failures.join(', ')}`
    return diagnosis('cloud-init-failed', because, course.since)
  }
  const failed = events.findLast(({ event }) => event.kind === 'install-failed')
  if (failed !== undefined) return diagnosis('install-failed', sentence(failed.event), failed.at)
  if (attempt.result === 'installed') {
    const end = events.findLast(({ event }) => event.kind === 'attempt-ended')
    return diagnosis('all-is-well', 'cloud-init has finished', end?.at ?? attempt.lastSeenAt)
  }
  if (attempt.result === 'written') return diskWritten(patient, course)
  if (point === 'told-own-disk' || point === 'told-to-stop') return toldToLeave(patient, course)
  if (point === 'told-to-wait') return toldToWait(patient, course)
  const onItsWay = inTransfer(patient, attempt, course)
  if (onItsWay !== undefined) return onItsWay
  if (course.rounds >= roundsInRow) {
    const because = `the machine was told ${course.rounds} times to run its image, and asked for its script again each time; last came: ${signInWords(course)}`
    return diagnosis('no-kernel', because, course.since)
  }
  if (course.returns > 0) return returned(patient.machine, course)
  const { next, withinMs, otherwise } = expected[point]
  const until = attempt.endedAt ?? patient.now
  const waitedMs = Math.max(0, until - course.since)
  const isOver = attempt.endedAt !== undefined || course.leftForDisk || course.breaks >= breaksInRow
  if (!isOver && waitedMs < withinMs) {
    const because = `last came, ${ago(waitedMs)} ago: ${signInWords(course)}; expected next, within ${ago(withinMs)}: ${next}`
    return diagnosis('under-way', because, course.since)
  }
  return diagnosis(
    besideServer(otherwise, patient.machine, course),
    reasonOf(course, next, waitedMs, attempt),
    course.since,
  )
}

/** Beside a server that gives the addresses the same silence has other causes. */
function besideServer(verdict: Verdict, { proxy }: Machine, { answered }: Course): Verdict {
  if (answered !== 'beside-a-server') return verdict
  if (verdict !== 'offer-unanswered' && verdict !== 'proxy-offer-passed-over') return verdict
  if (proxy !== undefined && isExhausted(proxy)) return 'no-proxy-offer-taken'
  return verdict === 'offer-unanswered' ? 'no-address-taken' : verdict
}

/** A file that is waited for or goes out is told of each minute; who is no longer told of has been lost sight of. */
const transferToldWithinMs = 3 * minutes

/** While a file waits for its turn or goes out the machine can do nothing else, however long that takes. */
function inTransfer({ now }: Patient, { endedAt }: Attempt, { transfer }: Course): Diagnosis | undefined {
  if (transfer === undefined || endedAt !== undefined || now - transfer.toldAt > transferToldWithinMs) {
    return undefined
  }
  const { sign, since } = transfer
  const because = `${sentence(sign)}, as told ${ago(Math.max(0, now - transfer.toldAt))} ago`
  return diagnosis(sign.kind === 'file-queued' ? 'in-queue' : 'under-way', because, since)
}

function reasonOf(course: Course, next: string, waitedMs: number, { endedAt }: Attempt): string {
  const words = signInWords(course)
  if (next === '') return words
  const after = course.leftForDisk
    ? 'in place of that a system from a disk of its own asked for an address'
    : endedAt === undefined
      ? `nothing followed for ${ago(waitedMs)}`
      : `the boot ended ${ago(waitedMs)} later`
  const again = course.breaks > 1 ? ` (${course.breaks} times in a row)` : ''
  const offered = course.strategy === undefined ? '' : `; it was offered ${course.strategy}`
  return `last came: ${words}${again}; expected next: ${next}; ${after}${offered}`
}

function returned({ firmware }: Machine, course: Course): Diagnosis {
  const times = course.returns === 1 ? 'once' : `${course.returns} times`
  const because = `firmware was back ${times} soon after its boot program had been sent whole, and iPXE never asked; last came: ${signInWords(course)}`
  return diagnosis(firmware === 'bios' ? 'program-returned' : 'program-refused', because, course.since)
}

/** A machine whose disk was written: whether the system there has reported. */
function diskWritten({ machine }: Patient, course: Course): Diagnosis {
  if (isUp(machine)) {
    return diagnosis('all-is-well', 'the system on its disk has reported that it is up', machine.stateSince)
  }
  if (machine.state === 'installing') return diagnosis('disk-written', signInWords(course), course.since)
  return diagnosis('disk-silent', machine.stateBecause, machine.stateSince)
}

function isUp({ state }: Machine): boolean {
  return state === 'installed' || state === 'joining' || state === 'active' || state === 'releasing'
}

/** A machine that was sent to its own disk: whether it gets there. */
function toldToLeave(patient: Patient, course: Course): Diagnosis {
  const { rounds, install } = patient.machine
  const { intent } = patient
  const because = signInWords(course)
  if (goesRound(rounds)) {
    const seconds = Math.round((rounds.latest - rounds.since) / 1_000)
    const times = `${rounds.count} boots in ${duration(seconds)} led nowhere; last came: ${because}`
    return diagnosis('goes-round', times, course.since)
  }
  if (install?.phase === 'written' && isInstalling(intent)) return diskWritten(patient, course)
  const isStopped = course.point === 'told-to-stop' && intent.method !== 'local'
  return diagnosis(isStopped ? 'may-start-again' : 'own-disk', because, course.since)
}

/** A machine that was told to wait: whether it still has to. */
function toldToWait({ intent }: Patient, course: Course): Diagnosis {
  const because = signInWords(course)
  if (!intent.approved) return diagnosis('not-approved', because, course.since)
  if (intent.tooWeak !== undefined) return diagnosis('identity-too-weak', intent.tooWeak, course.since)
  const lacking = intent.disk?.image.kind === 'none' ? intent.disk.image : intent.image
  if (intent.method !== 'local' && lacking.kind === 'none') {
    return diagnosis('no-image', lacking.because, course.since)
  }
  return diagnosis('may-start-again', because, course.since)
}

function quarantined(patient: Patient, own: Diagnosis): Diagnosis {
  const { machine, boots } = patient
  const failed = boots.find(({ attempt }) => attempt.result === 'failed' || attempt.result === 'abandoned')
  const verdict = diagnosis('quarantined', machine.stateBecause, machine.stateSince)
  if (failed !== undefined) return { ...verdict, before: ofBoot(patient, failed, courseOf(failed.events)) }
  // The boots that failed are long ago; one that was told to wait since then failed in nothing.
  return own.outlook === 'waits' ? verdict : { ...verdict, before: own }
}

/** How long after a machine was last heard of a fault of the box may still be what keeps it silent. */
const troubleWithinMs = 10 * minutes

const needsDelivery: ReadonlySet<Point> = new Set([
  'told-to-run',
  'kernel',
  'initrd',
  'system-leased',
  'file-broken',
])

function boxTrouble({ troubles }: Patient, { attempt }: Boot, course: Course): Diagnosis | undefined {
  for (const { event, at } of troubles) {
    if (at < course.lastSignAt || at - course.lastSignAt > troubleWithinMs) continue
    switch (event.kind) {
      case 'store-failed':
        return diagnosis('store-failed', sentence(event), at)
      case 'delivery-failed':
        if (needsDelivery.has(course.point)) return diagnosis('delivery-failed', sentence(event), at)
        continue
      case 'network-unusable':
        if (event.network === course.network && attempt.endedAt === undefined) {
          return diagnosis('network-unusable', sentence(event), at)
        }
        continue
      default:
        continue
    }
  }
  return undefined
}

/** Faults that are most often the work of a second DHCP server, where there is one. */
const byForeignServers: ReadonlySet<Verdict> = new Set([
  'offer-unanswered',
  'no-tftp-request',
  'no-program-request',
  'other-file-asked',
])

/** A network of which this box gives the addresses, and on which another server was seen. */
function besideForeignServer({ troubles }: Patient, course: Course, own: Diagnosis): Diagnosis {
  if (!byForeignServers.has(own.verdict) || course.answered === 'beside-a-server') return own
  const seen = troubles.find(
    ({ event }) => event.kind === 'foreign-server-seen' && event.network === course.network,
  )
  if (seen === undefined) return own
  return diagnosis('foreign-server', `${sentence(seen.event)}; ${own.because}`, own.since)
}

/** Boots that ended one after another at the same point, with this one no further than they came. */
function loop(patient: Patient, latest: Boot, own: Diagnosis, now: number): Diagnosis | undefined {
  const isDone = latest.attempt.endedAt !== undefined
  const ended = isDone ? patient.boots : patient.boots.slice(1)
  const [last] = ended
  if (last === undefined || rank(latest.attempt) > rank(last.attempt)) return undefined
  const alike = ended.findIndex(({ attempt }) => !isFailed(attempt) || attempt.stage !== last.attempt.stage)
  const count = alike === -1 ? ended.length : alike
  if (count < bootsInLoop) return undefined
  const before = isDone ? own : ofBoot({ ...patient, now }, last, courseOf(last.events))
  const because = `${count} boots in a row or more came no further than: ${last.attempt.stage}`
  return { ...diagnosis('boot-loop', because, own.since), before }
}

function isFailed({ result }: Attempt): boolean {
  return result === 'failed' || result === 'abandoned'
}

function rank({ stage }: Attempt): number {
  return attemptStages.indexOf(stage)
}

function diagnosis(verdict: Verdict, because: string, since: number): Diagnosis {
  const { outlook, meaning, causes = [], nextStep } = entryOf(verdict)
  const common = { verdict, outlook, meaning, because, causes, since }
  return nextStep === undefined ? common : { ...common, nextStep }
}

function ago(ms: number): string {
  return duration(Math.round(ms / 1000))
}
