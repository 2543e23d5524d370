import type { ApplianceEvent } from '../events/event.ts'
import type { Outcome } from '../http/outcome.ts'
import { aboutMachine } from '../machines/about-machine.ts'
import type { Machine } from '../machines/machine.ts'
import { joined, noChange } from '../machines/roster-change.ts'
import { printable } from '../wire/text.ts'
import type { ClusterBook } from './cluster-book.ts'
import { claimOf, lateClaim, tellGivenUp } from './init-claim.ts'
import { refusedBy, wishOf, type JoiningParts } from './joining.ts'
import type { Logbook } from './logbook.ts'
import type { TokenKeeper } from './token-keeper.ts'

export type HearNodeParts = JoiningParts & {
  readonly logbook: Logbook
  readonly book: ClusterBook
  readonly tokens: TokenKeeper
  /** A machine says that nothing of its cluster is left to it. */
  readonly left: (machine: Machine) => Promise<void>
}

const accepted: Outcome = { kind: 'accepted' }

/** Takes what a node says of the order that it was given. */
export function nodeHearer(
  parts: HearNodeParts,
): (machine: Machine, body: string, from: string) => Promise<Outcome> {
  const { roster, logbook, book, tokens, now } = parts
  return hear

  async function hear(machine: Machine, body: string, from: string): Promise<Outcome> {
    const [, word = '', rest = ''] = /^([a-z-]{1,20})(?:\s+([^]*))?$/.exec(body.trim()) ?? []
    const because = printable(withoutTokens(rest.trim().replaceAll(/\s*\n\s*/g, ' | ')), 600)
    switch (word) {
      case 'init-done':
      case 'join-done':
        return await done(machine, word === 'init-done' ? 'init' : 'join', from)
      case 'init-failed':
      case 'join-failed':
        return await failed(machine, because)
      case 'prepare-failed':
        return await unprepared(machine, because)
      case 'not-received':
        return await notReceived(machine)
      case 'left':
        await parts.left(machine)
        return accepted
      case 'note':
        logbook.note({ kind: 'node-note', ...aboutMachine(machine), note: because })
        return accepted
      default:
        return { kind: 'refused', status: 400, because: 'a node says no such word' }
    }
  }

  async function done(machine: Machine, what: 'init' | 'join', from: string): Promise<Outcome> {
    const { join: way } = machine
    // It was heard before, or its Node was Ready before it said so.
    if (way?.phase !== 'ordered') return accepted
    const isInit = way.order === 'init'
    if (isInit !== (what === 'init'))
      return { kind: 'refused', status: 409, because: 'it was told something else' }
    const { cluster, node, since } = way
    const tookMs = Math.max(0, now() - since)
    const happened: ApplianceEvent[] = [
      { kind: 'join-done', ...aboutMachine(machine), cluster, node, tookMs },
    ]
    // One that is let go takes what it has made with it.
    const mayBeFirst = isInit && (machine.state === 'joining' || machine.state === 'failed')
    const claim = mayBeFirst
      ? (claimOf(book, cluster, machine.id) ?? lateClaim(book, machine.id, way, from))
      : undefined
    if (claim !== undefined) {
      const { endpoint } = claim
      happened.push({ kind: 'cluster-initialised', ...aboutMachine(machine), cluster, node, endpoint })
    }
    const because = 'kubeadm has done its part; its Node is not Ready yet'
    const change = joined(
      roster.joins(machine.id, { ...way, phase: 'joined', because }),
      roster.move(machine.id, 'join-asked', because, now()),
      { ...noChange, happened },
    )
    const isDone = claim === undefined ? undefined : book.setInit(cluster, { ...claim, phase: 'done' })
    await Promise.all([isDone, logbook.keep(change)])
    await tokens.sweep()
    return accepted
  }

  async function failed(machine: Machine, because: string): Promise<Outcome> {
    const { join: way } = machine
    if (way?.phase !== 'ordered') return accepted
    const { cluster } = way
    const told: ApplianceEvent = { kind: 'join-failed', ...aboutMachine(machine), cluster, because }
    const claim = way.order === 'init' ? claimOf(book, cluster, machine.id) : undefined
    if (claim !== undefined) tellGivenUp(parts, cluster, claim, `kubeadm init failed on ${way.node}`)
    const change = joined(
      { ...noChange, happened: [told] },
      roster.move(machine.id, 'join-failed', `kubeadm failed: ${because}`, now()),
    )
    // Who lets it go waits no longer for kubeadm.
    const ended =
      machine.state === 'releasing'
        ? roster.joins(machine.id, { ...way, phase: 'waits', because: 'kubeadm failed' })
        : noChange
    const isFree = claim === undefined ? undefined : book.setInit(cluster, undefined)
    await Promise.all([isFree, logbook.keep(joined(change, ended))])
    await tokens.sweep()
    return accepted
  }

  /** Its system is up, and is not what a node is made of. It tries again by itself. */
  async function unprepared(machine: Machine, because: string): Promise<Outcome> {
    const wish = wishOf(parts, machine)
    const refused = { refusal: 'not-prepared', because: `it could not be prepared: ${because}` } as const
    const change = wish === undefined ? noChange : refusedBy(parts, machine, wish, refused)
    if (change === noChange) {
      logbook.note({ kind: 'node-note', ...aboutMachine(machine), note: refused.because })
      return accepted
    }
    await logbook.keep(change)
    return accepted
  }

  async function notReceived(machine: Machine): Promise<Outcome> {
    const { join: way } = machine
    if (way?.phase !== 'ordered') return accepted
    const { order: _, ...rest } = way
    const because = 'what it was given did not come to it whole; it asks again'
    const again = roster.joins(machine.id, { ...rest, phase: 'waits', because })
    const told: ApplianceEvent = {
      kind: 'join-waits',
      ...aboutMachine(machine),
      cluster: way.cluster,
      because,
    }
    await logbook.keep({ ...again, happened: [told] })
    await tokens.sweep()
    return accepted
  }
}

/** kubeadm may name its token where it complains; what goes into the log goes to whoever reads it. */
function withoutTokens(text: string): string {
  return text.replaceAll(/\b([a-z0-9]{6})\.[a-z0-9]{16}\b/g, '$1.(not told)')
}
