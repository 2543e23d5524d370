import { distributionShim } from '../boot/programs.ts'
import { chooseScript, type ScriptChoice } from '../boot/choose-script.ts'
import { parseReport, type Report } from '../cloud-init/parse-report.ts'
import { parsePhoneHome } from '../cloud-init/parse-phone-home.ts'
import { seedFor, type Seed } from '../cloud-init/seed.ts'
import { seedFiles, type BootDesk, type SeedFile } from '../http/boot-app.ts'
import type { PlannedFile } from '../http/boot-plan.ts'
import type { ImageUses } from '../images/image-uses.ts'
import type { Arrival, Outcome } from '../http/outcome.ts'
import { parseBootQuery, type BootQuery } from '../ipxe-scripts/parse-boot-query.ts'
import {
  renderChain,
  renderGrubInstaller,
  renderGrubRam,
  renderInstaller,
  renderLocal,
  renderRam,
  renderWait,
} from '../ipxe-scripts/render-scripts.ts'
import type { RenderedScript } from '../ipxe-scripts/render-template.ts'
import type { ScriptLanguage, Templates } from '../ipxe-scripts/templates.ts'
import type { ApplianceEvent } from '../events/event.ts'
import type { Standing } from '../machines/approval.ts'
import { dueIn, type ThisBoot } from '../machines/boot-next.ts'
import type { DiskInstall } from '../machines/disk-install.ts'
import type { Sighting } from '../machines/identity.ts'
import type { Attempt, Machine } from '../machines/machine.ts'
import { machineName } from '../machines/machine-name.ts'
import { withoutAttempt, type ServedScript } from '../machines/served-script.ts'
import type { Chance } from '../machines/chance.ts'
import { joined, noChange, type RosterChange } from '../machines/roster-change.ts'
import type { Roster } from '../machines/roster.ts'
import type { Loader, Network } from '../networks/network.ts'
import type { Whereabouts } from '../networks/whereabouts.ts'
import { parseIpv4, type Ipv4 } from '../wire/ipv4.ts'
import { isUnicastMac, type Mac } from '../wire/mac.ts'
import { printable } from '../wire/text.ts'
import { autoinstallFile, autoinstallFor, installerPrograms } from '../cloud-init/autoinstall.ts'
import { vendorDataWith, type SeedParts } from '../cloud-init/seed-parts.ts'
import { diskWriterSeed } from '../cloud-init/disk-writer.ts'
import type { CloudValue } from '../cloud-init/write-yaml.ts'
import { enrolmentParts, type EnrolmentMaterial, type EnrolmentParts } from '../cloud-init/enrolment-parts.ts'
import { ramVendorData } from '../cloud-init/ram-vendor-data.ts'
import type { ApiPlace } from './api-place.ts'
import type { DiskMaterial, Programs } from './boot-material.ts'
import type { EnrolmentDesk } from './enrolment-desk.ts'
import { grubDesk } from './grub-desk.ts'
import { chooseForBoot, holdVersion, runsAnImage } from './choose-for-boot.ts'
import type { ImageShelf } from './image-shelf.ts'
import { failInstall, installDesk } from './install-desk.ts'
import type { Logbook } from './logbook.ts'
import type { Plans } from './plans.ts'

