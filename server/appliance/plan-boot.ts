import { changedLines } from '../boot/changed-lines.ts'
import type { Planned } from '../http/api-app.ts'
import { seedFiles } from '../http/boot-app.ts'
import type { BootPlan, PlannedDisk, PlannedFile } from '../http/boot-plan.ts'
import type { Arrival } from '../http/outcome.ts'
import { diskInWords } from '../machines/choose-disk.ts'
import { identityTier } from '../machines/identity-tier.ts'
import type { JoinWish } from '../machines/join-wish.ts'
import type { Machine } from '../machines/machine.ts'
import { Roster } from '../machines/roster.ts'
import { withoutAttempt, type ServedScript } from '../machines/served-script.ts'
import type { LeaseView } from '../networks/lease.ts'
import type { Network } from '../networks/network.ts'
import type { Store } from '../store/open-store.ts'
import { noAddress } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'
import { runsAnImage } from './choose-for-boot.ts'
import { chooseByWhatWasTold } from './choose-target.ts'
import { filesFor, makeScript, type Made, type Runner, type ScriptParts } from './make-script.ts'
import { whyNotJoin, type JoinParts } from './why-not-join.ts'

export type PlanParts = ScriptParts &
  JoinParts & {
    readonly store: Pick<Store, 'served'>
    readonly networks: readonly Network[]
    readonly leases: LeaseView
  }

/**
 * What a machine would be given if it asked for its script now, made by the very code that would make it, over a copy of
 * the records: nothing is changed, held or told by it.
 */
export async function planBoot(parts: PlanParts, machine: Machine): Promise<Planned> {
  const { roster, store } = parts
  const served = await store.served.ofMachine(machine.id)
  await parts.images.look()
  const mac = roster.latestAttempt(machine.id)?.mac ?? machine.macs[0]
  if (mac === undefined) return refused(`${machine.id} has no network card any more`)
  const arrival = arrivalOf(parts, machine, served)
  if (arrival === undefined) return refused('this box serves no network, so that nobody can ask it')
  const runner = runnerOf(parts, arrival, mac, served)
  // What its board showed last it would show again.
  const { uuid, serial } = machine.shown ?? machine
  const { firmware } = machine
  const copy = new Roster(roster.all(), latestAttempts(roster), { sightings: Number.POSITIVE_INFINITY })
  const made = makeScript({ ...parts, roster: copy }, arrival, { mac, uuid, serial, firmware }, runner)
  if (made.kind === 'no-record') return refused(made.because)
  return { kind: 'planned', plan: planOf(parts, { made, arrival, served, runner }) }
}

function planOf(
  parts: PlanParts,
  question: {
    readonly made: Made
    readonly arrival: Arrival
    readonly served: ServedScript | undefined
    readonly runner: Runner
  },
): BootPlan {
  const { made, arrival, served, runner } = question
  const { machine, mac, attempt, choice, standing, tooWeak } = made
  const files = filesFor(parts, arrival, made).map((one) => {
    if ('refused' in one) return one
    return { ...one, text: withoutAttempt(one.text, machine.id, attempt.id) }
  })
  const wishes = parts.plans.wishesFor(made.network, mac, machine, made.clash)
  const join = parts.plans.joinOf(mac, machine, made.clash)
  const disk = diskOf(parts, made)
  const intent = parts.plans.intentFor(mac, machine, made.clash)
  const system = intent.disk?.image ?? intent.image
  const notJoining =
    join === undefined
      ? undefined
      : (whyNotJoin(parts, join, system.kind === 'image' ? system.name : undefined) ??
        keptOut(tooWeak, machine))
  const plan: BootPlan = {
    machine: machine.id,
    mac,
    network: made.network?.name,
    language: runner.language,
    approved: standing.kind === 'approved',
    because: standing.because ?? 'neither a person has approved it nor a rule of the settings',
    identity: { ...identityTier(machine), ...(tooWeak === undefined ? {} : { tooWeak }) },
    wishes,
    script: choice.kind,
    scriptBecause: choice.because,
    image: runsAnImage(choice) ? choice.image : undefined,
    ...(disk === undefined ? {} : { disk }),
    ...(notJoining === undefined ? {} : { notJoining }),
    files: [...files, ...nodeFiles(parts, join)],
  }
  if (served === undefined) return plan
  const { at, attempt: before, script } = served
  return { ...plan, since: { at, attempt: before, script, changes: changesOf(served, files) } }
}

