import { chooseScript, type ScriptChoice } from '../boot/choose-script.ts'
import { seedFiles } from '../http/boot-app.ts'
import type { PlannedFile } from '../http/boot-plan.ts'
import type { Arrival } from '../http/outcome.ts'
import type { ImageUses } from '../images/image-uses.ts'
import {
  renderGrubInstaller,
  renderGrubRam,
  renderInstaller,
  renderLocal,
  renderRam,
  renderWait,
} from '../ipxe-scripts/render-scripts.ts'
import type { RenderedScript } from '../ipxe-scripts/render-template.ts'
import type { ScriptLanguage, Templates } from '../ipxe-scripts/templates.ts'
import type { Standing } from '../machines/approval.ts'
import { dueIn, type ThisBoot } from '../machines/boot-next.ts'
import type { Chance } from '../machines/chance.ts'
import type { Sighting } from '../machines/identity.ts'
import { machineName } from '../machines/machine-name.ts'
import type { Attempt, Machine } from '../machines/machine.ts'
import { joined, type RosterChange } from '../machines/roster-change.ts'
import type { Roster } from '../machines/roster.ts'
import type { Loader, Network } from '../networks/network.ts'
import type { Mac } from '../wire/mac.ts'
import { seedInMemory, textOf, type SeedMakerParts } from './boot-seed.ts'
import { boxUrl } from './box-url.ts'
import { chooseForBoot, runsAnImage } from './choose-for-boot.ts'
import type { ImageShelf } from './image-shelf.ts'

/** What runs a script; for iPXE, also the shim that starts signed kernels on its machine. */
export type Runner =
  { readonly language: 'grub' } | { readonly language: 'ipxe'; readonly shim: string | undefined }

/** What making a script takes. */
export type ScriptParts = SeedMakerParts & {
  readonly roster: Roster
  readonly images: ImageShelf
  /** Which version of an image each boot runs. */
  readonly imageUses: ImageUses
  readonly templates: Templates
  readonly grubTemplates: Templates
  readonly now: () => number
  readonly chance: Chance
}

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

/** A boot, with the walk through boots that it belongs to. */
export function thisBoot({ rounds }: Machine, { id: attempt }: Attempt): ThisBoot {
  return rounds === undefined ? { attempt } : { attempt, walk: rounds.began }
}

const runners: Readonly<Record<ScriptLanguage, string>> = { ipxe: 'iPXE', grub: 'GRUB' }

/** Long enough to be read, and no hindrance to a machine that has its system after all. */
const stopSeconds = 10

/** Who boots, and by what. */
type Booting = {
  readonly machine: Machine
  readonly attempt: Attempt
  readonly mac: Mac
  readonly loader: Loader | undefined
}

function renderChoice(
  parts: ScriptParts,
  arrival: Arrival,
  who: Booting,
  choice: ScriptChoice,
  runner: Runner,
): RenderedScript {
  const { machine, mac } = who
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
    case 'run-image':
    case 'run-installer':
      return renderImage(parts, arrival, who, choice, runner)
  }
}

function renderImage(
  parts: ScriptParts,
  arrival: Arrival,
  { machine, attempt, mac, loader }: Booting,
  { kind, image }: ScriptChoice & { readonly image: string },
  runner: Runner,
): RenderedScript {
  const { ports, plans, templates, grubTemplates } = parts
  const box = boxUrl(arrival.to, ports.http)
  const folder = `${boxUrl(arrival.to, ports.delivery)}/images/${image}`
  const common = {
    hostname: machineName(machine, mac),
    image,
    seedUrl: `${box}/seed/${attempt.id}/`,
    kernelParameters: plans.settingsOf(mac).kernelParameters,
  }
  const installer = { isoUrl: `${folder}/installer.iso` }
  const method = kind === 'run-image' ? ('ram' as const) : ('disk' as const)
  const inMemory = { method, squashfsUrl: `${folder}/squashfs` }
  if (runner.language === 'grub') {
    const files = { ...common, mac, httpFolder: folder, tftpFolder: `tftp://${arrival.to}/images/${image}` }
    return kind === 'run-installer'
      ? renderGrubInstaller(grubTemplates, { ...files, ...installer })
      : renderGrubRam(grubTemplates, { ...files, ...inMemory })
  }
  const shim = loader === 'shim-ipxe' ? runner.shim : undefined
  const files = {
    ...common,
    ...(shim === undefined ? {} : { shimUrl: `${box}/programs/${shim}` }),
    kernelUrl: `${folder}/vmlinuz`,
    initrdUrl: `${folder}/initrd`,
  }
  return kind === 'run-installer'
    ? renderInstaller(templates, { ...files, ...installer })
    : renderRam(templates, { ...files, ...inMemory })
}
