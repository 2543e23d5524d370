import type { NodeWord } from '../clusters/follow-nodes.ts'
import { KubeFault } from '../clusters/kube-fault.ts'
import type { KubeNode } from '../clusters/kube-node.ts'
import { marksFor } from '../clusters/node-marks.ts'
import { isNodeOf, ownerOf } from '../clusters/node-owner.ts'
import type { ApplianceEvent } from '../events/event.ts'
import { aboutMachine } from '../machines/about-machine.ts'
import type { Join } from '../machines/join.ts'
import type { Machine } from '../machines/machine.ts'
import { joined, noChange, type RosterChange } from '../machines/roster-change.ts'
import { printable } from '../wire/text.ts'
import type { ClusterLinks } from './cluster-links.ts'
import { wayOf, wishOf, type JoiningParts } from './joining.ts'
import type { Logbook } from './logbook.ts'
import type { TokenKeeper } from './token-keeper.ts'

export type NodeDeskParts = JoiningParts & {
  readonly logbook: Logbook
  readonly links: Pick<ClusterLinks, 'clientOf'>
  readonly tokens: TokenKeeper
}

const askMs = 15_000

/** Takes what a cluster says of its nodes into the records of their machines. */
export function nodeDesk(
  parts: NodeDeskParts,
): (cluster: string, word: NodeWord, before: ReadonlyMap<string, KubeNode>) => Promise<void> {
  const { roster, logbook, links, tokens, now } = parts

  return async (cluster, word, before) => {
    switch (word.kind) {
      case 'all': {
        for (const node of word.nodes) await changed(cluster, node, before.get(node.name))
        const there = new Set(word.nodes.map(({ name }) => name))
        for (const machine of membersOf(cluster)) {
          if (machine.join !== undefined && !there.has(machine.join.node)) await gone(cluster, machine)
        }
        return
      }
      case 'changed':
        return await changed(cluster, word.node, before.get(word.node.name))
      case 'gone': {
        const machine = membersOf(cluster).find(({ join }) => join?.node === word.node.name)
        return machine === undefined ? undefined : await gone(cluster, machine)
      }
      case 'silent':
      case 'heard-again':
        return
    }
  }

  /** Machines whose Node was seen Ready in a cluster. */
  function membersOf(cluster: string): readonly Machine[] {
    return roster.all().filter(({ join }) => join?.cluster === cluster && join.phase === 'node')
  }

  async function changed(cluster: string, node: KubeNode, before: KubeNode | undefined): Promise<void> {
    const machine = machineOf(cluster, node)
    if (machine === undefined) return
    const isReady = node.ready.status === 'True'
    const wasReady = before?.ready.status === 'True'
    if (isReady && (machine.state !== 'active' || !wasReady))
      await logbook.keep(ready(cluster, machine, node))
    if (!isReady && wasReady && machine.state === 'active') {
      const because = whyNotReady(node)
      logbook.note({ kind: 'node-not-ready', ...aboutMachine(machine), cluster, node: node.name, because })
    }
    if (!isReady) await logbook.keep(notReadyYet(machine, node))
    await mark(cluster, roster.byId(machine.id) ?? machine, node)
    if (isReady) await tokens.sweep()
  }

  function ready(cluster: string, machine: Machine, { name }: KubeNode): RosterChange {
    const told: ApplianceEvent = { kind: 'node-ready', ...aboutMachine(machine), cluster, node: name }
    const moved =
      machine.state === 'active'
        ? noChange
        : roster.move(machine.id, 'node-ready', `its Node ${name} of ${cluster} is Ready`, now())
    if (moved.machines.length === 0 && machine.state !== 'active') return noChange
    return joined(roster.joins(machine.id, nodeWay(cluster, machine, name)), moved, {
      ...noChange,
      happened: [told],
    })
  }

  /** Whoever looks at a machine on its way sees what its kubelet says, and so has no need to ask the cluster. */
  function notReadyYet({ id, join }: Machine, node: KubeNode): RosterChange {
    if (join?.phase !== 'joined') return noChange
    const because = printable(`its Node ${node.name} is not Ready: ${whyNotReady(node)}`, 400)
    return because === join.because ? noChange : roster.joins(id, { ...join, because })
  }

  function nodeWay(cluster: string, machine: Machine, node: string): Join {
    const wish = wishOf(parts, machine)
    const { join: before } = machine
    const role = before?.cluster === cluster ? before.role : (wish?.role ?? 'worker')
    const kept = before?.cluster === cluster ? before : undefined
    return {
      ...wayOf(parts, machine, { cluster, role, labels: {}, taints: [] }, 'node'),
      node,
      ...(kept?.order === undefined ? {} : { order: kept.order }),
      ...(kept?.token === undefined ? {} : { token: kept.token }),
      ...(kept?.isMarked === undefined ? {} : { isMarked: kept.isMarked }),
    }
  }

  /** Somebody has deleted the Node of a machine that was in its cluster. */
  async function gone(cluster: string, machine: Machine): Promise<void> {
    const { id, join } = machine
    if (join === undefined || machine.state !== 'active') return
    const { node } = join
    const because = 'somebody else did it'
    const told: ApplianceEvent = { kind: 'node-deleted', ...aboutMachine(machine), cluster, node, because }
    const moved = roster.move(id, 'node-gone', `its Node ${node} was deleted in ${cluster}`, now())
    await logbook.keep(joined({ ...noChange, happened: [told] }, moved))
  }

  /** Once: what people change of it after that is theirs. */
  async function mark(cluster: string, machine: Machine, node: KubeNode): Promise<void> {
    const { join } = machine
    const wish = wishOf(parts, machine)
    if (wish?.cluster !== cluster || join?.cluster !== cluster || join.isMarked === true) return
    const marks = marksFor(node, wish)
    try {
      if (marks.kind === 'patch') {
        await links.clientOf(cluster).patchNode(node.name, marks.patch, AbortSignal.timeout(askMs))
        const about = aboutMachine(machine)
        logbook.note({ kind: 'node-marked', ...about, cluster, node: node.name, what: marks.words })
      }
    } catch (error) {
      // The next change of the Node, or the next list, comes by here again.
      if (error instanceof KubeFault) return
      throw error
    }
    const current = roster.byId(machine.id)?.join
    if (current?.cluster === cluster)
      await logbook.keep(roster.joins(machine.id, { ...current, isMarked: true }))
  }

  /** A Node says whose it is; a machine must also be meant for this cluster. */
  function machineOf(cluster: string, node: KubeNode): Machine | undefined {
    const owner = ownerOf(node)
    if (owner.kind === 'unknown') return undefined
    const found =
      owner.kind === 'machine'
        ? roster.byId(owner.id)
        : owner.uuids.map((uuid) => roster.byUuid(uuid)).find((one) => one !== undefined)
    if (found === undefined || !isNodeOf(node, found)) return undefined
    // One that is let go is not led back by a Node that is not deleted yet.
    if (found.state === 'releasing' || found.failure === 'release-not-ended') return undefined
    // Whoever may make Nodes can write any machine's mark into one: what it was told to be called is its Node, and no other.
    if (found.join?.cluster === cluster && isNamed(found.join)) {
      return found.join.node === node.name ? found : undefined
    }
    return found.join?.cluster === cluster || wishOf(parts, found)?.cluster === cluster ? found : undefined
  }
}

/** Whether a machine has a Node by this name, or was told to make it. */
function isNamed({ phase }: Join): boolean {
  return phase === 'ordered' || phase === 'joined' || phase === 'node'
}

function whyNotReady({ ready: { reason, message } }: KubeNode): string {
  const said = [reason, message].filter((part) => part !== '').join(': ')
  return said === '' ? 'it does not say why' : printable(said, 400)
}
