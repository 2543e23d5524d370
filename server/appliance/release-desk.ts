import { drainOnce } from '../clusters/drain.ts'
import type { KubeClient } from '../clusters/kube-client.ts'
import { KubeFault } from '../clusters/kube-fault.ts'
import { isNodeOf } from '../clusters/node-owner.ts'
import type { ApplianceEvent } from '../events/event.ts'
import type { Approved } from '../http/api-app.ts'
import { aboutMachine } from '../machines/about-machine.ts'
import type { Machine } from '../machines/machine.ts'
import type { Release } from '../machines/release.ts'
import { joined, noChange } from '../machines/roster-change.ts'
import type { Roster } from '../machines/roster.ts'
import type { Ipv4 } from '../wire/ipv4.ts'
import type { ClusterLinks } from './cluster-links.ts'
import type { EtcdDesk } from './etcd-desk.ts'
import type { Logbook } from './logbook.ts'
import { oneAtATime } from './one-at-a-time.ts'

export type ReleaseDeskParts = {
  readonly roster: Roster
  readonly logbook: Logbook
  readonly links: Pick<ClusterLinks, 'clientOf'>
  readonly etcd: EtcdDesk
  /** Where the Node of a machine stands, as its cluster tells it; `undefined` where that is not known. */
  readonly addressOf: (machine: Machine) => Ipv4 | undefined
  /** Whether a cluster has an API to ask; one that has no control plane yet, or is not known here, has none. */
  readonly hasApi: (cluster: string) => boolean
  /** Why its cluster cannot do without a machine; `undefined` where it can. */
  readonly whyKeep: (machine: Machine) => string | undefined
  /** Nobody is this machine any more, until it enrols anew. */
  readonly revoke: (machine: string, because: string) => void
  readonly now: () => number
}

export type ReleaseDesk = {
  /** A person lets a machine go. */
  readonly release: (machine: Machine, wish: Pick<Release, 'next' | 'mode'>) => Promise<Approved>
  /** Whether its system is to leave now. */
  readonly wantsLeave: (machine: Machine) => boolean
  /** Its system says that nothing of the cluster is left to it. */
  readonly left: (machine: Machine) => Promise<void>
  /** Goes on with all that are being released; each call is a try. */
  readonly goOn: () => Promise<void>
}

/** For pods to leave: longer than budgets hold while others start elsewhere. */
const podsLimitMs = 10 * 60_000
/** A system that is up asks each minute. */
const systemLimitMs = 5 * 60_000
const forcedSystemLimitMs = 90_000
const askMs = 15_000
/** Of a cluster that has lost a control plane: for its etcd to choose another leader, and its address to move. */
const nodeLimitMs = 2 * 60_000
const memberLimitMs = nodeLimitMs
/** A system gives its kubeadm 15 minutes, and asks each minute. */
const kubeadmLimitMs = 17 * 60_000

