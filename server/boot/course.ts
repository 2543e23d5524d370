import type { ApplianceEvent, RecordedEvent } from '../events/event.ts'
import { sentence } from '../events/sentence.ts'
import { nothingToLoad } from './decide.ts'
import { clientNames } from './identify.ts'
import { programNames } from './programs.ts'

/** The points a boot can stand at, told by the last event that is a sign of its machine. */
export type Point =
  // Before the kernel: a machine may come back to any of these.
  | 'unseen'
  | 'observed'
  | 'asked'
  | 'nothing-offered'
  | 'exhausted'
  | 'declined'
  | 'address-refused'
  | 'chose-other'
  | 'leased-for-tftp'
  | 'took-for-tftp'
  | 'leased-for-http'
  | 'size-asked'
  | 'other-file-asked'
  | 'program-broken'
  | 'program-sent'
  | 'leased-for-script'
  | 'script-refused'
  | 'told-own-disk'
  | 'told-to-wait'
  | 'told-to-stop'
  | 'told-to-run'
  // From the kernel on: each follows the one before.
  | 'file-refused'
  | 'file-broken'
  | 'kernel'
  | 'initrd'
  | 'system-leased'
  | 'squashfs'
  | 'seed-refused'
  | 'seed'
  | 'reporting'

/** What the events of one boot come to. */
export type Course = {
  readonly point: Point
  /** How far its image is on the way; a hindrance does not lower it. */
  readonly height: number
  /** When the point was reached, or reached again. */
  readonly since: number
  /** The event that led there; `undefined` while there is none. */
  readonly sign: ApplianceEvent | undefined
  /** When the machine last showed itself in any way. */
  readonly lastSignAt: number
  readonly network: string | undefined
  /** What it was answered at last: an address and what to boot, or the latter alone, beside another server. */
  readonly answered: 'with-address' | 'beside-a-server' | undefined
  /** The form of what it was told beside another server. */
  readonly strategy: string | undefined
  /** Times that firmware was back soon after its program had been sent whole, without a word of iPXE between. */
  readonly returns: number
  /** Transfers that broke off since the last whole one. */
  readonly breaks: number
  readonly programSentAt: number | undefined
  /** Times that the machine was told to run its image; 0 again once the kernel has gone out. */
  readonly rounds: number
  /** The file that it waits for or that is on its way, as last told; `undefined` once it is over. */
  readonly transfer: Transfer | undefined
  /** A system that this box did not start asked for an address: the machine went on to a disk of its own. */
  readonly leftForDisk: boolean
  /** Stages and modules of cloud-init that failed. */
  readonly failures: readonly string[]
}

export type Transfer = {
  readonly sign: Of<'file-queued'> | Of<'file-going-out'>
  readonly since: number
  readonly toldAt: number
}

const start: Course = {
  point: 'unseen',
  height: 0,
  since: 0,
  sign: undefined,
  lastSignAt: 0,
  network: undefined,
  answered: undefined,
  strategy: undefined,
  returns: 0,
  breaks: 0,
  programSentAt: undefined,
  rounds: 0,
  transfer: undefined,
  leftForDisk: false,
  failures: [],
}

/** Firmware that comes back within this time after its program has not left it to its fate: it had it refused. */
const returnWithinMs = 120_000

/** Follows a boot through its events, the oldest first. */
export function courseOf(events: readonly RecordedEvent[]): Course {
  let course = start
  for (const { event, at } of events) course = next(course, event, at)
  return course
}

