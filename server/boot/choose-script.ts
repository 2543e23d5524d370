import { duration } from '../events/sentence.ts'
import type { BootNextAction } from '../machines/boot-next.ts'
import { startsFromDisk } from '../machines/disk-install.ts'
import type { DiskSelector } from '../machines/disk-selector.ts'
import type { Machine } from '../machines/machine.ts'
import { goesRound, roundsForgottenMs, type Rounds } from '../machines/rounds.ts'
import type { Mac } from '../wire/mac.ts'

/** What the settings have in mind for a machine. */
export type Intent = {
  readonly approved: boolean
  /** What keeps an approval that it has from counting; absent, it has none. */
  readonly because?: string
  /** Why it is not given its image any more, though approved; absent, it is. */
  readonly spent?: string
  /** Why it is not known well enough for the cluster that it is for; absent, it is, or is for none. */
  readonly tooWeak?: string
  readonly method: 'ram' | 'disk' | 'autoinstall' | 'local'
  /** What runs in memory: with method `disk` the system that writes, with `autoinstall` the installer. */
  readonly image: ImageChoice
  /** With the methods `disk` and `autoinstall`. */
  readonly disk?: {
    readonly image: ImageChoice
    readonly selector: DiskSelector | undefined
    /** Who names the disk. */
    readonly by: 'approval' | 'settings'
    readonly wipe: 'allowed' | 'forbidden'
  }
}

export type ImageChoice =
  { readonly kind: 'image'; readonly name: string } | { readonly kind: 'none'; readonly because: string }

/** What the machine's boot script does. `once`: because a person wanted it of this boot. */
export type ScriptChoice =
  | { readonly kind: 'run-image'; readonly image: string; readonly because: string; readonly once?: true }
  /** Runs an image that writes another to the machine's disk. */
  | { readonly kind: 'install-disk'; readonly image: string; readonly because: string; readonly once?: true }
  /** Runs the installer of an image, which writes the machine's disk. */
  | { readonly kind: 'run-installer'; readonly image: string; readonly because: string; readonly once?: true }
  | { readonly kind: 'boot-local'; readonly because: string; readonly once?: true }
  | Shown<'wait'>
  /** What was `tried` led nowhere time after time. */
  | (Shown<'stop'> & { readonly tried: 'image' | 'disk' })

/** Tells a person at the screen of the machine, and goes to its own disk. */
type Shown<Kind> = {
  readonly kind: Kind
  readonly headline: string
  readonly because: string
  readonly nextStep: string
}

/**
 * Chooses the script of a machine that asks from `mac`; `due` is what a person wants of this boot. Whatever is not plainly
 * allowed ends at the machine's own disk.
 */
export function chooseScript(machine: Machine, mac: Mac, intent: Intent, due?: BootNextAction): ScriptChoice {
  if (due === 'local') {
    return { kind: 'boot-local', because: 'a person wants its own disk, this once', once: true }
  }
  if (machine.state === 'retired') {
    return { kind: 'boot-local', because: 'a person has taken it out of use' }
  }
  if (machine.state === 'quarantined') {
    return {
      kind: 'wait',
      headline: 'Ironwake has stopped booting this machine.',
      because: `it is quarantined: ${machine.stateBecause}${times(machine)}`,
      nextStep: `Mend the cause, then: ironwake machines retry ${machine.id}`,
    }
  }
  if (!intent.approved) {
    return {
      kind: 'wait',
      headline: 'This machine waits for approval by Ironwake.',
      because: `it is not approved${intent.because === undefined ? '' : `: ${intent.because}`}${times(machine)}`,
      nextStep: `On the box: ironwake machines approve ${machine.claim ?? mac}`,
    }
  }
  const nodeOnDisk = whyOwnNode(machine, intent)
  if (nodeOnDisk !== undefined) {
    if (goesRound(machine.rounds)) return diskIsStuck(machine.rounds)
    return { kind: 'boot-local', because: nodeOnDisk }
  }
  const ownDisk =
    intent.method === 'local' ? 'it is to boot its own disk (method: local)' : spentFor(machine, intent)
  if (ownDisk !== undefined && due === undefined) {
    if (goesRound(machine.rounds)) return diskIsStuck(machine.rounds)
    return { kind: 'boot-local', because: ownDisk }
  }
  if (isInstalling(intent) && due === undefined) {
    const own = ownSystem(machine, intent.method)
    if (own !== undefined) return own
  }
  // Without a credential its system could never become what it is for, and its disk would be written for nothing.
  if (intent.tooWeak !== undefined) {
    return {
      kind: 'wait',
      headline: 'This machine waits for a person to compare its code.',
      because: `${intent.tooWeak}${times(machine)}`,
      nextStep: `On the box: ironwake machines approve ${machine.claim ?? mac}`,
    }
  }
  const reasons = [intent.image, ...(intent.disk === undefined ? [] : [intent.disk.image])].flatMap(
    (image) => (image.kind === 'none' ? image.because : []),
  )
  const lacking = [...new Set(reasons)].join('; ')
  if (intent.image.kind === 'none' || lacking !== '') {
    return {
      kind: 'wait',
      headline: 'This machine waits for an image from Ironwake.',
      because: `${lacking}${times(machine)}`,
      nextStep: 'Name an image for it in ironwake.yaml and start Ironwake again',
    }
  }
  const image = intent.image.name
  if (intent.method === 'disk') return chooseInstall(machine, intent, image, due)
  if (intent.method === 'autoinstall') return chooseInstaller(machine, image, due)
  if (due === 'image') {
    return { kind: 'run-image', image, because: 'a person wants its image, this once', once: true }
  }
  if (goesRound(machine.rounds)) return imageIsStuck(machine, machine.rounds, image)
  return { kind: 'run-image', image, because: 'it is approved, and runs from memory (method: ram)' }
}

