import type { Intent } from '../boot/choose-script.ts'
import type { WrittenYaml } from '../cloud-init/write-yaml.ts'
import type { ApplianceEvent } from '../events/event.ts'
import type { InstallDesk, InstallWord, SeedFile } from '../http/boot-app.ts'
import type { Arrival, Outcome } from '../http/outcome.ts'
import type { ImageUses } from '../images/image-uses.ts'
import { diskInWords } from '../machines/choose-disk.ts'
import { identityOf } from '../machines/disk-guard.ts'
import type { DiskInstall } from '../machines/disk-install.ts'
import { installFailures, isInstallFailure, type InstallFailure } from '../machines/install-failures.ts'
import type { Disk, Inventory } from '../machines/inventory.ts'
import type { Attempt, Machine } from '../machines/machine.ts'
import { parseInventory } from '../machines/parse-inventory.ts'
import { joined, noChange, type RosterChange } from '../machines/roster-change.ts'
import type { Roster } from '../machines/roster.ts'
import { printable } from '../wire/text.ts'
import { chooseTarget, type ChosenTarget } from './choose-target.ts'
import type { DiskFile, ImageShelf } from './image-shelf.ts'
import type { Logbook } from './logbook.ts'
import type { Plans } from './plans.ts'

export type InstallDeskParts = {
  readonly roster: Roster
  readonly logbook: Logbook
  readonly plans: Plans
  readonly images: ImageShelf
  readonly imageUses: ImageUses
  readonly ports: { readonly delivery: number }
  readonly now: () => number
  /** A file of the seed that the system on the disk is given. */
  readonly seedOnDisk: (arrival: Arrival, installing: Installing, file: SeedFile) => Outcome
  /** The configuration of the installer that is to write this disk. */
  readonly installerFile: (arrival: Arrival, installing: Installing, disk: Disk) => WrittenYaml
}

/** A machine whose boot under way is to write its disk. */
export type Installing = {
  readonly machine: Machine
  readonly attempt: Attempt
  readonly install: DiskInstall
}

/** Of a disk that takes an hour, each ten seconds, and five times as much again. */
const mostWords = 2_000
/** Of the words about progress so many become events. */
const progressEachMs = 5_000

type Heard = { words: number; toldAt: number; chosenAt: number; byteCount: number }

