import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { caCertHash } from '../clusters/ca-cert-hash.ts'
import {
  readClusterOrder,
  readEndpoint,
  type ClusterOrder,
  type ClusterWish,
} from '../clusters/cluster-order.ts'
import type { Cluster, ClusterInit, ClusterRecord, ManagedCluster, SecretName } from '../clusters/cluster.ts'
import { findKeyRing, makeKeyFile, type FoundKeyRing } from '../clusters/find-key-ring.ts'
import { issueClientCertificate } from '../clusters/issue-client-certificate.ts'
import type { KeyRing } from '../clusters/key-ring.ts'
import { kubeClient } from '../clusters/kube-client.ts'
import { chooseKubernetes } from '../clusters/kubernetes-versions.ts'
import type { KubeTransport } from '../clusters/kube-transport.ts'
import { makeAuthorities } from '../clusters/make-authorities.ts'
import { probeRights, type ProbedRights } from '../clusters/probe-rights.ts'
import type { KubeTarget } from '../clusters/read-kubeconfig.ts'
import { addressesTaken } from '../clusters/addresses-taken.ts'
import type { BoxNetwork } from '../clusters/why-not-vip.ts'
import { writeKubeconfig } from '../clusters/write-kubeconfig.ts'
import type { Config } from '../config/config.ts'
import type { ApplianceEvent } from '../events/event.ts'
import type {
  ClusterDesk,
  ClusterSummary,
  GivenText,
  MadeCluster,
  RemovedCluster,
} from '../http/cluster-routes.ts'
import type { Store } from '../store/open-store.ts'
import type { ClusterBook } from './cluster-book.ts'
import { endpointOf } from './cluster-links.ts'
import { nodeConfigOf } from './node-config-of.ts'

/** The file of the data folder that has the key for the secrets of the store. */
export const keyFileName = 'store.key'

export type ClusterDeskParts = {
  readonly store: Pick<Store, 'clusters' | 'saveClusters' | 'deleteCluster'>
  readonly dataFolder: string
  /** What `IRONWAKE_STORE_KEY` holds. */
  readonly keyVariable: string | undefined
  readonly networks: readonly BoxNetwork[]
  readonly kubernetes: Config['kubernetes']
  readonly transport: (target: KubeTarget) => KubeTransport
  /** The machines that are nodes of a cluster, or are to become some. */
  readonly nodesOf: (cluster: string) => readonly string[]
  readonly tell: (event: ApplianceEvent) => void
  readonly now: () => number
}

/** kubeadm's `CertificateValidityPeriod`. */
const kubeconfigMs = 365 * 86_400_000
/** As kubeadm's own admin.conf: from 1.29 this group is given the cluster by a binding that `kubeadm init` makes. */
const admin = { organization: 'kubeadm:cluster-admins', commonName: 'kubernetes-admin' }
/** For all questions to a cluster that is added, together. */
const probeMs = 20_000

