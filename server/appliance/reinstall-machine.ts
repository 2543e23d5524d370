import { isInstalling } from '../boot/choose-script.ts'
import type { Approved } from '../http/api-app.ts'
import type { PowerDesk, Powered } from '../http/power-desk.ts'
import { identityInWords } from '../machines/disk-guard.ts'
import type { Machine } from '../machines/machine.ts'
import type { Roster } from '../machines/roster.ts'
import type { ImageShelf } from './image-shelf.ts'
import type { Logbook } from './logbook.ts'
import type { Plans } from './plans.ts'

export type ReinstallParts = {
  readonly roster: Roster
  readonly logbook: Logbook
  readonly plans: Plans
  readonly images: ImageShelf
  readonly power: Pick<PowerDesk, 'startFromNetwork'>
  /** Why its cluster cannot do without a machine; `undefined` where it can. */
  readonly whyKeep: (machine: Machine, way: 'reinstall') => string | undefined
  readonly now: () => number
}

/**
 * A person wants a machine installed again, as it is approved now, on the disk that this box wrote. Its BMC starts it from the
 * network where the settings name one; else it is woken, in case it is off. A control plane that others need is kept, unless by force.
 */
export async function reinstallMachine(
  parts: ReinstallParts,
  { id }: Machine,
  { mode }: { readonly mode: 'orderly' | 'force' },
): Promise<Approved> {
  const { roster, logbook, now } = parts
  await parts.images.look()
  // As it is now, and not before the images were looked at.
  const machine = roster.byId(id)
  if (machine === undefined) return { kind: 'refused', because: `${id} is not on record any more` }
  const because = whyNot(parts, machine)
  if (because !== undefined) return { kind: 'refused', because }
  const needed = mode === 'force' ? undefined : parts.whyKeep(machine, 'reinstall')
  if (needed !== undefined) return { kind: 'refused', because: `${id} is not installed again: ${needed}` }
  await logbook.keep(roster.reinstall(machine.id, now()))
  const started = await parts.power.startFromNetwork(machine)
  return { kind: 'done', remarks: [...remarksOn(machine), startInWords(machine, started)] }
}

/** What the person has to do yet. */
function startInWords({ id }: Machine, started: Powered): string {
  if (started.kind === 'refused') {
    return `its power did not start it from the network: ${started.because} Start it from there by hand`
  }
  const { way, state } = started
  if (way !== 'wake-on-lan') return `it is being started from the network now, by ${way} (it is ${state})`
  return `this box can only wake it, which it did: if ${id} is on, restart it from the network by hand`
}

function whyNot({ roster, plans }: ReinstallParts, machine: Machine): string | undefined {
  const { id, macs, state, install } = machine
  if (state === 'releasing') return `${id} is being released; wait until that is done`
  if (state === 'retired') return `${id} is retired; let it in again first: ironwake machines retry ${id}`
  const mac = roster.latestAttempt(id)?.mac ?? macs[0]
  if (mac === undefined) return `${id} has no network card any more: another machine has taken it`
  const intent = plans.intentFor(mac, machine)
  if (!intent.approved) return `${id} is not approved: ironwake machines approve ${id}`
  if (!isInstalling(intent)) {
    return intent.method === 'ram'
      ? `${id} runs from memory (method: ram), so that each of its boots is a new system; start it from the network`
      : `${id} boots its own disk (method: local), which this box does not write; approve it with --method disk`
  }
  if (install === undefined) {
    return `this box has written no disk of ${id} yet; it is installed at its next boot from the network`
  }
  if (install.again === 'approved') {
    return `${id} is to be installed again already, by its newest approval; start it from the network`
  }
  if (install.phase !== 'written' && install.phase !== 'installed') {
    return `an install of ${id} has begun and not come to its end; it goes on at its next boot from the network`
  }
  if (install.disk === undefined) {
    return `which disk of ${id} was written is not on record; approve it anew, and say which: --disk … --wipe`
  }
  const lacking = [intent.image, intent.disk?.image].find((image) => image?.kind === 'none')
  return lacking?.kind === 'none' ? `${id} has no image: ${lacking.because}` : undefined
}

function remarksOn({ id, state, install }: Machine): readonly string[] {
  const disk = install?.disk === undefined ? 'its disk' : `its disk (${identityInWords(install.disk)})`
  return [
    `what ${disk} holds is written over then`,
    ...(state === 'active' || state === 'joining'
      ? [
          `its Node stays in the cluster until then; \`ironwake machines release ${id}\` moves its pods away first`,
        ]
      : []),
  ]
}
