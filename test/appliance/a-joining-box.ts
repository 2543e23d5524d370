import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setImmediate as turn } from 'node:timers/promises'
import { join as joinPath } from 'node:path'
import { text } from 'node:stream/consumers'
import { extract } from 'tar-stream'
import type { Test } from 'tap'
import { startClusters, type Clusters } from '../../server/appliance/start-clusters.ts'
import { Logbook } from '../../server/appliance/logbook.ts'
import { whoseEvent } from '../../server/appliance/whose-event.ts'
import { findKeyRing } from '../../server/clusters/find-key-ring.ts'
import type { ApplianceEvent } from '../../server/events/event.ts'
import { kubeTransport } from '../../server/listen/kube-transport.ts'
import type { JoinWish } from '../../server/machines/join-wish.ts'
import type { Machine } from '../../server/machines/machine.ts'
import { Roster } from '../../server/machines/roster.ts'
import { openStore } from '../../server/store/open-store.ts'
import { kubeApiServer, type KubeServer, type KubeServerSettings } from '../fakes/kube-api-server.ts'
import { serverCertificate } from '../clusters/server-certificate.ts'
import { nodeFactsText } from '../machines/node-facts.ts'
import { macNumber } from '../networks/a-network.ts'
import { freePort, ownAddress } from '../own-address.ts'
import { aMachine } from '../store/records.ts'

/** An order as a node unpacks it: the lines of `action`, and each file with its mode. */
export type UnpackedOrder = {
  readonly action: readonly string[]
  readonly files: ReadonlyMap<string, { readonly mode: number; readonly text: string }>
}

/**
 * What leads machines into clusters, over a store on disk, with a managed cluster `lab` whose API is to stand at a port of
 * loopback; and its machines, by number.
 */
