import type { ScriptChoice } from '../boot/choose-script.ts'
import { distributionShim } from '../boot/programs.ts'
import { autoinstallFile } from '../cloud-init/autoinstall.ts'
import { parsePhoneHome } from '../cloud-init/parse-phone-home.ts'
import { parseReport } from '../cloud-init/parse-report.ts'
import { vendorDataWith } from '../cloud-init/seed-parts.ts'
import type { ApplianceEvent } from '../events/event.ts'
import type { BootDesk } from '../http/boot-app.ts'
import type { Arrival, Outcome } from '../http/outcome.ts'
import { parseBootQuery } from '../ipxe-scripts/parse-boot-query.ts'
import { renderChain } from '../ipxe-scripts/render-scripts.ts'
import type { RenderedScript } from '../ipxe-scripts/render-template.ts'
import { aboutMachine } from '../machines/about-machine.ts'
import type { ThisBoot } from '../machines/boot-next.ts'
import type { Sighting } from '../machines/identity.ts'
import type { Attempt, Machine } from '../machines/machine.ts'
import { joined, noChange, type RosterChange } from '../machines/roster-change.ts'
import type { Roster } from '../machines/roster.ts'
import { withoutAttempt, type ServedScript } from '../machines/served-script.ts'
import type { Whereabouts } from '../networks/whereabouts.ts'
import { parseIpv4, type Ipv4 } from '../wire/ipv4.ts'
import { isUnicastMac, type Mac } from '../wire/mac.ts'
import { printable } from '../wire/text.ts'
import { afterReport, afterReportOfDisk, bootOf, reporterOf } from './after-report.ts'
import type { Programs } from './boot-material.ts'
import { installerUrls, seedInMemory, seedOf, textOf, whatIsDone } from './boot-seed.ts'
import { boxUrl } from './box-url.ts'
import { holdVersion, runsAnImage } from './choose-for-boot.ts'
import type { EnrolmentDesk } from './enrolment-desk.ts'
import { grubDesk } from './grub-desk.ts'
import { installDesk } from './install-desk.ts'
import type { Logbook } from './logbook.ts'
import { filesFor, makeScript, thisBoot, type Made, type Runner, type ScriptParts } from './make-script.ts'
import { sightingOf } from './query-sighting.ts'

export type BootDeskParts = ScriptParts & {
  readonly enrolments: Pick<EnrolmentDesk, 'invite'>
  readonly logbook: Logbook
  readonly programs: Programs
  /** The certificate of the box's authority, as PEM; absent, there is none. */
  readonly authorityPem: string | undefined
  /** Learns who asks from an address. */
  readonly whereabouts: Whereabouts
  /** Who holds an address by a lease. */
  readonly holderOf: (address: Ipv4) => Mac | undefined
}

/** Reports one boot may send; cloud-init with all its modules sends about 150. */
const reportLimit = 2_000

