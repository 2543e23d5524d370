import type { NodeFacts } from '../cloud-init/kubeadm-config.ts'
import type { ClusterInit, ManagedCluster, SecretName } from '../clusters/cluster.ts'
import { decideJoin, type ClusterView, type JoinDecision } from '../clusters/decide-join.ts'
import { KubeFault } from '../clusters/kube-fault.ts'
import { providerIdOf } from '../clusters/node-owner.ts'
import type { ApplianceEvent } from '../events/event.ts'
import type { Outcome } from '../http/outcome.ts'
import { aboutMachine } from '../machines/about-machine.ts'
import type { JoinWish } from '../machines/join-wish.ts'
import type { Join, JoinOrderKind } from '../machines/join.ts'
import type { Machine } from '../machines/machine.ts'
import { parseNodeFacts } from '../machines/parse-node-facts.ts'
import { joined, noChange, type RosterChange } from '../machines/roster-change.ts'
import type { Ipv4 } from '../wire/ipv4.ts'
import type { ClusterBook } from './cluster-book.ts'
import { endpointOf, type ClusterLinks } from './cluster-links.ts'
import type { EtcdDesk } from './etcd-desk.ts'
import { tellGivenUp } from './init-claim.ts'
import { nodeNameOf, refusedBy, wayOf, wishOf, type JoiningParts } from './joining.ts'
import type { Logbook } from './logbook.ts'
import {
  controlPlaneOrder,
  controlPlaneTaint,
  initOrder,
  workerOrder,
  type AuthorityKeys,
  type OrderFiles,
} from './order-files.ts'
import { packOrder, type OrderFile } from './pack-order.ts'
import type { TokenKeeper } from './token-keeper.ts'

export type GiveOrderParts = JoiningParts & {
  readonly logbook: Logbook
  readonly book: ClusterBook
  readonly links: Pick<ClusterLinks, 'clientOf'>
  readonly etcd: EtcdDesk
  readonly tokens: TokenKeeper
  /** Why a machine is not known well enough to enter its cluster, by the boot in which its system enrolled; nothing where it is. */
  readonly tooWeak: (machine: Machine) => string | undefined
  readonly viewOf: (cluster: string) => ClusterView
}

const askMs = 15_000
/** Until a system that does not fit is to tell its facts anew. */
const refusedSeconds = 60
const notAsked: ClusterView = { kind: 'silent', because: 'it is to ask no cluster' }