/** The clusters: their records, their secrets, and what is made of them. */
export async function clusterDesk(
  parts: ClusterDeskParts,
): Promise<{ readonly desk: ClusterDesk; readonly book: ClusterBook }> {
  const { store, dataFolder, keyVariable, tell, now } = parts
  const keyFile = join(dataFolder, keyFileName)
  const records = new Map((await store.clusters.all()).map((record) => [record.cluster.name, record]))
  let found: FoundKeyRing = findKeyRing(keyFile, keyVariable)
  let before: Promise<unknown> = Promise.resolve()
  const listeners = new Set<() => void>()
  await sealAnew()
  const known = [...records.values()].map(({ cluster }) => cluster)
  for (const { cluster, address, because } of addressesTaken(known, parts.networks)) {
    tell({ kind: 'cluster-address-taken', cluster, reachedBy: address, because })
  }

  const desk: ClusterDesk = {
    list: () => [...records.values()].map(summaryOf),
    find(name) {
      const record = records.get(name)
      return record === undefined ? undefined : summaryOf(record)
    },
    make: async (wanted) => await oneAfterAnother(async () => await make(wanted)),
    remove: async (name) => await oneAfterAnother(async () => await remove(name)),
    kubeconfig,
    nodeConfig(name) {
      const record = records.get(name)
      return record === undefined ? { kind: 'unknown' } : nodeConfigOf(record.cluster, parts.kubernetes)
    },
  }
  const book: ClusterBook = {
    list: () => [...records.values()].map(knownOf),
    find(name) {
      const record = records.get(name)
      return record === undefined ? undefined : knownOf(record)
    },
    secretOf(name, secret) {
      const record = records.get(name)
      return record === undefined ? refused(`there is no cluster ${name}`) : secretOf(record, secret)
    },
    setInit,
    subscribe: (listener) => void listeners.add(listener),
  }
  return { desk, book }

  async function setInit(name: string, init: ClusterInit | undefined): Promise<void> {
    const record = records.get(name)
    if (record?.cluster.kind !== 'managed') return
    const { init: _, ...rest } = record.cluster
    const changed = { ...record, cluster: init === undefined ? rest : { ...rest, init } }
    records.set(name, changed)
    tellListeners()
    await store.saveClusters([changed])
  }

  function knownOf(record: ClusterRecord): ReturnType<ClusterBook['list']>[number] {
    const { cluster } = record
    const locked = whyLocked(record)
    return locked === undefined ? { cluster } : { cluster, locked }
  }

  function tellListeners(): void {
    for (const listener of listeners) listener()
  }

  /** Two orders for one name must not both find it free. */
  async function oneAfterAnother<T>(work: () => Promise<T>): Promise<T> {
    const mine = before.then(work)
    before = mine.catch(() => {})
    return await mine
  }

  async function make(wanted: ClusterWish): Promise<MadeCluster> {
    const read = readClusterOrder(wanted, parts.networks)
    if (read.kind === 'refused') return read
    const { order } = read
    if (records.has(order.name)) return refused(`There is a cluster ${order.name} already.`)
    const ring = ringToSeal()
    if ('because' in ring) return refused(ring.because)
    return order.kind === 'managed' ? await create(order, ring) : await add(order, ring)
  }

  async function create(
    order: Extract<ClusterOrder, { kind: 'managed' }>,
    ring: KeyRing,
  ): Promise<MadeCluster> {
    const { vip } = order
    const sharer = [...records.values()].find(
      ({ cluster }) => vip !== undefined && cluster.kind === 'managed' && cluster.vip === vip,
    )
    if (sharer !== undefined) {
      return refused(
        `${vip} is the address of the cluster ${sharer.cluster.name}. Choose one that nobody has.`,
      )
    }
    const createdAt = now()
    const { authorities, secrets } = await makeAuthorities(createdAt)
    const summary = await keep({ ...order, createdAt, authorities }, secrets, ring)
    const { name: cluster, kubernetes } = order
    tell({ kind: 'cluster-created', cluster, kubernetes, caCertHash: summary.caCertHash })
    return { kind: 'made', summary }
  }

  async function add(
    { name, target }: Extract<ClusterOrder, { kind: 'external' }>,
    ring: KeyRing,
  ): Promise<MadeCluster> {
    const probed = await probe(target)
    if (probed.kind === 'unfit')
      return refused(`${target.server} cannot be used: ${probed.because}.`.replace(/\.\.$/, '.'))
    const { server, ca, tlsServerName, credential } = target
    const secrets =
      credential.kind === 'token' ? { token: credential.token } : { 'client-key': credential.privateKey }
    const shown =
      credential.kind === 'token'
        ? ({ kind: 'token' } as const)
        : ({ kind: 'certificate', certificate: credential.certificate } as const)
    const version = probed.kind === 'fit' ? chooseKubernetes(probed.version) : undefined
    const cluster = {
      kind: 'external',
      name,
      createdAt: now(),
      ...(version?.kind === 'version' ? { kubernetes: version.version } : {}),
      server,
      ca,
      tlsServerName,
      credential: shown,
    } as const
    const summary = await keep(cluster, secrets, ring)
    const event = { kind: 'cluster-added', cluster: name, server, caCertHash: summary.caCertHash } as const
    if (probed.kind === 'fit') {
      tell(event)
      return { kind: 'made', summary }
    }
    tell({ ...event, unprobed: probed.because })
    return {
      kind: 'made',
      summary,
      remark: `It was not reached, so what its user may do there is not known: ${probed.because}`,
    }
  }

  async function probe(target: KubeTarget): Promise<ProbedRights> {
    await using transport = parts.transport(target)
    return await probeRights(kubeClient(transport), AbortSignal.timeout(probeMs))
  }

  async function keep(
    cluster: Cluster,
    secrets: { readonly [name in SecretName]?: string },
    ring: KeyRing,
  ): Promise<ClusterSummary> {
    const sealed = Object.entries(secrets).map(([name, text]) => [
      name,
      ring.seal(text, placeOf(cluster, name)),
    ])
    const record: ClusterRecord = { cluster, sealed: Object.fromEntries(sealed) as ClusterRecord['sealed'] }
    await store.saveClusters([record])
    records.set(cluster.name, record)
    tellListeners()
    return summaryOf(record)
  }

  async function remove(name: string): Promise<RemovedCluster> {
    if (!records.has(name)) return { kind: 'unknown' }
    const nodes = parts.nodesOf(name)
    if (nodes.length > 0) return refused(whyNotRemoved(name, nodes))
    // First here: what is kept of it while the store forgets it would bring it back.
    const record = records.get(name)
    records.delete(name)
    try {
      await store.deleteCluster(name)
    } catch (error) {
      if (record !== undefined) records.set(name, record)
      tellListeners()
      throw error
    }
    tellListeners()
    tell({ kind: 'cluster-removed', cluster: name })
    return { kind: 'removed' }
  }

  async function kubeconfig(name: string, wanted: string | undefined): Promise<GivenText> {
    const record = records.get(name)
    if (record === undefined) return { kind: 'unknown' }
    const { cluster } = record
    if (cluster.kind === 'external') {
      return refused(`${name} is somebody else’s cluster; its administrators give out kubeconfigs.`)
    }
    const server = wanted === undefined ? endpointOf(cluster) : readEndpoint(wanted)
    if (server === undefined) return refused(whyNoServer(cluster, wanted))
    const opened = secretOf(record, 'ca')
    if (opened.kind === 'refused')
      return refused(`The authority of ${name} cannot be used: ${opened.because}.`)
    const authority = { certificate: cluster.authorities.ca, privateKey: opened.text }
    const given = await issueClientCertificate({ ...admin, authority, at: now(), lastsMs: kubeconfigMs })
    tell({ kind: 'cluster-kubeconfig-given', cluster: name, serial: given.serial, until: given.notAfter })
    const { certificate, privateKey } = given
    const user = admin.commonName
    const { ca } = cluster.authorities
    const text = writeKubeconfig({
      cluster: name,
      server: `https://${server}`,
      ca,
      user,
      certificate,
      privateKey,
    })
    return { kind: 'text', text }
  }

  function secretOf(record: ClusterRecord, name: SecretName): ReturnType<KeyRing['open']> {
    const sealed = record.sealed[name]
    if (sealed === undefined) return { kind: 'refused', because: `it has no ${name}` }
    return found.kind === 'ring'
      ? found.ring.open(sealed, placeOf(record.cluster, name))
      : { kind: 'refused', because: whyNoRing(found) }
  }

  /** The key file is made with the first secret: a box without clusters has none. */
  function ringToSeal(): KeyRing | { readonly because: string } {
    if (found.kind === 'none') {
      // Where secrets lie sealed already, a new key would look as if all were well.
      if (records.size > 0) return { because: `${whyNoRing(found)}. Put it back first.` }
      makeKeyFile(keyFile)
      found = findKeyRing(keyFile, keyVariable)
    }
    return found.kind === 'ring' ? found.ring : { because: `Secrets cannot be kept: ${whyNoRing(found)}.` }
  }

  function whyNoRing(none: Exclude<FoundKeyRing, { kind: 'ring' }>): string {
    return none.kind === 'refused' ? none.because : `the key file ${keyFile} is not there`
  }

  /** What an older key sealed is sealed by the first one, so that the older can be taken away after a start. */
  async function sealAnew(): Promise<void> {
    for (const record of records.values()) {
      const { cluster, sealed } = record
      const texts = Object.keys(sealed).map((name) => [name, secretOf(record, name as SecretName)] as const)
      const locked = texts.map(([, opened]) => opened).find((opened) => opened.kind === 'refused')
      if (locked !== undefined) {
        tell({ kind: 'cluster-locked', cluster: cluster.name, because: locked.because })
        continue
      }
      if (found.kind !== 'ring') continue
      const { ring } = found
      if (Object.values(sealed).every((one) => ring.isCurrent(one))) continue
      const secrets = texts.flatMap(([name, opened]) =>
        opened.kind === 'opened' ? [[name, opened.text]] : [],
      )
      await keep(cluster, Object.fromEntries(secrets) as { readonly [name in SecretName]?: string }, ring)
      tell({ kind: 'cluster-sealed-anew', cluster: cluster.name, key: ring.currentId })
    }
  }

  function summaryOf(record: ClusterRecord): ClusterSummary {
    const { cluster } = record
    const ca = cluster.kind === 'managed' ? cluster.authorities.ca : cluster.ca
    const common = {
      cluster,
      caCertHash: caCertHash(ca),
      caEndsAt: new X509Certificate(ca).validToDate.getTime(),
    }
    const locked = whyLocked(record)
    return locked === undefined ? common : { ...common, locked }
  }

  function whyLocked(record: ClusterRecord): string | undefined {
    const opened = Object.keys(record.sealed).map((name) => secretOf(record, name as SecretName))
    return opened.find((one) => one.kind === 'refused')?.because
  }
}

const mostNamed = 8

function whyNotRemoved(name: string, nodes: readonly string[]): string {
  const named = nodes.slice(0, mostNamed).join(', ')
  const rest = nodes.length > mostNamed ? ` and ${nodes.length - mostNamed} more` : ''
  return `${name} has machines: ${named}${rest}. Release them, or approve them for another cluster, first.`
}

/** Whose secret it is; a cluster made anew under an old name is another one. */
function placeOf({ name, createdAt }: Cluster, secret: string): string {
  return `cluster ${name} ${createdAt} ${secret}`
}

function whyNoServer({ name }: ManagedCluster, wanted: string | undefined): string {
  return wanted === undefined
    ? `${name} was created without an endpoint, so it is not known here where its API is. Name a control plane: --endpoint 10.0.0.11:6443`
    : `${wanted.slice(0, 60)} is not where a cluster is reached: write a name or an IPv4 address, and a port where it is not 6443.`
}

function refused(because: string): { readonly kind: 'refused'; readonly because: string } {
  return { kind: 'refused', because }
}