function keptOut(tooWeak: string | undefined, { claim = 'CODE' }: Machine): string | undefined {
  if (tooWeak === undefined) return undefined
  return `${tooWeak}; approve it by the code on its screen: ironwake machines approve ${claim}`
}

/** What prepares a system for its cluster. */
function nodeFiles({ clusters }: PlanParts, join: JoinWish | undefined): readonly PlannedFile[] {
  const made = join === undefined ? undefined : clusters.nodeConfig(join.cluster)
  if (made === undefined || made.kind === 'unknown') return []
  return made.kind === 'text'
    ? [{ file: 'node-config', text: made.text }]
    : [{ file: 'node-config', refused: made.because }]
}

/** Which disk an install would write that begins now; nothing, where none would begin. */
function diskOf(parts: PlanParts, { machine, mac, choice, clash }: Made): PlannedDisk | undefined {
  if (choice.kind !== 'install-disk' && choice.kind !== 'run-installer') return undefined
  const wanted = parts.plans.intentFor(mac, machine, clash).disk
  if (wanted === undefined) return undefined
  const target = chooseByWhatWasTold(
    parts.images,
    wanted,
    machine,
    choice.kind === 'run-installer' ? 'autoinstall' : 'disk',
  )
  if (target === undefined) {
    return { kind: 'none', because: 'no system in its memory has told of its disks yet' }
  }
  const { at, because } = target
  return target.kind === 'refused'
    ? { kind: 'none', because, at }
    : { kind: 'disk', disk: diskInWords(target.disk), because, at }
}

/** File by file; one that is no longer made, or is made anew, is changed in all its lines. */
function changesOf({ files: before }: ServedScript, now: readonly PlannedFile[]) {
  const texts = new Map(now.map((one) => [one.file, 'text' in one ? one.text : `(${one.refused})`]))
  return ['script', ...seedFiles].flatMap((file) => {
    const lines = changedLines(before[file] ?? '', texts.get(file) ?? '')
    return lines.length === 0 ? [] : [{ file, lines }]
  })
}

/** Where it asked last, while the box is there still; else where it has its address; else the first network. */
function arrivalOf(
  { networks, leases }: PlanParts,
  { macs }: Machine,
  served: ServedScript | undefined,
): Arrival | undefined {
  const held = networks.flatMap((network) =>
    macs.flatMap((mac) => {
      const lease = leases.leaseOf(network.name, mac)
      return lease === undefined ? [] : [{ network, address: lease.address }]
    }),
  )
  const [lease] = held
  const from = lease?.address ?? noAddress
  const isHere = networks.some(({ serverAddress }) => serverAddress === served?.to)
  const to = isHere ? served?.to : (lease?.network ?? networks[0])?.serverAddress
  return to === undefined ? undefined : { from, to }
}

function runnerOf(
  { plans, networkAt }: PlanParts,
  arrival: Arrival,
  mac: Mac,
  served: ServedScript | undefined,
): Runner {
  if (served !== undefined) {
    return served.language === 'grub' ? { language: 'grub' } : { language: 'ipxe', shim: served.shim }
  }
  const network = networkAt(arrival)
  const loader = network === undefined ? 'ipxe' : plans.loaderOf(network, mac)
  return loader === 'shim-grub' ? { language: 'grub' } : { language: 'ipxe', shim: undefined }
}

function latestAttempts(roster: Roster) {
  return roster.all().flatMap(({ id }) => roster.latestAttempt(id) ?? [])
}

function refused(because: string): Planned {
  return { kind: 'refused', because }
}