export async function aJoiningBox(
  t: Test,
  given: Readonly<Record<number, Omit<JoinWish, 'cluster'>>>,
  order: Readonly<Record<string, unknown>> = {},
) {
  const dataFolder = mkdtempSync(joinPath(tmpdir(), 'ironwake-joining-'))
  t.teardown(() => rmSync(dataFolder, { recursive: true, force: true }))
  const store = await openStore(joinPath(dataFolder, 'ironwake.db'))
  t.teardown(async () => await store[Symbol.asyncDispose]())
  const clock = { now: Date.now() }
  const now = () => clock.now
  const chance = (count: number) => crypto.getRandomValues(new Uint8Array(count))
  const numbers = Object.keys(given).map(Number)
  const wishes = new Map(numbers.map((number) => [number, given[number]]))
  const idOf = (number: number): string => `M000000${number}`
  const machines = numbers.map((number): Machine => {
    const hostname = `node-${number}`
    const about = { serial: undefined, uuid: undefined, macs: [macNumber(number)] }
    return aMachine({ id: idOf(number), hostname, state: 'installed', stateSince: clock.now, ...about })
  })
  const roster = new Roster(machines)
  await store.saveMachines(machines)
  const happened: ApplianceEvent[] = []
  const logbook = new Logbook(
    store,
    whoseEvent(roster, () => undefined, now),
    now,
  )
  logbook.subscribe(({ event }) => void happened.push(event))
  t.teardown(async () => await logbook.settle())
  const joinOf = (mac: string): JoinWish | undefined => {
    const wish = wishes.get(numbers.find((number) => macNumber(number) === mac) ?? -1)
    return wish === undefined ? undefined : { ...wish, cluster: 'lab' }
  }
  const revoked: string[] = []
  const tooWeak = new Map<string, string>()
  const start = async (on: Roster = roster): Promise<Clusters> => {
    const clusters = await startClusters({
      config: { dataFolder, kubernetes: { packages: 'http://10.0.0.1/', packagesKeyFile: undefined } },
      store,
      roster: on,
      logbook,
      plans: { joinOf },
      networks: [],
      keyVariable: undefined,
      transport: (target) => kubeTransport(target, 'ironwake/test'),
      now,
      chance,
      revoke: (machine) => void revoked.push(machine),
      tooWeak: (machine) => tooWeak.get(machine.id),
      wait: async (_ms, over) => {
        // Short, and not at once: a server that is away would be asked without end.
        for (let i = 0; i < 20 && !over.aborted; i++) await turn()
      },
    })
    t.teardown(async () => await clusters[Symbol.asyncDispose]())
    return clusters
  }
  const box = { clusters: await start() }
  const port = await freePort()
  const made = await box.clusters.desk.make({
    kind: 'managed',
    name: 'lab',
    endpoint: `${ownAddress}:${port}`,
    ...order,
  })
  if (made.kind === 'refused') throw new Error(made.because)

  return {
    box,
    roster,
    wishes,
    store,
    start,
    clock,
    happened,
    logbook,
    revoked,
    /** Why machines are not known well enough, by their identifiers. */
    tooWeak,
    port,
    idOf,
    kinds: () => happened.map(({ kind }) => kind),
    told: (kind: ApplianceEvent['kind']) => happened.filter((event) => event.kind === kind),
    machine: (number: number) => roster.byId(idOf(number))!,
    /** What a node is answered that tells these facts. */
    asks: async (
      number: number,
      facts: Readonly<Record<string, string | undefined>> = {},
    ): Promise<UnpackedOrder> => {
      const time = String(Math.floor(clock.now / 1_000))
      const body = nodeFactsText({ time, address: `127.0.0.${number}`, ...facts })
      return await unpack(await question(number, 'join', body))
    },
    says: async (number: number, body: string) => await question(number, 'said', body),
    heartbeat: async (number: number, body: string) => {
      const answer = await question(number, 'ask', body)
      return answer.kind === 'text' ? answer.text.trim() : answer
    },
    /** The API of the cluster, from now on, with a certificate of its authority. */
    async api(more: Partial<KubeServerSettings> = {}): Promise<KubeServer> {
      const [record] = await store.clusters.all()
      const ring = findKeyRing(joinPath(dataFolder, 'store.key'), undefined)
      if (record?.cluster.kind !== 'managed' || ring.kind !== 'ring') throw new Error('no cluster')
      const { name, createdAt, authorities } = record.cluster
      const key = ring.ring.open(record.sealed.ca ?? '', `cluster ${name} ${createdAt} ca`)
      if (key.kind === 'refused') throw new Error(key.because)
      const served = await serverCertificate({
        authority: { certificate: authorities.ca, privateKey: key.text },
        commonName: 'kube-apiserver',
        names: [{ type: 'ip', value: ownAddress }],
      })
      const server = await kubeApiServer(
        { ...served, host: ownAddress, clientCa: authorities.ca, tokens: new Map(), ...more },
        port,
      )
      t.teardown(async () => await server[Symbol.asyncDispose]())
      return server
    },
  }

  async function question(number: number, word: 'join' | 'said' | 'ask', body: string) {
    const route = box.clusters.routes[word]
    if (route === undefined) throw new Error(`no route ${word}`)
    const arrival = { from: `127.0.0.${number}`, to: '127.0.0.1' }
    return await route.answer({ machine: idOf(number), arrival, body })
  }
}

async function unpack(
  answer: Awaited<ReturnType<NonNullable<Clusters['routes'][string]>['answer']>>,
): Promise<UnpackedOrder> {
  if (answer.kind !== 'bytes') throw new Error(JSON.stringify(answer))
  const files = new Map<string, { readonly mode: number; readonly text: string }>()
  const entries = extract()
  entries.end(answer.bytes)
  for await (const entry of entries) {
    const { name, mode } = entry.header
    files.set(name, { mode, text: await text(entry as AsyncIterable<Buffer>) })
  }
  return { action: files.get('action')?.text.trimEnd().split('\n') ?? [], files }
}

/** What a kubelet registers, as far as it matters here. */
export function aRegisteredNode(number: number, ready: 'True' | 'False') {
  return {
    metadata: { name: `node-${number}`, labels: {} },
    spec: { providerID: `ironwake://M000000${number}` },
    status: { conditions: [condition(ready)] },
  }
}

export function readiness(ready: 'True' | 'False' | 'Unknown') {
  return { status: { conditions: [condition(ready)] } }
}

function condition(status: string) {
  const reason = status === 'True' ? 'KubeletReady' : 'KubeletNotReady'
  return { type: 'Ready', status, reason, message: 'as the kubelet says' }
}