/** What the boot listener asks: scripts, seeds and reports of single machines. */
export function bootDesk(parts: BootDeskParts): BootDesk {
  const { roster, logbook } = parts
  const reportCounts = new Map<string, number>()
  const grub = grubDesk({
    ...parts,
    scriptFor: async (arrival, sighting) => await scriptFor(parts, arrival, sighting, { language: 'grub' }),
  })

  return {
    chainScript: (arrival) => chainScriptFor(parts, arrival.to),
    authority() {
      const { authorityPem } = parts
      if (authorityPem === undefined) return refused(404, 'this box has no authority that can be used')
      return { kind: 'text', type: 'application/pem-certificate-chain', text: authorityPem }
    },
    bootScript: async (arrival, query) => await bootScript(parts, arrival, query),
    grubConfig: async (arrival, path) => await grub.configFor(arrival, path),
    program(_arrival, file) {
      const bytes = parts.programs.get(file)
      if (bytes === undefined) return refused(404, `there is no boot program ${printable(file)} on this box`)
      return {
        kind: 'bytes',
        bytes,
        type: file.endsWith('.efi') ? 'application/efi' : 'application/octet-stream',
      }
    },
    async seed(arrival, id, file) {
      const found = roster.byAttempt(id)
      if (found === undefined) return unknownAttempt
      const seed = seedInMemory(parts, arrival, { ...found, does: whatIsDone(found.machine, id) })
      if (seed.kind === 'refused') return refused(409, seed.because)
      const advanced = roster.advance(id, 'cloud-init', parts.now())
      await logbook.keep({
        ...advanced,
        happened: [{ kind: 'seed-served', ...aboutMachine(found.machine), attempt: id, file }],
      })
      return { kind: 'text', type: 'text/plain', text: textOf(seed.seed, file) }
    },
    async report(_arrival, id, body) {
      const found = reporterOf(roster, id)
      if (found === undefined) return unknownAttempt
      const count = (reportCounts.get(id) ?? 0) + 1
      if (count > reportLimit) return refused(429, `this boot has sent its ${reportLimit} reports`)
      reportCounts.set(id, count)
      if (reportCounts.size > 1_000) reportCounts.delete([...reportCounts.keys()][0] ?? '')
      const parsed = parseReport(body)
      if (parsed.kind === 'refused') {
        logbook.note({
          kind: 'report-refused',
          ...aboutMachine(found.machine),
          attempt: bootOf(found),
          because: parsed.because,
        })
        return refused(400, parsed.because)
      }
      await logbook.keep(
        found.from === 'disk'
          ? afterReportOfDisk(parts, found, parsed.report)
          : afterReport(parts, found, parsed.report),
      )
      return { kind: 'accepted' }
    },
    async phoneHome(_arrival, id, body) {
      const found = reporterOf(roster, id)
      if (found === undefined) return unknownAttempt
      const parsed = parsePhoneHome(body)
      if (parsed.kind === 'refused') {
        logbook.note({
          kind: 'report-refused',
          ...aboutMachine(found.machine),
          attempt: bootOf(found),
          because: parsed.because,
        })
        return refused(400, parsed.because)
      }
      const { hostname = '', instanceId } = parsed.phoneHome
      const told = {
        kind: 'phoned-home' as const,
        ...aboutMachine(found.machine),
        attempt: bootOf(found),
        hostname,
        instance: instanceId,
      }
      const change =
        found.from === 'disk'
          ? roster.heardOf(found.machine.id, parts.now())
          : roster.advance(id, 'cloud-init', parts.now())
      await logbook.keep({ ...change, happened: [told] })
      return { kind: 'accepted' }
    },
    install: installDesk({
      ...parts,
      seedOnDisk(arrival, { machine, attempt, install }, file) {
        const { vendorData: common } = parts.diskMaterial
        const vendor = vendorDataWith(common, ...parts.nodePartsOf(attempt.mac, machine))
        if (vendor.kind === 'refused') return refused(409, vendor.because)
        const seed = seedOf(parts, arrival, machine, attempt, { nonce: install.id, vendorData: vendor.text })
        if (seed.kind === 'refused') return refused(409, seed.because)
        return { kind: 'text', type: 'text/plain', text: textOf(seed.seed, file) }
      },
      installerFile(arrival, { attempt }, { name, udevSerial, path }) {
        const disk = { name, udevSerial, path }
        return autoinstallFile({ ...installerUrls(parts, arrival, attempt), disk })
      },
    }),
    tell: (event) => logbook.note(event),
  }
}

/** The script that every machine of a network gets first, the same for all. */
export function chainScriptFor(parts: BootDeskParts, serverAddress: string): Outcome {
  return scriptOutcome(
    renderChain(parts.templates, { url: `${boxUrl(serverAddress, parts.ports.http)}/boot.ipxe` }),
  )
}

async function bootScript(parts: BootDeskParts, arrival: Arrival, text: string): Promise<Outcome> {
  const query = parseBootQuery(text)
  const { mac } = query
  if (mac === undefined || !isUnicastMac(mac)) {
    return refused(400, 'mac= names no machine; chain.ipxe writes it by ${netX/mac:hexhyp}')
  }
  const shim = query.platform === 'efi' ? distributionShim(query.arch ?? '') : undefined
  return await scriptFor(parts, arrival, sightingOf(mac, query), { language: 'ipxe', shim })
}

/** What a machine's script says, whichever program runs it, and all that follows from its having been asked for. */
async function scriptFor(
  parts: BootDeskParts,
  arrival: Arrival,
  sighting: Sighting,
  runner: Runner,
): Promise<Outcome> {
  const { roster, logbook, now } = parts
  const { mac } = sighting
  const network = parts.networkAt(arrival)
  const address = parseIpv4(arrival.from)
  if (network?.mode === 'proxy' && address !== undefined) parts.whereabouts.note({ address, mac })
  // Before the records are touched: from then on nothing waits until what changed is on its way to the store.
  await parts.images.look()
  const made = makeScript(parts, arrival, sighting, runner)
  if (made.kind === 'no-record') {
    await logbook.keep(made.change)
    return refused(429, made.because)
  }
  const { machine, attempt, choice, rendered, change } = made
  if (rendered.kind === 'refused') {
    await logbook.keep(change)
    return refused(409, `its script cannot be made: ${rendered.because}`)
  }
  const served: RosterChange = {
    ...noChange,
    happened: [
      { kind: 'script-served', mac, script: choice.kind, because: choice.because },
      ...refusalOf(parts, made),
    ],
  }
  if (enrols(parts, arrival, made)) parts.enrolments.invite(machine, attempt)
  const after = joined(
    afterChoice(parts, machine, attempt, choice),
    bootNextAfter(roster, machine, choice, thisBoot(machine, attempt)),
  )
  logbook.served(servedOf(parts, { made, arrival, runner, at: now() }))
  const kept = logbook.keep(joined(change, served, after))
  const [, because] = await Promise.all([kept, holdVersion(parts, attempt.id, choice)])
  return because === undefined ? scriptOutcome(rendered) : refused(409, because)
}