function next(course: Course, event: ApplianceEvent, at: number): Course {
  const seen: Course = {
    ...course,
    lastSignAt: Math.max(course.lastSignAt, at),
    network: event.network ?? course.network,
  }
  const to = (point: Point): Course => reach(seen, point, event, at)
  switch (event.kind) {
    case 'attempt-started':
      return course.point === 'unseen' ? to('asked') : seen
    case 'would-answer':
      return to('observed')
    case 'firmware-asked':
      return event.client === clientNames.ipxe
        ? { ...to('asked'), ...nothingWrong, ...notAnswered, transfer: undefined }
        : { ...cameBack(to('asked'), at), ...notAnswered, transfer: undefined }
    case 'address-offered':
      return { ...seen, answered: 'with-address' }
    case 'boot-offered':
      return bootOffered(seen, event, at)
    case 'address-leased':
      return leased(seen, event, at)
    case 'address-taken':
      return taken(seen, event, at)
    case 'other-server-chosen':
      return to('chose-other')
    case 'address-refused':
      return concerns(course) ? to('address-refused') : seen
    case 'address-declined':
      return concerns(course) ? hindered(seen, 'declined', event, at) : seen
    case 'pool-exhausted':
      return concerns(course) ? hindered(seen, 'exhausted', event, at) : seen
    case 'program-sent':
      return isAutoexec(event.file) ? to('leased-for-script') : programSent(to('program-sent'), at)
    case 'program-not-sent':
      return programNotSent(seen, event, at)
    case 'script-served':
      return told(seen, event, at)
    case 'file-queued':
    case 'file-going-out':
      return concerns(course) ? { ...seen, transfer: transferOf(course.transfer, event, at) } : seen
    case 'file-served':
      return fileServed({ ...seen, transfer: undefined }, event, at)
    case 'request-refused':
      return requestRefused(seen, event, at)
    case 'seed-served':
      return to('seed')
    case 'cloud-init-started':
    case 'installer-began':
    case 'installer-said':
    case 'phoned-home':
    case 'inventory-taken':
    case 'disk-chosen':
    case 'disk-progress':
    case 'disk-note':
    case 'disk-written':
      return to('reporting')
    case 'installer-finished':
      return event.result === 'FAIL'
        ? { ...to('reporting'), failures: withFailure(course.failures, event.step) }
        : to('reporting')
    case 'cloud-init-finished':
      return event.result === 'FAIL'
        ? { ...to('reporting'), failures: withFailure(course.failures, event.stage) }
        : to('reporting')
    default:
      // Everything else is no sign of the machine itself: what the records made of one, and what the box does.
      return course
  }
}

const notAnswered = { answered: undefined, strategy: undefined } as const

const nothingWrong = { returns: 0, breaks: 0, programSentAt: undefined } as const

/** The points of a machine that runs its image, in their order. */
const ladder: readonly Point[] = [
  'told-to-run',
  'kernel',
  'initrd',
  'system-leased',
  'squashfs',
  'seed',
  'reporting',
]

/** How far along the ladder a point is; 0 before it. */
function heightOf(point: Point): number {
  return ladder.indexOf(point) + 1
}

/** Once the kernel has gone out a boot goes forward only: a system that renews its lease is no firmware that asks. */
function reach(course: Course, point: Point, sign: ApplianceEvent, at: number): Course {
  const height = heightOf(point)
  if (course.height >= heightOf('kernel') && height < course.height) return course
  return { ...course, point, height, since: at, sign }
}

/** What keeps a machine from going on, and does not set it back. */
function hindered(course: Course, point: Point, sign: ApplianceEvent, at: number): Course {
  return { ...course, point, since: at, sign }
}

/** Whether a hindrance concerns the boot: a system that runs has its image, and its own troubles. */
function concerns(course: Course): boolean {
  return course.height < heightOf('squashfs')
}

function cameBack(course: Course, at: number): Course {
  const { programSentAt } = course
  const soon = programSentAt !== undefined && at - programSentAt <= returnWithinMs
  return { ...course, returns: soon ? course.returns + 1 : course.returns, programSentAt: undefined }
}

function programSent(course: Course, at: number): Course {
  return { ...course, breaks: 0, programSentAt: at }
}

type Of<Kind extends ApplianceEvent['kind']> = Extract<ApplianceEvent, { readonly kind: Kind }>

function leased(course: Course, event: Of<'address-leased' | 'address-taken'>, at: number): Course {
  // What the firmware was offered besides is known, and stays what matters.
  if (course.point === 'nothing-offered') return course
  switch (event.to) {
    case clientNames.pxe:
      return reach(course, 'leased-for-tftp', event, at)
    case clientNames.http:
      return reach(course, 'leased-for-http', event, at)
    case clientNames.ipxe:
      return reach(course, 'leased-for-script', event, at)
    default:
      return course.height >= heightOf('kernel')
        ? reach(course, 'system-leased', event, at)
        : { ...course, leftForDisk: true }
  }
}