/** What the program asks and tells that writes a machine's disk. Nothing is answered to a boot that is not to write one. */
export function installDesk(parts: InstallDeskParts): InstallDesk {
  const { roster, logbook, now } = parts
  const heard = new Map<string, Heard>()

  return {
    async word(arrival, id, word, body) {
      const found = installingOf(id)
      if (found === undefined) return isHeardWritten(id, word, body) ? { kind: 'accepted' } : notInstalling
      const words = heardOf(id)
      words.words++
      // How it ends is heard all the same: else a disk that is slower than any would be written over and over.
      if (words.words > mostWords && word !== 'ended') {
        return refused(429, `this boot has said its ${mostWords} words`)
      }
      if (word === 'disks') return await disks(arrival, id, body)
      if (found.install.phase !== 'writing') {
        if (word === 'ended' && body.startsWith('failed ')) return await ended(found, body)
        return refused(409, 'it was not told to write anything')
      }
      switch (word) {
        case 'progress':
          return await progress(found, body)
        case 'note':
          logbook.note({ kind: 'disk-note', ...about(found), note: printable(body.trim(), 300) })
          return { kind: 'accepted' }
        case 'ended':
          return await ended(found, body)
      }
    },
    async seed(arrival, id, file) {
      const found = installingOf(id)
      if (found?.install.phase !== 'writing') return notInstalling
      const outcome = await Promise.resolve(parts.seedOnDisk(arrival, found, file))
      if (outcome.kind !== 'text') return outcome
      await logbook.keep({ ...noChange, happened: [{ kind: 'seed-served', ...about(found), file }] })
      return outcome
    },
  }

  /** A machine says it again whose first word was noted, and not answered before the box went down. */
  function isHeardWritten(id: string, word: InstallWord, body: string): boolean {
    return word === 'ended' && body.trim() === 'written' && roster.byAttempt(id)?.attempt.result === 'written'
  }

  function installingOf(id: string): Installing | undefined {
    const found = roster.byAttempt(id)
    const install = found?.machine.install
    if (found === undefined || install?.attempt !== id || found.attempt.endedAt !== undefined)
      return undefined
    return { ...found, install }
  }

  function heardOf(id: string): Heard {
    const known = heard.get(id) ?? {
      words: 0,
      toldAt: Number.NEGATIVE_INFINITY,
      chosenAt: now(),
      byteCount: 0,
    }
    heard.set(id, known)
    if (heard.size > 1_000) heard.delete([...heard.keys()][0] ?? '')
    return known
  }

  async function disks(arrival: Arrival, id: string, body: string): Promise<Outcome> {
    await parts.images.look()
    // As it is now, and not before the images were looked at: its approval may have been taken back.
    const found = installingOf(id)
    if (found === undefined) return notInstalling
    const parsed = parseInventory(body)
    if (parsed.kind === 'refused') return await fails(found, 'inventory-refused', parsed.because)
    const { inventory } = parsed
    const taken = joined(
      roster.fetching(found.attempt.id, now()),
      roster.takesInventory(found.machine.id, inventory, now()),
      { ...noChange, happened: [inventoryTaken(found, inventory)] },
    )
    const chosen = choose(parts, found, inventory)
    if (chosen.kind === 'refused') return await fails(found, chosen.cause, chosen.because, taken)
    const { disk, image, because } = chosen
    const order = orderFor(parts, arrival, found, chosen)
    if (order.kind === 'refused') return await fails(found, 'disk-unclear', order.because, taken)
    const writing = roster.advancesInstall(found.machine.id, {
      phase: 'writing',
      image,
      disk: identityOf(disk),
    })
    const told: ApplianceEvent = {
      kind: 'disk-chosen',
      ...about(found),
      disk: diskInWords(disk),
      image,
      because,
    }
    heardOf(found.attempt.id).chosenAt = now()
    // On disk before the machine hears of it: from then on its data are what this install writes.
    await Promise.all([
      logbook.keep(joined(taken, writing, { ...noChange, happened: [told] })),
      // An installer has its image in memory, whatever becomes of it here.
      chosen.writes === 'installer' ? undefined : parts.imageUses.begin(`${found.attempt.id}-disk`, image),
    ])
    return text([
      'write',
      `disk ${disk.name}`,
      `bytes ${disk.bytes}`,
      `serial ${disk.serial ?? ''}`,
      ...order.lines,
    ])
  }

  async function progress(found: Installing, body: string): Promise<Outcome> {
    const written = /^[0-9]{1,15}$/.test(body.trim()) ? Number(body.trim()) : undefined
    const of = diskOf(parts, found)?.unpackedByteCount
    if (written === undefined || of === undefined) return refused(400, 'this is no number of bytes')
    const last = heardOf(found.attempt.id)
    // A disk that stands still is called failed at its time, whatever its machine goes on saying.
    const change = written > last.byteCount ? roster.fetching(found.attempt.id, now()) : noChange
    last.byteCount = written
    const isNews = now() - last.toldAt >= progressEachMs
    if (isNews) last.toldAt = now()
    const told: ApplianceEvent = {
      kind: 'disk-progress',
      ...about(found),
      byteCount: Math.min(written, of),
      of,
    }
    await logbook.keep({ ...change, happened: isNews ? [told] : [] })
    return { kind: 'accepted' }
  }

  async function ended(found: Installing, body: string): Promise<Outcome> {
    const [first = '', ...rest] = body.split('\n')
    const cause = first.replace(/^failed /, '')
    if (first.startsWith('failed ') && isInstallFailure(cause)) {
      return await fails(found, cause, printable(rest.join(' ').trim(), 300))
    }
    if (first !== 'written') return refused(400, 'it ended neither as written nor as failed, with a cause')
    const { machine, attempt, install } = found
    const because = `${install.image ?? 'the image'} is on its disk`
    const told: ApplianceEvent = {
      kind: 'disk-written',
      ...about(found),
      disk: install.disk?.serial ?? install.disk?.wwn ?? install.disk?.path ?? 'its disk',
      image: install.image ?? '',
      tookMs: Math.max(0, now() - heardOf(attempt.id).chosenAt),
    }
    const written = roster.advancesInstall(machine.id, { phase: 'written' })
    const heardNow = roster.heardOf(machine.id, now())
    const over = roster.end(attempt.id, 'written', because, now())
    await logbook.keep(joined(written, heardNow, { ...noChange, happened: [told] }, over))
    return { kind: 'accepted' }
  }

  async function fails(
    found: Installing,
    cause: InstallFailure,
    because: string,
    before: RosterChange = noChange,
  ): Promise<Outcome> {
    const change = failInstall(roster, found, { cause, because, now: now() })
    await logbook.keep(joined(before, change))
    return text([`refused ${cause}`, because])
  }
}

