import { setTimeout as sleep } from 'node:timers/promises'
import type { Patience } from '../clusters/follow-nodes.ts'
import { withAgent } from '../cloud-init/node-agent.ts'
import type { SeedParts } from '../cloud-init/seed-parts.ts'
import type { KubeTarget } from '../clusters/read-kubeconfig.ts'
import type { KubeTransport } from '../clusters/kube-transport.ts'
import { nodeAddress } from '../clusters/node-address.ts'
import { isNodeOf, ownerOf } from '../clusters/node-owner.ts'
import { whyKeepControlPlane, type WayOut } from '../clusters/why-keep-control-plane.ts'
import type { Config } from '../config/config.ts'
import type { ClusterDesk, ClusterSummary } from '../http/cluster-routes.ts'
import type { NodeRoute } from '../http/node-routes.ts'
import type { Machine } from '../machines/machine.ts'
import type { Chance } from '../machines/chance.ts'
import type { Roster } from '../machines/roster.ts'
import type { Network } from '../networks/network.ts'
import type { Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'
import type { Store } from '../store/open-store.ts'
import { readAgentMaterial, readFlannel } from './boot-material.ts'
import { clusterDesk } from './cluster-desk.ts'
import { clusterLinks } from './cluster-links.ts'
import { clusterWatch } from './cluster-watch.ts'
import { etcdDesk } from './etcd-desk.ts'
import { giveUpSilentInits, renewClaims } from './init-claim.ts'
import { joinDesk, type JoinDeskParts } from './join-desk.ts'
import { wishOf } from './joining.ts'
import type { Logbook } from './logbook.ts'
import { nodeDesk } from './node-desk.ts'
import { nodePartsOf as seedPartsOf } from './node-config-of.ts'
import { nodesOf } from './nodes-of.ts'
import type { Plans } from './plans.ts'
import { podNetworks } from './pod-network.ts'
import { releaseDesk, type ReleaseDesk, type ReleaseDeskParts } from './release-desk.ts'
import { tokenKeeper } from './token-keeper.ts'

export type StartClustersParts = {
  readonly config: Pick<Config, 'dataFolder' | 'kubernetes'>
  readonly store: Store
  readonly roster: Roster
  readonly logbook: Logbook
  readonly plans: Pick<Plans, 'joinOf'>
  readonly networks: readonly Network[]
  /** What `IRONWAKE_STORE_KEY` holds. */
  readonly keyVariable: string | undefined
  readonly transport: (target: KubeTarget) => KubeTransport
  readonly now: () => number
  readonly chance: Chance
  readonly revoke: ReleaseDeskParts['revoke']
  readonly tooWeak: JoinDeskParts['tooWeak']
  /** How it is waited between questions to a cluster; absent, by the clock. */
  readonly wait?: Patience['wait']
}

export type Clusters = AsyncDisposable & {
  readonly desk: ClusterDesk
  /** What machines ask on their way into a cluster. */
  readonly routes: Readonly<Record<string, NodeRoute>>
  /** What the seed of a machine brings that is to become a node; nothing for others. */
  readonly nodePartsOf: (mac: Mac, machine: Machine) => readonly SeedParts[]
  readonly release: ReleaseDesk['release']
  /** Why its cluster cannot do without a machine that is to go; `undefined` where it can. */
  readonly whyKeep: (machine: Machine, way: WayOut) => string | undefined
  /** What is over by the clock, and what could not be done before. */
  readonly passTime: () => Promise<void>
}

const passTimeEveryMs = 10_000

/** The clusters, and all that leads machines into them: what they ask, what the clusters tell of their nodes, and what ends by the clock. */
export async function startClusters(parts: StartClustersParts): Promise<Clusters> {
  const { config, store, roster, logbook, plans, networks, keyVariable, transport, now, chance } = parts
  await using opened = new AsyncDisposableStack()
  const tell = logbook.note.bind(logbook)
  const { dataFolder, kubernetes } = config
  const agent = readAgentMaterial()
  const made = await clusterDesk({
    store,
    dataFolder,
    keyVariable,
    networks,
    kubernetes,
    transport,
    nodesOf: (cluster) => nodesOf({ roster, plans }, cluster),
    tell,
    now,
  })
  const { book } = made
  const links = opened.use(clusterLinks({ book, transport, now }))
  const etcd = etcdDesk({ book, links, transport, now })
  const common = { roster, logbook, plans, links, now }
  const tokens = tokenKeeper({ ...common, chance })
  const bringPodNetworks = podNetworks({ book, links, flannel: readFlannel(), tell })
  const hearNodes = nodeDesk({ ...common, tokens })
  const watch = opened.use(
    clusterWatch({
      book,
      links,
      tell,
      hasMachines: (name) => roster.all().some((machine) => machine.join?.cluster === name),
      heard: async (name, word, before) => {
        await hearNodes(name, word, before)
        if (word.kind === 'all') await bringPodNetworks()
      },
      patience: { wait: parts.wait ?? waitUnlessOver, chance: () => (chance(1)[0] ?? 0) / 256 },
    }),
  )
  // While the box was away nobody could ask it.
  for (const { id, state } of roster.all()) {
    if (state === 'joining') await logbook.keep(roster.heardOf(id, now()))
  }
  await renewClaims({ book, now })
  book.subscribe(() => watch.look())
  watch.look()
  const releases = releaseDesk({
    roster,
    logbook,
    links,
    etcd,
    addressOf,
    hasApi,
    whyKeep: (machine) => whyKeep(machine, 'release'),
    revoke: parts.revoke,
    now,
  })
  const routes = joinDesk({
    ...common,
    book,
    etcd,
    tokens,
    viewOf: watch.viewOf,
    tooWeak: parts.tooWeak,
    wanted: (machine) => {
      if (releases.wantsLeave(machine)) return 'leave'
      return machine.install?.again === 'reinstall' ? 'reinstall' : undefined
    },
    left: releases.left,
  })

  const passTime = async (): Promise<void> => {
    await giveUpSilentInits({ roster, logbook, book, now })
    await tokens.sweep()
    await bringPodNetworks()
    await releases.goOn()
  }
  let passing: Promise<void> | undefined
  const timer = setInterval(() => {
    // What the store refuses is told by the logbook, and comes again the next time.
    // One that takes long, with a cluster that does not answer, is not followed by all that it has held up.
    passing ??= passTime()
      .catch(() => {})
      .finally(() => (passing = undefined))
  }, passTimeEveryMs)
  opened.defer(async () => {
    clearInterval(timer)
    await passing
  })
  const ended = opened.move()
  return {
    desk: { ...made.desk, find: (name) => withNodes(made.desk.find(name)) },
    routes,
    nodePartsOf,
    release: releases.release,
    whyKeep,
    passTime,
    [Symbol.asyncDispose]: async () => await ended.disposeAsync(),
  }

  function nodePartsOf(mac: Mac, machine: Machine): readonly SeedParts[] {
    const wish = plans.joinOf(mac, machine)
    if (wish === undefined) return []
    const cluster = book.find(wish.cluster)?.cluster
    if (cluster === undefined) {
      return [{ kind: 'refused', because: `no cluster has the name ${wish.cluster}` }]
    }
    return withAgent(agent, seedPartsOf(cluster, kubernetes))
  }

  /** Whether a cluster has an API that could be asked, be it away just now. */
  function hasApi(name: string): boolean {
    const cluster = book.find(name)?.cluster
    return cluster !== undefined && (cluster.kind === 'external' || cluster.init?.phase === 'done')
  }

  function addressOf(machine: Machine): Ipv4 | undefined {
    const view = machine.join === undefined ? undefined : watch.viewOf(machine.join.cluster)
    const node = view?.kind === 'heard' ? view.nodes.find((one) => isNodeOf(one, machine)) : undefined
    return node === undefined ? undefined : nodeAddress(node)
  }

  function whyKeep(machine: Machine, way: WayOut): string | undefined {
    const name = machine.join?.cluster
    if (name === undefined) return undefined
    const cluster = book.find(name)?.cluster
    return whyKeepControlPlane({ machine, way, cluster, view: watch.viewOf(name), machines: roster.all() })
  }

  function withNodes(summary: ClusterSummary | undefined): ClusterSummary | undefined {
    if (summary === undefined) return undefined
    const view = watch.viewOf(summary.cluster.name)
    if (view.kind === 'silent') return { ...summary, nodes: view }
    const nodes = view.nodes.map((node) => {
      const owner = ownerOf(node)
      const machine =
        owner.kind === 'machine'
          ? roster.byId(owner.id)
          : owner.kind === 'board'
            ? owner.uuids.map((uuid) => roster.byUuid(uuid)).find((one) => one !== undefined)
            : undefined
      const isOfIt = machine !== undefined && wishOf({ roster, plans, now }, machine) !== undefined
      return { ...node, ...(isOfIt ? { machine: machine.id } : {}) }
    })
    return { ...summary, nodes: { kind: 'heard', nodes } }
  }
}

async function waitUnlessOver(ms: number, over: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: over }).catch(() => {})
}