/** Told where its identity is what keeps the machine from its image. */
function refusalOf(
  { plans }: ScriptParts,
  { machine, mac, choice, tooWeak }: Made,
): readonly ApplianceEvent[] {
  const cluster = plans.joinOf(mac, machine)?.cluster
  if (choice.kind !== 'wait' || tooWeak === undefined || cluster === undefined) return []
  if (machine.state === 'quarantined') return []
  return [{ kind: 'join-refused', mac, cluster, cause: 'identity-too-weak', because: tooWeak }]
}

/** A machine that is for a cluster, and gets a system of ours that can reach the API. */
function enrols(parts: ScriptParts, arrival: Arrival, { machine, mac, choice }: Made): boolean {
  if (!runsAnImage(choice) || parts.plans.whyTooWeak(mac, machine) !== undefined) return false
  return parts.apiPlace(arrival.to) !== undefined && parts.plans.joinOf(mac, machine) !== undefined
}

function servedOf(
  parts: ScriptParts,
  served: { readonly made: Made; readonly arrival: Arrival; readonly runner: Runner; readonly at: number },
): ServedScript {
  const { made, arrival, runner, at } = served
  const { machine, attempt, choice } = made
  const texts = filesFor(parts, arrival, made).flatMap((one): [string, string][] =>
    'text' in one ? [[one.file, withoutAttempt(one.text, machine.id, attempt.id)]] : [],
  )
  const { language } = runner
  const shim = runner.language === 'ipxe' ? runner.shim : undefined
  return {
    machine: machine.id,
    attempt: attempt.id,
    at,
    language,
    to: arrival.to,
    ...(shim === undefined ? {} : { shim }),
    script: choice.kind,
    files: Object.fromEntries(texts),
  }
}

/** What a person wants of a boot is done once; what could not be done in this one stays wanted. */
function bootNextAfter(roster: Roster, machine: Machine, choice: ScriptChoice, boot: ThisBoot): RosterChange {
  const isDone = 'once' in choice || machine.bootNext?.used !== undefined
  return isDone ? roster.usedBootNext(machine.id, boot) : noChange
}

/** A script that leads away from the network ends the attempt: nothing more will be heard of it. */
function afterChoice(
  parts: BootDeskParts,
  machine: Machine,
  attempt: Attempt,
  choice: ScriptChoice,
): RosterChange {
  const { roster, now } = parts
  const { because } = choice
  switch (choice.kind) {
    case 'run-image':
      return roster.move(machine.id, 'script-served', `it was told to run the image ${choice.image}`, now())
    case 'install-disk':
      return joined(
        roster.beginsInstall(machine.id, { attempt: attempt.id }, parts.chance),
        roster.move(machine.id, 'script-served', 'it was told to write its disk', now()),
      )
    case 'run-installer':
      return joined(
        roster.beginsInstall(machine.id, { attempt: attempt.id, by: 'installer' }, parts.chance),
        roster.move(
          machine.id,
          'script-served',
          `it was told to run the installer of ${choice.image}`,
          now(),
        ),
      )
    case 'boot-local':
      // A disk that was written counts as installed when its system says so.
      if (machine.install?.phase === 'written' && machine.state !== 'installed') return ended('local-disk')
      // What a person wanted once says nothing of what the machine is there for.
      return joined(choice.once === true ? noChange : ownDisk(), ended('local-disk'))
    case 'stop':
      return choice.tried === 'disk'
        ? joined(ownDisk(), ended('local-disk'))
        : joined(roster.move(machine.id, 'boot-abandoned', because, now()), ended('failed'))
    case 'wait':
      return ended('local-disk')
  }

  function ownDisk(): RosterChange {
    return roster.move(machine.id, 'boots-own-disk', because, now())
  }

  function ended(result: 'local-disk' | 'failed'): RosterChange {
    return roster.end(attempt.id, result, because, now())
  }
}

function scriptOutcome(rendered: RenderedScript): Outcome {
  if (rendered.kind === 'refused') return refused(409, rendered.because)
  return { kind: 'text', type: 'text/plain', text: rendered.text }
}

const unknownAttempt: Outcome = {
  kind: 'refused',
  status: 404,
  because: 'no boot of this number is under way; a machine that started again has a newer one',
}

function refused(status: (Outcome & { kind: 'refused' })['status'], because: string): Outcome {
  return { kind: 'refused', status, because }
}
