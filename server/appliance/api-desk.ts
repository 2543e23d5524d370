import type { RecordedEvent } from '../events/event.ts'
import type {
  ApiDesk,
  ApplianceStatus,
  Done,
  EventFilter,
  MachineSummary,
  TokenDesk,
} from '../http/api-app.ts'
import type { ClusterDesk } from '../http/cluster-routes.ts'
import type { PowerDesk } from '../http/power-desk.ts'
import type { BootNextAction } from '../machines/boot-next.ts'
import { parseClaimCode } from '../machines/claim-code.ts'
import { failureCauses } from '../machines/failure-causes.ts'
import { identityTier } from '../machines/identity-tier.ts'
import { joinRefusals } from '../machines/join-refusals.ts'
import type { Machine } from '../machines/machine.ts'
import { joined, noChange } from '../machines/roster-change.ts'
import type { Roster } from '../machines/roster.ts'
import { goesRound } from '../machines/rounds.ts'
import type { LeaseView } from '../networks/lease.ts'
import type { Network } from '../networks/network.ts'
import type { Store } from '../store/open-store.ts'
import { parseMac } from '../wire/mac.ts'
import { writePcap } from '../wire/write-pcap.ts'
import { approveMachine, unapproveMachine } from './approve-machine.ts'
import { auditDesk } from './audit-desk.ts'
import { examine } from './examine.ts'
import type { FrameRing } from './frame-ring.ts'
import type { ImageShelf } from './image-shelf.ts'
import type { Logbook } from './logbook.ts'
import type { ScriptParts } from './make-script.ts'
import type { EnrolmentDesk } from './enrolment-desk.ts'
import { lostCredential } from './lost-credential.ts'
import { meantMachine } from './meant-machine.ts'
import { planBoot } from './plan-boot.ts'
import type { Plans } from './plans.ts'
import { reinstallMachine, type ReinstallParts } from './reinstall-machine.ts'
import type { Troubles } from './troubles.ts'
import type { JoinParts } from './why-not-join.ts'

export type ApiDeskParts = JoinParts & {
  readonly clusters: ClusterDesk
  readonly store: Store
  readonly roster: Roster
  readonly logbook: Logbook
  readonly leases: LeaseView
  readonly networks: readonly Network[]
  readonly plans: Plans
  readonly images: ImageShelf
  readonly frames: FrameRing
  readonly troubles: Troubles
  readonly enrolmentOf: EnrolmentDesk['of']
  /** What the scripts of machines are made with. */
  readonly boot: ScriptParts
  readonly authority: () => string | undefined
  readonly tokens: TokenDesk
  readonly power: PowerDesk
  readonly status: () => ApplianceStatus
  readonly release: ApiDesk['release']
  readonly whyKeep: ReinstallParts['whyKeep']
  readonly now: () => number
}

/** What the API asks: the records, and what happens. */
export function apiDesk(parts: ApiDeskParts): ApiDesk {
  const { store, roster, logbook, now } = parts
  /** Records are replaced and never changed, and the settings stay: a summary is right until one of its records is another. */
  const summaries = new WeakMap<Machine, MachineSummary>()
  const summary = (machine: Machine): MachineSummary => summaryOf(parts, summaries, machine)
  return {
    status: parts.status,
    authority: parts.authority,
    tokens: parts.tokens,
    power: parts.power,
    clusters: parts.clusters,
    audit: auditDesk(store, now),
    machines: () => roster.all().map(summary),
    find: (name) => found(roster, name).map(summary),
    meant: (name) => meantMachine(roster.all(), name),
    diagnose: async (machine) => await examine(parts, machine),
    capture(machine) {
      const frames = parts.frames.of(machine.macs)
      return frames.length === 0 ? undefined : writePcap(frames)
    },
    events: async (filter) => await newestEvents(store, filter),
    subscribe: (listener) => logbook.subscribe(listener),
    async retry(id) {
      const machine = roster.byId(id)
      if (machine === undefined) return refused(`no machine has the identifier ${id}`)
      const moved = roster.move(id, 'retry-asked', 'a person asked for another try', now())
      const change = joined(moved, goesRound(machine.rounds) ? roster.forgetRounds(id) : noChange)
      if (moved.machines.length === 0 && !goesRound(machine.rounds)) {
        return refused(
          `${id} is ${machine.state}; only a machine that failed, goes round, is quarantined or retired can be retried`,
        )
      }
      await logbook.keep(change)
      const lost = lostCredential(roster.byId(id) ?? machine, parts.enrolmentOf(id), now())
      if (lost === undefined) return { kind: 'done', remarks: [] }
      return {
        kind: 'done',
        remarks: [`its credential is ${lost.because}: the system on its disk has none. ${lost.nextStep}`],
      }
    },
    plan: async (machine) => await planBoot({ ...parts.boot, ...parts }, machine),
    approve: async (machine, order) => await approveMachine(parts, machine, order),
    release: parts.release,
    reinstall: async (machine, wish) => await reinstallMachine(parts, machine, wish),
    unapprove: async (machine) => await unapproveMachine(parts, machine),
    async bootNext(machine, action) {
      await parts.images.look()
      const because = whyNotNext(parts, machine, action)
      if (because !== undefined) return refused(because)
      await logbook.keep(roster.bootNext(machine.id, action, now()))
      return { kind: 'done' }
    },
  }
}