/** Lets machines go from their clusters, step by step; what is begun is on record, so that it goes on after a restart of the box. */
export function releaseDesk(parts: ReleaseDeskParts): ReleaseDesk {
  const { roster, logbook, links, etcd, hasApi, whyKeep, revoke, now } = parts
  const inTurn = oneAtATime()
  /** What was last told of the pods of a machine, and of its cluster. */
  const told = new Map<string, string>()

  return {
    async release({ id }, wish) {
      return await inTurn(async () => {
        const machine = roster.byId(id)
        if (machine === undefined) return { kind: 'refused', because: `${id} is not on record any more` }
        const isAgain = machine.state === 'releasing'
        const needed = isAgain || wish.mode === 'force' ? undefined : whyKeep(machine)
        if (needed !== undefined) return { kind: 'refused', because: `${id} is not released: ${needed}` }
        const because = 'a person lets it go'
        const moved = isAgain ? noChange : roster.move(id, 'release-asked', because, now())
        if (!isAgain && moved.machines.length === 0) {
          return {
            kind: 'refused',
            because: `${id} is ${machine.state}; there is nothing to release it from`,
          }
        }
        const { join } = machine
        const address = join?.address ?? parts.addressOf(machine)
        const stood = address === undefined ? {} : { address }
        const node = join === undefined ? {} : { node: { cluster: join.cluster, name: join.node, ...stood } }
        const release: Release = isAgain
          ? { ...(machine.release ?? { phase: 'pods' as const, ...node }), ...wish, since: now() }
          : {
              since: now(),
              ...wish,
              phase: join === undefined ? 'system' : 'pods',
              ...node,
              ...(machine.state === 'joining' && join?.phase === 'ordered'
                ? { kubeadmUntil: join.since + kubeadmLimitMs }
                : {}),
            }
        const event: ApplianceEvent = {
          kind: 'release-begun',
          ...aboutMachine(machine),
          cluster: join?.cluster ?? 'no cluster',
          node: join?.node ?? id,
          next: wish.next,
          mode: wish.mode,
        }
        const change = joined(moved, roster.releases(id, release), { ...noChange, happened: [event] })
        await logbook.keep(change)
        return { kind: 'done', remarks: [] }
      })
    },
    wantsLeave: ({ state, release }) => state === 'releasing' && release?.phase === 'system',
    async left({ id }) {
      await inTurn(async () => {
        const machine = roster.byId(id)
        if (machine?.state === 'releasing' && machine.release?.phase === 'system') {
          await systemLeft(machine, machine.release)
        }
      })
    },
    async goOn() {
      await inTurn(async () => {
        for (const { id } of roster.all()) {
          // As it is now: the one before it may have taken long.
          const machine = roster.byId(id)
          if (machine?.state === 'releasing' && machine.release !== undefined)
            await step(machine, machine.release)
        }
      })
    },
  }

  async function step(machine: Machine, release: Release): Promise<void> {
    if (release.phase === 'pods') return await emptyNode(machine, release)
    if (release.phase === 'node') return await deleteLast(machine, release)
    if (release.phase === 'member') return await leaveEtcd(machine, release)
    const limit = release.mode === 'force' ? forcedSystemLimitMs : systemLimitMs
    if (now() - release.since > limit) {
      const because = `nothing was heard of it for ${Math.round(limit / 60_000)} minutes`
      if (!mayBeMember(machine, release)) {
        await forgetNode(machine, release)
        return await finish(machine, release, because)
      }
      const begun: Release = { ...release, phase: 'member', since: now(), because }
      await logbook.keep(roster.releases(machine.id, begun))
      await leaveEtcd(machine, begun)
    }
  }

  /** Whether its system was a member of etcd and may be one still, so that the box is to take it out. */
  function mayBeMember(machine: Machine, { node }: Release): boolean {
    if (node === undefined || !hasApi(node.cluster)) return false
    return isControlPlane(machine) && leavesOthers(machine)
  }

  /** Nobody else takes a system out of etcd that does not answer. Each call is a try. */
  async function leaveEtcd(machine: Machine, release: Release): Promise<void> {
    const { node, because = saysSo } = release
    await forgetNode(machine, release)
    if (node === undefined || isTakenOver(machine, node)) return await finish(machine, release, because)
    const { cluster, name, address } = node
    const addresses = address === undefined ? [] : [address]
    const taken = await etcd.takeOut(cluster, { node: name, addresses })
    const about = { ...aboutMachine(machine), cluster, node: name }
    if (taken.kind === 'removed') {
      const why = 'its machine is released'
      logbook.note({ kind: 'etcd-member-removed', ...about, members: taken.members, because: why })
    }
    if (taken.kind === 'none' || taken.kind === 'removed') return await finish(machine, release, because)
    const stays =
      taken.kind === 'stays'
        ? taken.because
        : `whether it is a member of etcd cannot be seen: ${taken.because}`
    if (now() - release.since <= memberLimitMs) return tellOnce(machine, node, stays)
    logbook.note(
      taken.kind === 'stays'
        ? { kind: 'etcd-member-stays', ...about, because: stays }
        : { kind: 'etcd-not-asked', ...about, because: taken.because },
    )
    await finish(machine, release, `${because}; ${stays}`)
  }

  /** Another machine that has its name by now was let in when nothing of this one was left in etcd. */
  function isTakenOver({ id }: Machine, { cluster, name }: NonNullable<Release['node']>): boolean {
    return roster
      .all()
      .some(
        ({ id: other, join }) =>
          other !== id &&
          join?.cluster === cluster &&
          join.node === name &&
          (join.phase === 'ordered' || join.phase === 'joined' || join.phase === 'node'),
      )
  }

  async function emptyNode(machine: Machine, release: Release): Promise<void> {
    const { node, kubeadmUntil = 0 } = release
    if (node === undefined) return await toSystem(machine, release)
    // Its Node may come yet.
    if (release.mode === 'orderly' && machine.join?.phase === 'ordered' && now() < kubeadmUntil)
      return tellOnce(machine, node, 'kubeadm is at work on it')
    if (kubeadmUntil > 0) {
      // The time for its pods begins only now.
      const { kubeadmUntil: _, ...rest } = release
      const begun: Release = { ...rest, since: now() }
      await logbook.keep(roster.releases(machine.id, begun))
      return await emptyNode(machine, begun)
    }
    if (!hasApi(node.cluster)) return await toSystem(machine, release)
    const client = links.clientOf(node.cluster)
    const over = AbortSignal.timeout(askMs)
    try {
      const there = await client.getNode(node.name, over)
      // Another machine may have taken the name meanwhile; its Node is none of ours.
      if (!isNodeOf(there, machine)) return await toSystem(machine, release)
      if (!there.unschedulable) await client.patchNode(node.name, { unschedulable: true }, over)
      if (release.mode === 'orderly' && !(await isEmpty(machine, release, client))) return
      // kubeadm takes the member of a control plane out of etcd only while its Node is there (kubeadm reset).
      if (!isControlPlane(machine)) {
        await client.deleteNode(node.name, over)
        tellDeleted(machine, node)
      }
    } catch (error) {
      if (!(error instanceof KubeFault)) throw error
      // By force nothing is waited for; in order the time limit of the state is the end of it.
      if (error.kind !== 'not-found' && release.mode === 'orderly')
        return tellOnce(machine, node, error.message)
    }
    await toSystem(machine, release)
  }

  /** Whether no pod is left that must go first; where that takes too long the Node stays in its cluster. */
  async function isEmpty(machine: Machine, { node, since }: Release, client: KubeClient): Promise<boolean> {
    if (node === undefined) return true
    const { left, because = '' } = await drainOnce(client, node.name, AbortSignal.timeout(askMs))
    if (left.length === 0) return true
    tellPods(machine, node, left.length, because)
    if (now() - since <= podsLimitMs) return false
    await client.patchNode(node.name, { unschedulable: false }, AbortSignal.timeout(askMs))
    const why = `after ${podsLimitMs / 60_000} minutes ${left.length} of its pods are left${because === '' ? '' : `: ${because}`}`
    const { cluster, name } = node
    const event: ApplianceEvent = {
      kind: 'release-stopped',
      ...aboutMachine(machine),
      cluster,
      node: name,
      because: why,
    }
    const moved = roster.move(machine.id, 'release-stopped', `its release was given up: ${why}`, now())
    await logbook.keep(joined({ ...noChange, happened: [event] }, moved))
    return false
  }

  async function toSystem(machine: Machine, release: Release): Promise<void> {
    told.delete(machine.id)
    await logbook.keep(roster.releases(machine.id, { ...release, phase: 'system', since: now() }))
  }

  async function systemLeft(machine: Machine, release: Release): Promise<void> {
    const silence = await forgetNode(machine, release)
    if (silence === undefined || release.mode === 'force' || !leavesOthers(machine)) {
      return await finish(machine, release, saysSo)
    }
    await logbook.keep(roster.releases(machine.id, { ...release, phase: 'node', since: now() }))
  }

  async function deleteLast(machine: Machine, release: Release): Promise<void> {
    const silence = await forgetNode(machine, release)
    const isOver = release.mode === 'force' || now() - release.since > nodeLimitMs
    if (silence === undefined || isOver) return await finish(machine, release, saysSo)
    if (release.node !== undefined) tellOnce(machine, release.node, silence)
  }

  /** Whether control planes that the box knows stay, whose API is to answer again; that of the only one has ended with it. */
  function leavesOthers({ id, join }: Machine): boolean {
    return roster
      .all()
      .some((one) => one.id !== id && one.join?.cluster === join?.cluster && isControlPlane(one))
  }

  /**
   * The Node of a system that has left: that of a control plane, or one that came after the first was deleted, of a kubelet that
   * was at work still. Comes to why the cluster cannot be asked, where it cannot.
   */
  async function forgetNode(machine: Machine, { node }: Release): Promise<string | undefined> {
    if (node === undefined || !hasApi(node.cluster)) return undefined
    const client = links.clientOf(node.cluster)
    const over = AbortSignal.timeout(askMs)
    try {
      if (!isNodeOf(await client.getNode(node.name, over), machine)) return undefined
      await client.deleteNode(node.name, over)
    } catch (error) {
      if (!(error instanceof KubeFault)) throw error
      return error.kind === 'not-found' ? undefined : error.message
    }
    tellDeleted(machine, node)
    return undefined
  }

  function tellDeleted(machine: Machine, { cluster, name }: NonNullable<Release['node']>): void {
    const because = 'its machine is released'
    logbook.note({ kind: 'node-deleted', ...aboutMachine(machine), cluster, node: name, because })
  }

  async function finish(machine: Machine, { next }: Release, because: string): Promise<void> {
    const { id } = machine
    told.delete(id)
    revoke(id, 'the machine was released')
    const about = aboutMachine(machine)
    const trigger = next === 'retired' ? 'retired' : 'released'
    const moved = roster.move(
      id,
      trigger,
      `a person has let it go, and its system has left: ${because}`,
      now(),
    )
    const happened: ApplianceEvent[] = [
      { kind: 'node-left', ...about, because },
      { kind: 'machine-released', ...about, next },
    ]
    await logbook.keep(joined({ ...noChange, happened }, moved))
  }

  function tellPods(
    machine: Machine,
    node: NonNullable<Release['node']>,
    left: number,
    because: string,
  ): void {
    const words = `${left} ${because}`
    if (told.get(machine.id) === words) return
    told.set(machine.id, words)
    const { cluster, name } = node
    logbook.note({ kind: 'pods-moved', ...aboutMachine(machine), cluster, node: name, left, because })
  }

  function tellOnce(machine: Machine, { cluster }: NonNullable<Release['node']>, because: string): void {
    if (told.get(machine.id) === because) return
    told.set(machine.id, because)
    logbook.note({ kind: 'release-waits', ...aboutMachine(machine), cluster, because })
  }
}

const saysSo = 'it says so'

function isControlPlane({ join }: Machine): boolean {
  return join?.role === 'control-plane'
}