/** An offer, or the answer on port 4011 to who has its address already. */
function bootOffered(course: Course, event: Of<'boot-offered'>, at: number): Course {
  if (event.program === nothingToLoad) return reach(course, 'nothing-offered', event, at)
  const answered = course.answered ?? 'beside-a-server'
  const told = { ...course, answered, strategy: event.strategy ?? course.strategy }
  return course.point === 'took-for-tftp' ? reach(told, 'took-for-tftp', event, at) : told
}

/** Its address comes from another server, beside which this box says what to boot. */
function taken(course: Course, event: Of<'address-taken'>, at: number): Course {
  if (course.point === 'nothing-offered') return course
  switch (event.to) {
    case undefined:
      return course
    case clientNames.pxe:
      return reach(course, 'took-for-tftp', event, at)
    default:
      return leased(course, event, at)
  }
}

function told(course: Course, event: Of<'script-served'>, at: number): Course {
  const point = toldBy(event.script)
  const rounds = point === 'told-to-run' ? course.rounds + 1 : 0
  return { ...reach(course, point, event, at), ...nothingWrong, rounds, transfer: undefined }
}

function programNotSent(course: Course, event: Of<'program-not-sent'>, at: number): Course {
  if (isAutoexec(event.file)) return course
  if (!programNames.includes(baseName(event.file))) {
    return event.expected ? course : reach(course, 'other-file-asked', event, at)
  }
  if (event.expected) return reach(course, 'size-asked', event, at)
  return { ...reach(course, 'program-broken', event, at), breaks: course.breaks + 1 }
}

function fileServed(course: Course, event: Of<'file-served'>, at: number): Course {
  const name = baseName(event.file)
  if (programNames.includes(name)) {
    return event.complete
      ? programSent(reach(course, 'program-sent', event, at), at)
      : { ...reach(course, 'program-broken', event, at), breaks: course.breaks + 1 }
  }
  const point = imageFiles.get(name)
  if (point === undefined) return course
  if (event.complete) return { ...reach(course, point, event, at), rounds: 0 }
  return concerns(course) ? hindered(course, 'file-broken', event, at) : course
}

function requestRefused(course: Course, event: Of<'request-refused'>, at: number): Course {
  if (event.path.startsWith('/boot.ipxe')) return reach(course, 'script-refused', event, at)
  if (event.path.startsWith('/seed/')) {
    return course.height < heightOf('seed') ? hindered(course, 'seed-refused', event, at) : course
  }
  if (!imageFiles.has(baseName(event.path))) return course
  return concerns(course) ? hindered(course, 'file-refused', event, at) : course
}

/** It has begun when it was first told of as it stands now. */
function transferOf(before: Transfer | undefined, sign: Transfer['sign'], at: number): Transfer {
  const isSame = before?.sign.kind === sign.kind && before.sign.file === sign.file
  return { sign, since: isSame ? before.since : at, toldAt: at }
}

/** The files of an image, and what has been reached when one has been sent whole. */
const imageFiles: ReadonlyMap<string, Point> = new Map([
  ['vmlinuz', 'kernel'],
  ['initrd', 'initrd'],
  ['squashfs', 'squashfs'],
  ['installer.iso', 'squashfs'],
])

const scripts: ReadonlyMap<string, Point> = new Map([
  ['boot-local', 'told-own-disk'],
  ['wait', 'told-to-wait'],
  ['stop', 'told-to-stop'],
])

function toldBy(script: string): Point {
  return scripts.get(script) ?? 'told-to-run'
}

/** cloud-init tells of a stage that failed because of a module after the module; the module says more. */
function withFailure(failures: readonly string[], stage: string): readonly string[] {
  return failures.some((known) => known === stage || known.startsWith(`${stage}/`))
    ? failures
    : [...failures, stage]
}

function isAutoexec(file: string): boolean {
  return baseName(file) === 'autoexec.ipxe'
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** The sign that led to where a boot stands, in words. */
export function signInWords({ sign }: Course): string {
  return sign === undefined ? 'nothing' : sentence(sign)
}