/** Answers a machine that asks to become a node: `decideJoin` decides, and here it is done. */
export function orderGiver(parts: GiveOrderParts): (machine: Machine, facts: string) => Promise<Outcome> {
  const { roster, logbook, book, tokens, now } = parts
  return answer

  async function answer(machine: Machine, body: string): Promise<Outcome> {
    const asking = decide(machine, body)
    const { wish, node, address, decision } = asking
    if (wish === undefined || address === undefined || decision.kind !== 'join' || decision.as === 'worker')
      return await carriedOut(machine, asking)
    const because = await whyMemberStays(machine, { cluster: decision.cluster.name, node, address })
    if (because !== undefined)
      return await told(machine, wish, { kind: 'wait', seconds: 60, because, for: 'others' })
    // That takes its time: something else may be wanted of it by now, or another control plane be on its way.
    const current = roster.byId(machine.id)
    return current === undefined ? await ledAway() : await carriedOut(current, decide(current, body))
  }

  type Decided = {
    readonly wish: JoinWish | undefined
    readonly node: string
    readonly address: Ipv4 | undefined
    readonly decision: JoinDecision
  }

  function decide(machine: Machine, body: string): Decided {
    const wish = wishOf(parts, machine)
    const parsed = parseNodeFacts(body)
    const known = wish === undefined ? undefined : book.find(wish.cluster)
    const node = nodeNameOf(parts, machine)
    const tooWeak = wish === undefined ? undefined : parts.tooWeak(machine)
    const decision = decideJoin({
      machine,
      wish,
      node,
      facts: parsed,
      cluster: known?.cluster,
      ...(known?.locked === undefined ? {} : { locked: known.locked }),
      ...(tooWeak === undefined ? {} : { tooWeak }),
      view: wish === undefined ? notAsked : parts.viewOf(wish.cluster),
      machines: roster.all(),
      now: now(),
    })
    const address = parsed.kind === 'facts' ? parsed.facts.address : undefined
    return { wish, node, address, decision }
  }

  async function carriedOut(machine: Machine, { wish, node, address, decision }: Decided): Promise<Outcome> {
    if (wish === undefined || address === undefined) return await told(machine, wish, decision)
    if (decision.kind === 'init') return await init(machine, wish, { ...decision, node, address })
    if (decision.kind === 'join') return await join(machine, wish, { ...decision, node, address })
    return await told(machine, wish, decision)
  }

  /**
   * Its earlier system may be a member of etcd still, which kubeadm would take the new one for, and etcd does not bear. Where etcd cannot be asked
   * from here, kubeadm finds out: it joins no control plane while a member does not answer.
   */
  async function whyMemberStays(
    machine: Machine,
    { cluster, node, address }: { readonly cluster: string; readonly node: string; readonly address: Ipv4 },
  ): Promise<string | undefined> {
    const before = machine.join?.cluster === cluster ? machine.join.address : undefined
    const addresses = before === undefined || before === address ? [address] : [address, before]
    const taken = await parts.etcd.takeOut(cluster, { node, addresses })
    const about = { ...aboutMachine(machine), cluster, node }
    switch (taken.kind) {
      case 'none':
        return undefined
      case 'removed': {
        const because = 'the system of its machine was set up anew'
        logbook.note({ kind: 'etcd-member-removed', ...about, members: taken.members, because })
        return undefined
      }
      case 'not-asked':
        logbook.note({ kind: 'etcd-not-asked', ...about, because: taken.because })
        return undefined
      case 'stays':
        return taken.because
    }
  }

  /** All answers but an order. */
  async function told(
    machine: Machine,
    wish: JoinWish | undefined,
    decision: JoinDecision,
  ): Promise<Outcome> {
    switch (decision.kind) {
      case 'nothing':
        return await packed([action('nothing', decision.because)])
      case 'reset':
        return await packed([action('reset', decision.because)])
      case 'wait': {
        await logbook.keep(wish === undefined ? noChange : waits(machine, wish, decision))
        return await packed([action('wait', String(decision.seconds), decision.because)])
      }
      case 'refused': {
        await logbook.keep(wish === undefined ? noChange : refusedBy(parts, machine, wish, decision))
        return await packed([action('wait', String(refusedSeconds), decision.because)])
      }
      case 'init':
      case 'join':
        throw new Error('Who is given an order has a wish and an address.')
    }
  }

  function waits(
    machine: Machine,
    wish: JoinWish,
    { because, for: whom }: JoinDecision & { readonly kind: 'wait' },
  ): RosterChange {
    // What it was given once stays given.
    if (machine.join?.phase === 'ordered' && whom === 'itself') return noChange
    const moved = roster.move(machine.id, 'join-asked', because, now())
    if (moved.machines.length === 0) return noChange
    const { cluster } = wish
    const isNews = machine.join?.because !== because
    const told: ApplianceEvent = { kind: 'join-waits', ...aboutMachine(machine), cluster, because }
    return joined(
      moved,
      roster.joins(machine.id, { ...wayOf(parts, machine, wish, 'waits'), because }),
      whom === 'others' ? roster.heardOf(machine.id, now()) : noChange,
      { ...noChange, happened: isNews ? [told] : [] },
    )
  }

  type Ordered = { readonly node: string; readonly address: Ipv4 }

  async function init(
    machine: Machine,
    wish: JoinWish,
    { cluster, node, address }: Ordered & { readonly cluster: ManagedCluster },
  ): Promise<Outcome> {
    const keys = keysOf(cluster.name)
    if ('because' in keys) return await told(machine, wish, unfit(keys.because))
    const endpoint = cluster.endpoint ?? `${address}:6443`
    const files = initOrder(cluster, endpoint, keys, nodeFacts(machine, wish, node, address))
    if (files.kind === 'refused') return await told(machine, wish, unfit(files.because))
    const before = cluster.init
    const since = before?.machine === machine.id ? before.since : now()
    const claim: ClusterInit = { machine: machine.id, endpoint, since, phase: 'claimed' }
    // It holds from here on, in the same turn in which nobody was found to hold it.
    const claimed = book.setInit(cluster.name, claim)
    if (before !== undefined && before.machine !== machine.id) {
      tellGivenUp(parts, cluster.name, before, `it was begun at ${new Date(before.since).toISOString()}`)
    }
    if (before?.machine !== machine.id) {
      logbook.note({ kind: 'cluster-init-begun', ...aboutMachine(machine), cluster: cluster.name, node })
    }
    const way = { ...wayOf(parts, machine, wish, 'ordered'), since: now(), order: 'init' as const, address }
    await Promise.all([
      claimed,
      logbook.keep(ordered(machine, way, `it is to make the first control plane of ${cluster.name}`)),
    ])
    return await packed(files.files)
  }

  async function join(
    machine: Machine,
    wish: JoinWish,
    decision: Ordered & JoinDecision & { readonly kind: 'join' },
  ): Promise<Outcome> {
    const { cluster, as, stale, node, address } = decision
    const order: JoinOrderKind = as === 'worker' ? 'join-worker' : 'join-control-plane'
    const keys = as === 'worker' || cluster.kind !== 'managed' ? undefined : keysOf(cluster.name)
    if (keys !== undefined && 'because' in keys) return await told(machine, wish, unfit(keys.because))
    const endpoint = endpointOf(cluster)
    if (endpoint === undefined) return await told(machine, wish, unfit(`${cluster.name} has no endpoint`))
    const facts = nodeFacts(machine, wish, node, address)
    const files = (token: string): OrderFiles =>
      keys === undefined || cluster.kind !== 'managed'
        ? workerOrder(cluster, endpoint, token, facts)
        : controlPlaneOrder(cluster, endpoint, token, keys, facts)
    // What cannot be written is found out before there is a token for it.
    const tried = files('abcdef.0123456789abcdef')
    if (tried.kind === 'refused') return await told(machine, wish, unfit(tried.because))
    const way = { ...wayOf(parts, machine, wish, 'ordered'), since: now(), order, address }
    const change = ordered(machine, way, `it is to join ${cluster.name}`)
    try {
      // Before its token is: what is kept later counts.
      await logbook.keep(change)
      for (const name of stale) {
        if (isOnItsWay(machine, way)) await deleteStale(machine, cluster.name, name)
      }
      if (!isOnItsWay(machine, way)) return await ledAway()
      const token = await tokens.make(machine, way)
      if (!isOnItsWay(machine, way)) {
        await tokens.sweep()
        return await ledAway()
      }
      const made = files(token)
      if (made.kind === 'refused')
        throw new Error(`An order that could be written cannot be now: ${made.because}`)
      return await packed(made.files)
    } catch (error) {
      if (!(error instanceof KubeFault)) throw error
      const isStill = isOnItsWay(machine, way)
      if (isStill)
        await logbook.keep(
          roster.joins(machine.id, { ...wayOf(parts, machine, wish, 'waits'), since: now() }),
        )
      await tokens.sweep()
      if (!isStill) return await ledAway()
      const because = `the API of ${cluster.name} does not give it a token: ${error.message}`
      return await told(machine, wish, { kind: 'wait', seconds: 20, because, for: 'others' })
    }
  }

  /** Whether a machine may still have the order that is being made for it: a person may want something else of it meanwhile. */
  function isOnItsWay({ id }: Machine, { cluster, since }: Join): boolean {
    const { state, join: current } = roster.byId(id) ?? {}
    if (state !== 'joining' || current?.phase !== 'ordered') return false
    return current.cluster === cluster && current.since === since
  }

  async function ledAway(): Promise<Outcome> {
    return await packed([action('wait', '5', 'something else was wanted of it meanwhile')])
  }

  function ordered(
    machine: Machine,
    way: Join & { readonly order: JoinOrderKind },
    because: string,
  ): RosterChange {
    const { cluster, node, order } = way
    return joined(
      roster.move(machine.id, 'join-asked', because, now()),
      roster.joins(machine.id, way),
      roster.heardOf(machine.id, now()),
      { ...noChange, happened: [{ kind: 'join-ordered', ...aboutMachine(machine), cluster, node, order }] },
    )
  }

  async function deleteStale(machine: Machine, cluster: string, node: string): Promise<void> {
    try {
      await parts.links.clientOf(cluster).deleteNode(node, AbortSignal.timeout(askMs))
    } catch (error) {
      if (!(error instanceof KubeFault) || error.kind !== 'not-found') throw error
      return
    }
    const because = 'the system of its machine was set up anew'
    logbook.note({ kind: 'node-deleted', ...aboutMachine(machine), cluster, node, because })
  }

  function keysOf(cluster: string): AuthorityKeys | { readonly because: string } {
    const key = (name: SecretName): string => {
      const opened = book.secretOf(cluster, name)
      if (opened.kind === 'refused') throw new Locked(opened.because)
      return opened.text
    }
    try {
      return {
        ca: key('ca'),
        etcdCa: key('etcd-ca'),
        frontProxyCa: key('front-proxy-ca'),
        serviceAccount: key('service-account'),
      }
    } catch (error) {
      if (error instanceof Locked)
        return { because: `the keys of ${cluster} cannot be used: ${error.message}` }
      throw error
    }
  }
}

class Locked extends Error {}

function unfit(because: string): JoinDecision {
  return { kind: 'refused', refusal: 'cluster-unfit', because }
}

function nodeFacts(machine: Machine, wish: JoinWish, name: string, address: Ipv4): NodeFacts {
  // Labels are set through the API: most of them a kubelet may not give itself.
  const taints =
    wish.role === 'control-plane' && wish.taints.length > 0
      ? [controlPlaneTaint, ...wish.taints]
      : wish.taints
  return { name, address, providerId: providerIdOf(machine.id), labels: {}, taints }
}

function action(...lines: readonly string[]): OrderFile {
  return { path: 'action', mode: 0o600, text: `${lines.join('\n')}\n` }
}

async function packed(files: readonly OrderFile[]): Promise<Outcome> {
  return { kind: 'bytes', type: 'application/x-tar', bytes: await packOrder(files) }
}