/**
 * A node whose system lies on its disk starts from there, whatever the settings say by now, and whatever was wanted of its
 * next boot: who wants it installed anew releases it first.
 */
function whyOwnNode({ state, install }: Machine, { method }: Intent): string | undefined {
  if (state !== 'joining' && state !== 'active' && state !== 'releasing') return undefined
  // A person wants it so, and its agent may have asked to join once more before it restarted.
  if (install?.again === 'reinstall') return undefined
  // One that runs from memory has lost its system with its power.
  if (method === 'ram' && install?.phase !== 'installed') return undefined
  return nodeWords[state]
}

const nodeWords = {
  joining: 'it is on its way into its cluster, and its system is on its disk',
  active: 'it is a node of its cluster, and its system is on its disk',
  releasing: 'it is being released from its cluster, and its system is on its disk',
} as const

/** Whether a machine is to have its system on its own disk, by whatever writes it. */
export function isInstalling({ method }: Pick<Intent, 'method'>): boolean {
  return method === 'disk' || method === 'autoinstall'
}

/** Another install that is wanted of a disk is given also where the approval has been spent by the one before. */
function spentFor({ install }: Machine, intent: Intent): string | undefined {
  return isInstalling(intent) && install?.again !== undefined ? undefined : intent.spent
}

/** A machine whose disk was written starts from it. */
function ownSystem({ install, rounds }: Machine, method: Intent['method']): ScriptChoice | undefined {
  if (!startsFromDisk(install)) return undefined
  if (goesRound(rounds)) return diskIsStuck(rounds)
  const because =
    install?.phase === 'written'
      ? 'its disk has been written, and its system is to start from there'
      : `it is installed on its disk (method: ${method})`
  return { kind: 'boot-local', because }
}

function chooseInstall(
  machine: Machine,
  { disk }: Intent,
  image: string,
  due: BootNextAction | undefined,
): ScriptChoice {
  const written = disk?.image.kind === 'image' ? disk.image.name : 'no image'
  if (due === 'image') {
    const because = `a person wants ${written} on its disk, this once`
    return { kind: 'install-disk', image, because, once: true }
  }
  if (goesRound(machine.rounds)) return imageIsStuck(machine, machine.rounds, image)
  const again = machine.install?.again
  const why =
    again === 'reinstall'
      ? `a person wants it installed again, with ${written} on its disk`
      : again === 'approved'
        ? `a person has approved it anew, and ${written} is to be written to its disk`
        : `it is approved, and ${written} is to be written to its disk (method: disk)`
  return { kind: 'install-disk', image, because: why }
}

function chooseInstaller(machine: Machine, image: string, due: BootNextAction | undefined): ScriptChoice {
  if (due === 'image') {
    const because = `a person wants the installer of ${image} run, this once`
    return { kind: 'run-installer', image, because, once: true }
  }
  if (goesRound(machine.rounds)) return imageIsStuck(machine, machine.rounds, image)
  const again = machine.install?.again
  const why =
    again === 'reinstall'
      ? 'a person wants it installed again'
      : again === 'approved'
        ? 'a person has approved it anew'
        : 'it is approved'
  const because = `${why}, and the installer of ${image} is to write its disk (method: autoinstall)`
  return { kind: 'run-installer', image, because }
}

const goesRoundHeadline = 'This machine goes round: it starts from the network again and again.'

function diskIsStuck(rounds: Rounds): ScriptChoice {
  return {
    kind: 'stop',
    tried: 'disk',
    headline: goesRoundHeadline,
    because: `it was sent to its own disk time after time (${counted(rounds)}), and came back`,
    nextStep: 'Look whether its disk has a system, and is in the boot order behind the network',
  }
}

function imageIsStuck({ id }: Machine, rounds: Rounds, image: string): ScriptChoice {
  const minutes = roundsForgottenMs / 60_000
  return {
    kind: 'stop',
    tried: 'image',
    headline: goesRoundHeadline,
    because: `it was to run the image ${image} time after time (${counted(rounds)}), and never had its kernel`,
    nextStep: `Mend the cause, then: ironwake machines retry ${id}; or leave it off for ${minutes} minutes`,
  }
}

/** For a machine that waits: that it came back, where it did so often. */
function times({ rounds }: Machine): string {
  return goesRound(rounds) ? ` (${counted(rounds)})` : ''
}

function counted({ count, since, latest }: Rounds): string {
  return `${count} boots in ${duration(Math.round((latest - since) / 1_000))}`
}