export type BootDeskParts = {
  readonly roster: Roster
  readonly logbook: Logbook
  readonly plans: Plans
  readonly images: ImageShelf
  /** Which version of an image each boot runs. */
  readonly imageUses: ImageUses
  readonly programs: Programs
  readonly templates: Templates
  readonly grubTemplates: Templates
  /** The cloud-config that all machines of the method `ram` have in common. */
  readonly vendorData: string
  /** What machines are given whose disk is written. */
  readonly diskMaterial: DiskMaterial
  /** What the seed of a machine brings that is to become a node; nothing for others. */
  readonly nodePartsOf: (mac: Mac, machine: Machine) => readonly SeedParts[]
  readonly enrolmentMaterial: EnrolmentMaterial
  readonly enrolments: Pick<EnrolmentDesk, 'invite' | 'openNonce'>
  /** Where a machine that asks at an address of the box reaches the API; `undefined` where it does not. */
  readonly apiPlace: (to: string) => ApiPlace | undefined
  /** The certificate of the box's authority, as PEM; absent, there is none. */
  readonly authorityPem: string | undefined
  readonly networkAt: (arrival: Arrival) => Network | undefined
  /** Learns who asks from an address. */
  readonly whereabouts: Whereabouts
  /** Who holds an address by a lease. */
  readonly holderOf: (address: Ipv4) => Mac | undefined
  readonly ports: { readonly http: number; readonly delivery: number }
  readonly now: () => number
  readonly chance: Chance
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
        happened: [{ kind: 'seed-served', ...about(found.machine), attempt: id, file }],
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
          ...about(found.machine),
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
          ...about(found.machine),
          attempt: bootOf(found),
          because: parsed.because,
        })
        return refused(400, parsed.because)
      }
      const { hostname = '', instanceId } = parsed.phoneHome
      const told = {
        kind: 'phoned-home' as const,
        ...about(found.machine),
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
    renderChain(parts.templates, { url: `${base(serverAddress, parts.ports.http)}/boot.ipxe` }),
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

/** What runs a script; for iPXE, also the shim that starts signed kernels on its machine. */
export type Runner =
  { readonly language: 'grub' } | { readonly language: 'ipxe'; readonly shim: string | undefined }

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

/** What making a script takes. */
export type ScriptParts = Omit<BootDeskParts, 'logbook' | 'whereabouts' | 'programs' | 'holderOf'>

/** A script, and all that it comes of. */
export type Made = {
  readonly kind: 'made'
  readonly network: Network | undefined
  readonly mac: Mac
  /** As it is after it has asked. */
  readonly machine: Machine
  readonly attempt: Attempt
  readonly clash: string | undefined
  readonly standing: Standing
  /** Why it is not known well enough for the cluster that it is for. */
  readonly tooWeak: string | undefined
  readonly choice: ScriptChoice
  readonly rendered: RenderedScript
  readonly change: RosterChange
}

/** Makes the script of a machine that asks, and changes nothing but the roster it is given. */
export function makeScript(
  parts: ScriptParts,
  arrival: Arrival,
  sighting: Sighting,
  runner: Runner,
): Made | { readonly kind: 'no-record'; readonly because: string; readonly change: RosterChange } {
  const { roster, plans, now, chance } = parts
  const { mac } = sighting
  const network = parts.networkAt(arrival)
  const because = `${runners[runner.language]} asked for its script`
  const clash = roster.clashOf(sighting, now())
  const where = network === undefined ? {} : { network: network.name }
  const seen = roster.see({ stage: 'script', sighting, because, ...where }, now(), chance)
  const known = roster.byMac(mac)
  const attempt = known === undefined ? undefined : roster.latestAttempt(known.id)
  if (known === undefined || attempt === undefined) {
    const full = 'this box records no more machines, or no more cards of this one; its log says which'
    return { kind: 'no-record', because: full, change: seen }
  }
  const named = roster.rename(known.id, plans.hostnameOf(network, mac, known))
  const intent = plans.intentFor(mac, known, clash)
  const standing = plans.standingOf(mac, known, clash)
  const approval = roster.stands(known.id, mac, standing, now())
  const machine = roster.byId(known.id) ?? known
  const boot = thisBoot(machine, attempt)
  const choice = chooseForBoot(parts, attempt.id, intent, (wanted) =>
    chooseScript(machine, mac, wanted, dueIn(machine.bootNext, boot)),
  )
  const loader = network === undefined ? undefined : plans.loaderOf(network, mac)
  const rendered = renderChoice(parts, arrival, { machine, attempt, mac, loader }, choice, runner)
  const change = joined(seen, named, approval)
  const { tooWeak } = intent
  return { kind: 'made', network, mac, machine, attempt, clash, standing, tooWeak, choice, rendered, change }
}

/** The script, and the files of the seed that it leads to. */
export function filesFor(parts: ScriptParts, arrival: Arrival, made: Made): readonly PlannedFile[] {
  const { machine, attempt, choice, rendered } = made
  const script: PlannedFile =
    rendered.kind === 'refused'
      ? { file: 'script', refused: rendered.because }
      : { file: 'script', text: rendered.text }
  if (!runsAnImage(choice)) return [script]
  const seed = seedInMemory(parts, arrival, { machine, attempt, does: choice.kind })
  const files = seedFiles.map((file): PlannedFile =>
    seed.kind === 'refused' ? { file, refused: seed.because } : { file, text: textOf(seed.seed, file) },
  )
  return [script, ...files]
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

function thisBoot({ rounds }: Machine, { id: attempt }: Attempt): ThisBoot {
  return rounds === undefined ? { attempt } : { attempt, walk: rounds.began }
}

/** What a person wants of a boot is done once; what could not be done in this one stays wanted. */
function bootNextAfter(roster: Roster, machine: Machine, choice: ScriptChoice, boot: ThisBoot): RosterChange {
  const isDone = 'once' in choice || machine.bootNext?.used !== undefined
  return isDone ? roster.usedBootNext(machine.id, boot) : noChange
}

const runners: Readonly<Record<ScriptLanguage, string>> = { ipxe: 'iPXE', grub: 'GRUB' }

function sightingOf(mac: Mac, query: BootQuery): Sighting {
  return {
    mac,
    uuid: query.uuid,
    serial: boardText(query.serial),
    manufacturer: boardText(query.manufacturer),
    product: boardText(query.product),
    firmware: firmwareNames.get(query.platform ?? ''),
  }
}

/** iPXE's words for the firmware below it, in the words of `dhcp/architectures`. */
const firmwareNames: ReadonlyMap<string, string> = new Map([
  ['efi', 'uefi'],
  ['pcbios', 'bios'],
])

/** What board makers leave where they wrote nothing. */
const unwritten = new Set([
  'to be filled by o.e.m.',
  'not specified',
  'default string',
  'none',
  'unknown',
  '0',
  '123456789',
])

function boardText(text: string | undefined): string | undefined {
  return text === undefined || unwritten.has(text.toLowerCase()) ? undefined : text
}

/** Long enough to be read, and no hindrance to a machine that has its system after all. */
const stopSeconds = 10

function renderChoice(
  parts: ScriptParts,
  arrival: Arrival,
  who: {
    readonly machine: Machine
    readonly attempt: Attempt
    readonly mac: Mac
    readonly loader: Loader | undefined
  },
  choice: ScriptChoice,
  runner: Runner,
): RenderedScript {
  const { ports, plans } = parts
  const { machine, attempt, mac, loader } = who
  const { language } = runner
  const templates = language === 'grub' ? parts.grubTemplates : parts.templates
  switch (choice.kind) {
    case 'boot-local':
      return renderLocal(templates, { because: choice.because }, language)
    case 'wait':
    case 'stop': {
      const { headline, because, nextStep } = choice
      const { claim, uuid, serial } = machine
      const seconds = choice.kind === 'stop' ? { seconds: stopSeconds } : {}
      const values = { claim, mac, uuid, serial, headline, because, nextStep, ...seconds }
      return renderWait(templates, values, language)
    }
    case 'install-disk':
    case 'run-image': {
      const image = `${base(arrival.to, ports.delivery)}/images/${choice.image}`
      const values = {
        hostname: machineName(machine, mac),
        method: choice.kind === 'run-image' ? ('ram' as const) : ('disk' as const),
        image: choice.image,
        squashfsUrl: `${image}/squashfs`,
        seedUrl: `${base(arrival.to, ports.http)}/seed/${attempt.id}/`,
        kernelParameters: plans.settingsOf(mac).kernelParameters,
      }
      if (runner.language === 'ipxe') {
        const shim = loader === 'shim-ipxe' ? runner.shim : undefined
        const programs = `${base(arrival.to, ports.http)}/programs`
        return renderRam(templates, {
          ...values,
          ...(shim === undefined ? {} : { shimUrl: `${programs}/${shim}` }),
          kernelUrl: `${image}/vmlinuz`,
          initrdUrl: `${image}/initrd`,
        })
      }
      const tftpFolder = `tftp://${arrival.to}/images/${choice.image}`
      return renderGrubRam(templates, { ...values, mac, httpFolder: image, tftpFolder })
    }
    case 'run-installer': {
      const image = `${base(arrival.to, ports.delivery)}/images/${choice.image}`
      const values = {
        hostname: machineName(machine, mac),
        image: choice.image,
        isoUrl: `${image}/installer.iso`,
        seedUrl: `${base(arrival.to, ports.http)}/seed/${attempt.id}/`,
        kernelParameters: plans.settingsOf(mac).kernelParameters,
      }
      if (runner.language === 'grub') {
        const tftpFolder = `tftp://${arrival.to}/images/${choice.image}`
        return renderGrubInstaller(templates, { ...values, mac, httpFolder: image, tftpFolder })
      }
      const shim = loader === 'shim-ipxe' ? runner.shim : undefined
      const programs = `${base(arrival.to, ports.http)}/programs`
      return renderInstaller(templates, {
        ...values,
        ...(shim === undefined ? {} : { shimUrl: `${programs}/${shim}` }),
        kernelUrl: `${image}/vmlinuz`,
        initrdUrl: `${image}/initrd`,
      })
    }
  }
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

/** The last stage of cloud-init; its end is the end of the boot (cloud-init, `main.py`, modules:final). */
const lastStage = 'modules-final'

function afterReport(
  parts: BootDeskParts,
  found: { readonly machine: Machine; readonly attempt: Attempt },
  report: Report,
): RosterChange {
  const { roster, now } = parts
  const { machine, attempt } = found
  if (isInstaller(machine, attempt) && report.origin === installerOrigin) {
    return afterReportOfInstaller(parts, found, report)
  }
  const common = {
    ...about(machine),
    attempt: attempt.id,
    stage: report.name,
    description: report.description,
  }
  const advanced = roster.advance(attempt.id, 'cloud-init', now())
  if (report.kind !== 'finish') {
    return { ...advanced, happened: [{ kind: 'cloud-init-started', ...common }] }
  }
  const told: RosterChange = {
    ...advanced,
    happened: [{ kind: 'cloud-init-finished', ...common, result: report.result }],
  }
  if (report.name !== lastStage || attempt.endedAt !== undefined) return told
  // The installer begins where cloud-init ends.
  if (isInstaller(machine, attempt)) return told
  if (machine.install?.attempt === attempt.id) {
    const because = 'cloud-init has finished, and the disk is not written'
    return joined(told, failInstall(roster, found, { cause: 'stopped-early', because, now: now() }))
  }
  const failed = report.result === 'FAIL'
  const because = failed ? `cloud-init failed: ${report.description}` : 'cloud-init has finished'
  return joined(
    told,
    roster.move(machine.id, failed ? 'cloud-init-failed' : 'cloud-init-finished', because, now()),
    roster.end(attempt.id, failed ? 'failed' : 'installed', because, now()),
  )
}

/** Subiquity reports by the library of curtin (`ReportingController`), and names it as where its reports come from. */
const installerOrigin = 'curtin'

function isInstaller({ install }: Machine, { id }: Attempt): boolean {
  return install?.attempt === id && install.by === 'installer'
}

/** Each step begins the time limit anew: an installer that still reports is at work. */
function afterReportOfInstaller(
  { roster, now }: BootDeskParts,
  { machine, attempt }: { readonly machine: Machine; readonly attempt: Attempt },
  report: Report,
): RosterChange {
  const change = joined(roster.advance(attempt.id, 'cloud-init', now()), roster.fetching(attempt.id, now()))
  const { name: step, description } = report
  const common = { ...about(machine), attempt: attempt.id, step, description }
  switch (report.kind) {
    case 'start':
      return { ...change, happened: [{ kind: 'installer-began', ...common }] }
    case 'finish':
      return { ...change, happened: [{ kind: 'installer-finished', ...common, result: report.result }] }
    case 'note':
      return { ...change, happened: [{ kind: 'installer-said', ...common, level: report.eventType }] }
  }
}

/** What the system does that a boot has in memory. */
type Doing = 'run-image' | 'install-disk' | 'run-installer'

function whatIsDone({ install }: Machine, attempt: string): Doing {
  if (install?.attempt !== attempt) return 'run-image'
  return install.by === 'installer' ? 'run-installer' : 'install-disk'
}

function installerUrls(
  { ports }: ScriptParts,
  arrival: Arrival,
  { id, mac }: Attempt,
): { readonly mac: Mac; readonly reportUrl: string; readonly installUrl: string } {
  const url = base(arrival.to, ports.http)
  return { mac, reportUrl: `${url}/report/${id}`, installUrl: `${url}/install/${id}` }
}

/** The seed of the system that a boot has in memory: it is the node, or writes the node's disk. */
function seedInMemory(
  parts: ScriptParts,
  arrival: Arrival,
  { machine, attempt, does }: { readonly machine: Machine; readonly attempt: Attempt; readonly does: Doing },
): ReturnType<typeof seedFor> {
  const common = parts.vendorData
  const nonce = attempt.id
  const enrolment = enrolmentOf(parts, arrival, machine, attempt)
  const { askBox, writeDisk, leadInstaller } = parts.diskMaterial
  if (does === 'run-installer') {
    const autoinstall = autoinstallFor(installerUrls(parts, arrival, attempt))
    if (autoinstall.kind === 'refused') return autoinstall
    const programs = installerPrograms({ common, askBox, program: leadInstaller, enrolment })
    if (programs.kind === 'refused') return programs
    return seedOf(parts, arrival, machine, attempt, {
      nonce,
      vendorData: programs.text,
      autoinstall: autoinstall.value,
    })
  }
  const url = `${base(arrival.to, parts.ports.http)}/install/${attempt.id}`
  const written =
    does === 'run-image'
      ? ramVendorData(common, enrolment, parts.nodePartsOf(attempt.mac, machine))
      : diskWriterSeed({ common, askBox, program: writeDisk, url, enrolment })
  if (written.kind === 'refused') return written
  return seedOf(parts, arrival, machine, attempt, { nonce, vendorData: written.text })
}

/** A nonce that was used stands in no seed any more. */
function enrolmentOf(
  parts: ScriptParts,
  arrival: Arrival,
  machine: Machine,
  attempt: Attempt,
): EnrolmentParts | undefined {
  const place = parts.apiPlace(arrival.to)
  if (place === undefined || parts.plans.joinOf(attempt.mac, machine) === undefined) return undefined
  const isKnown = parts.plans.whyTooWeak(attempt.mac, machine) === undefined
  const nonce = isKnown ? parts.enrolments.openNonce(machine.id, attempt.id) : undefined
  const invitation = nonce === undefined ? place : { ...place, nonce }
  return enrolmentParts(invitation, parts.enrolmentMaterial, base(arrival.to, parts.ports.http))
}

/** Who reports under a nonce: a system in memory by that of its boot, one on a disk by that of its install. */
function reporterOf(roster: Roster, id: string): Reporter | undefined {
  const booted = roster.byAttempt(id)
  if (booted !== undefined) return { from: 'memory', ...booted }
  const installed = roster.byInstall(id)
  return installed === undefined ? undefined : { from: 'disk', ...installed }
}

type Reporter =
  | { readonly from: 'memory'; readonly machine: Machine; readonly attempt: Attempt }
  | { readonly from: 'disk'; readonly machine: Machine; readonly install: DiskInstall }

/** The boot in whose timeline it belongs. */
function bootOf(reporter: Reporter): string {
  return reporter.from === 'disk' ? reporter.install.attempt : reporter.attempt.id
}

/** The system on the disk reports: what it says belongs to the boot that wrote it. */
function afterReportOfDisk(
  { roster, now }: BootDeskParts,
  { machine, install }: { readonly machine: Machine; readonly install: DiskInstall },
  report: Report,
): RosterChange {
  const common = {
    ...about(machine),
    attempt: install.attempt,
    stage: report.name,
    description: report.description,
  }
  const heard = roster.heardOf(machine.id, now())
  if (report.kind !== 'finish') {
    return { ...heard, happened: [{ kind: 'cloud-init-started', ...common }] }
  }
  const told: RosterChange = {
    ...heard,
    happened: [{ kind: 'cloud-init-finished', ...common, result: report.result }],
  }
  if (report.name !== lastStage || install.phase !== 'written') return told
  if (report.result === 'FAIL') {
    const because = `cloud-init failed on its disk: ${report.description}`
    return joined(told, roster.move(machine.id, 'cloud-init-failed', because, now()))
  }
  return joined(
    told,
    roster.advancesInstall(machine.id, { phase: 'installed' }),
    roster.move(machine.id, 'cloud-init-finished', 'cloud-init has finished on its disk', now()),
  )
}

function seedOf(
  parts: ScriptParts,
  arrival: Arrival,
  machine: Machine,
  attempt: Attempt,
  {
    nonce,
    vendorData,
    autoinstall,
  }: { readonly nonce: string; readonly vendorData: string; readonly autoinstall?: CloudValue },
): ReturnType<typeof seedFor> {
  const { mac } = attempt
  const domain = parts.networkAt(arrival)?.domain
  const url = base(arrival.to, parts.ports.http)
  return seedFor({
    instanceId: `${machine.id}-${nonce.slice(0, 8)}`,
    hostname: machineName(machine, mac),
    mac,
    reportUrl: `${url}/report/${nonce}`,
    phoneHomeUrl: `${url}/phone-home/${nonce}`,
    sshAuthorizedKeys: parts.plans.settingsOf(mac).sshAuthorizedKeys,
    vendorData,
    ...(autoinstall === undefined ? {} : { autoinstall }),
    ...(domain === undefined ? {} : { domain }),
  })
}

function textOf(seed: Seed, file: SeedFile): string {
  switch (file) {
    case 'meta-data':
      return seed.metaData
    case 'user-data':
      return seed.userData
    case 'vendor-data':
      return seed.vendorData
    case 'network-config':
      return seed.networkConfig
  }
}

function about(machine: Machine): { mac?: Mac } {
  const mac = machine.macs[0]
  return mac === undefined ? {} : { mac }
}

function base(address: string, port: number): string {
  return `http://${address}:${port}`
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