/** What would not be done at the next boot is refused now, with the reason. */
function whyNotNext(
  { roster, plans }: ApiDeskParts,
  machine: Machine,
  action: BootNextAction | undefined,
): string | undefined {
  const { id, macs, state, bootNext } = machine
  if (action === 'local') return undefined
  if (action === undefined) {
    const isWanted = bootNext !== undefined && bootNext.used === undefined
    return isWanted ? undefined : `nothing is wanted of the next boot of ${id}; it boots as the settings say`
  }
  const mac = roster.latestAttempt(id)?.mac ?? macs[0]
  const { approved, image, tooWeak } =
    mac === undefined
      ? { approved: false, image: undefined, tooWeak: undefined }
      : plans.intentFor(mac, machine)
  if (state === 'quarantined')
    return `${id} is quarantined; let it try again first: ironwake machines retry ${id}`
  if (!approved)
    return `${id} is not approved, and only an approved machine gets an image: ironwake machines approve ${id}`
  if (tooWeak !== undefined && action === 'image')
    return `${id} waits for its code to be compared: ${tooWeak}. Approve it by the code on its screen: ironwake machines approve CODE`
  return image?.kind === 'none' ? `${id} has no image: ${image.because}` : undefined
}

function refused(because: string): Done & { readonly kind: 'refused' } {
  return { kind: 'refused', because }
}

function found(roster: Roster, name: string): readonly Machine[] {
  const byId = roster.byId(name)
  if (byId !== undefined) return [byId]
  const mac = parseMac(name)
  const byMac = mac === undefined ? undefined : roster.byMac(mac)
  if (byMac !== undefined) return [byMac]
  const named = roster.all().filter((machine) => machine.hostname === name)
  if (named.length > 0) return named
  const code = parseClaimCode(name)
  const byClaim = code === undefined ? undefined : roster.byClaim(code)
  return byClaim === undefined ? [] : [byClaim]
}

function summaryOf(
  { roster, leases, networks, plans, enrolmentOf, now }: ApiDeskParts,
  summaries: WeakMap<Machine, MachineSummary>,
  machine: Machine,
): MachineSummary {
  const held = machine.macs
    .flatMap((mac) => networks.map((network) => leases.leaseOf(network.name, mac)))
    .filter((lease) => lease !== undefined)
    .toSorted((a, b) => b.since - a.since)
  const attempt = roster.latestAttempt(machine.id)
  const known = summaries.get(machine)
  const lost = lostCredential(machine, enrolmentOf(machine.id), now())
  const isSame = known?.attempt === attempt && known?.lease === held[0]
  if (known !== undefined && isSame && known.credentialLost?.nextStep === lost?.nextStep) return known
  const mac = attempt?.mac ?? machine.macs[0]
  const join = mac === undefined ? undefined : plans.joinOf(mac, machine)
  const written = machine.install?.disk
  const wanted = mac === undefined ? undefined : plans.diskWishOf(mac, machine)
  const tooWeak = mac === undefined ? undefined : plans.whyTooWeak(mac, machine)
  const summary = {
    machine,
    attempt,
    lease: held[0],
    identity: { ...identityTier(machine), ...(tooWeak === undefined ? {} : { tooWeak }) },
    ...(join === undefined ? {} : { join }),
    ...(written === undefined && wanted === undefined
      ? {}
      : {
          disk: {
            ...(written === undefined ? {} : { written }),
            ...(wanted === undefined ? {} : { wanted }),
          },
        }),
  }
  const { failure: cause } = machine
  // One that waits before its image has not asked its cluster yet.
  const isKeptOut = machine.state === 'approved' && tooWeak !== undefined
  const refusal = machine.join?.refusal ?? (isKeptOut ? ('identity-too-weak' as const) : undefined)
  const made = {
    ...summary,
    ...(lost === undefined ? {} : { credentialLost: lost }),
    ...(cause === undefined ? {} : { failure: { cause, ...failureCauses[cause] } }),
    ...(refusal === undefined ? {} : { joinRefused: { refusal, ...joinRefusals[refusal] } }),
  }
  summaries.set(machine, made)
  return made
}

/** The store gives at most this many at a time. */
const page = 1_000

/** The newest events that fit, oldest first. */
async function newestEvents(store: Store, filter: EventFilter): Promise<readonly RecordedEvent[]> {
  const newestFirst: RecordedEvent[] = []
  while (newestFirst.length < filter.limit) {
    const before = newestFirst.at(-1)?.id
    const limit = Math.min(page, filter.limit - newestFirst.length)
    const some = await store.events.list({ ...filter, limit, ...(before === undefined ? {} : { before }) })
    newestFirst.push(...some)
    if (some.length < limit) break
  }
  return newestFirst.toReversed()
}