/** An install comes to nothing: the machine has failed, for this cause. */
export function failInstall(
  roster: Roster,
  { machine, attempt }: Pick<Installing, 'machine' | 'attempt'>,
  { cause, because, now }: { readonly cause: InstallFailure; readonly because: string; readonly now: number },
): RosterChange {
  const told: ApplianceEvent = { kind: 'install-failed', ...about({ machine, attempt }), cause, because }
  const why = `${installFailures[cause].meaning}: ${because}`
  return joined(
    { ...noChange, happened: [told] },
    roster.move(machine.id, 'install-failed', why, now),
    roster.end(attempt.id, 'failed', why, now),
  )
}

/** What a machine is told beside its disk. */
function orderFor(
  { installerFile, ports }: InstallDeskParts,
  arrival: Arrival,
  found: Installing,
  chosen: Extract<ChosenTarget, { kind: 'chosen' }>,
):
  | { readonly kind: 'order'; readonly lines: readonly string[] }
  | { readonly kind: 'refused'; readonly because: string } {
  const { disk, image, writes } = chosen
  if (writes === 'installer') {
    const file = installerFile(arrival, found, disk)
    return file.kind === 'refused' ? file : { kind: 'order', lines: ['configuration', file.text.trimEnd()] }
  }
  const lines = [
    `url http://${arrival.to}:${ports.delivery}/images/${image}/${writes.name}`,
    `packed-bytes ${writes.byteCount}`,
    `sha256 ${writes.sha256}`,
    `unpacked-bytes ${writes.unpackedByteCount}`,
  ]
  return { kind: 'order', lines }
}

function choose(
  { plans, images }: InstallDeskParts,
  { machine, attempt, install }: Installing,
  inventory: Inventory,
): ChosenTarget {
  const intent: Intent = plans.intentFor(attempt.mac, machine)
  const no = (cause: InstallFailure, because: string): ChosenTarget => ({ kind: 'refused', cause, because })
  if (!intent.approved) return no('not-allowed', 'the machine is not approved')
  if (machine.state !== 'installing') return no('not-allowed', `the machine is ${machine.state}`)
  const wanted = intent.disk
  const isMeant = intent.method === (install.by === 'installer' ? 'autoinstall' : 'disk')
  if (wanted === undefined || !isMeant) {
    return no('not-allowed', 'the settings no longer have its disk written so')
  }
  return chooseTarget(images, wanted, install, inventory.disks)
}

function diskOf({ images }: InstallDeskParts, { install }: Installing): DiskFile | undefined {
  return install.image === undefined ? undefined : images.disk(install.image)
}

function inventoryTaken(found: Installing, { processors, memoryBytes, disks }: Inventory): ApplianceEvent {
  const listed = disks.slice(0, 8).map(diskInWords).join(', ')
  const rest = disks.length > 8 ? ` and ${disks.length - 8} more disks` : ''
  const words = disks.length === 0 ? 'no disk' : `${listed}${rest}`
  return { kind: 'inventory-taken', ...about(found), processors, memoryBytes, disks: words }
}

function about({ attempt }: Pick<Installing, 'machine' | 'attempt'>) {
  return { mac: attempt.mac, attempt: attempt.id }
}

function text(lines: readonly string[]): Outcome {
  return { kind: 'text', type: 'text/plain', text: `${lines.join('\n')}\n` }
}

const notInstalling = refused(404, 'no boot of this number is writing a disk')

function refused(status: (Outcome & { kind: 'refused' })['status'], because: string): Outcome {
  return { kind: 'refused', status, because }
}
