import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import type { ApplianceEvent, RecordedEvent } from '../events/event.ts'
import { apiApp, type ApplianceStatus } from '../http/api-app.ts'
import { bootApp } from '../http/boot-app.ts'
import { runJobs } from '../jobs/schedule.ts'
import { listenDhcp } from '../listen/dhcp.ts'
import { listenHttp, listenSocketFile } from '../listen/http.ts'
import { listenTftp, type TftpSettings } from '../listen/tftp.ts'
import { Roster } from '../machines/roster.ts'
import { LeaseTable } from '../networks/lease-table.ts'
import type { Network } from '../networks/network.ts'
import { openStore } from '../store/open-store.ts'
import type { Ipv4 } from '../wire/ipv4.ts'
import { apiDesk } from './api-desk.ts'
import { bootDesk, type BootDeskParts } from './boot-desk.ts'
import { readPrograms, readRamVendorData, readTemplates } from './boot-material.ts'
import { delivered } from './delivered.ts'
import { startDelivery } from './delivery.ts'
import { dhcpDesk } from './dhcp-desk.ts'
import { interfaceAddresses, networkOnBox, observedNetworks } from './interfaces.ts'
import { applianceJobs } from './jobs.ts'
import { Logbook } from './logbook.ts'
import { macAt } from './mac-at.ts'
import { plansOf } from './plans.ts'
import { tftpDesk } from './tftp-desk.ts'
import { version } from './version.ts'
import { whoseEvent } from './whose-event.ts'

export type Appliance = AsyncDisposable & {
  readonly status: ApplianceStatus
  subscribe(listener: (event: RecordedEvent) => void): () => void
}

/** The file names of the data folder. */
export const storeName = 'ironwake.db'
export const socketName = 'ironwake.sock'

const mtu = 1500

/** Builds every part from the settings and opens the ports. Disposing of it closes all of them, in the reverse order. */
export async function startAppliance(
  config: Config,
  listener: (event: RecordedEvent) => void,
): Promise<Appliance> {
  await using opened = new AsyncDisposableStack()
  const now = (): number => Date.now()
  const chance = (count: number): Uint8Array => randomBytes(count)
  mkdirSync(config.dataFolder, { recursive: true, mode: 0o700 })
  const store = opened.use(await openStore(join(config.dataFolder, storeName)))

  const addresses = interfaceAddresses()
  const onBox = config.networks.map((settings) => networkOnBox(settings, addresses))
  const networks =
    config.networks.length === 0
      ? observedNetworks(addresses)
      : onBox.flatMap((one) => (one.kind === 'network' ? [one.network] : []))
  const byAddress = new Map<string, Network>(networks.map((network) => [network.serverAddress, network]))

  const leases = new LeaseTable(networks)
  leases.load(await store.leases.all(), now())
  const roster = new Roster(await store.machines.all(), await store.attempts.latest())
  const holderOf = (address: Ipv4) => macAt(leases, networks, address)
  const logbook = new Logbook(store, whoseEvent(roster, holderOf, now), now)
  opened.defer(async () => await logbook.settle().catch(() => {}))
  logbook.subscribe(listener)
  opened.defer(() => logbook.note({ kind: 'appliance-stopped' }))

  const problems = new Map<string, string>()
  const status: ApplianceStatus = { version, startedAt: now(), networks: [] }
  const plans = plansOf(config)
  const programs = readPrograms(config.bootProgramFolders)
  const desk: BootDeskParts = {
    roster,
    logbook,
    plans,
    programs,
    templates: readTemplates(),
    vendorData: readRamVendorData(),
    networkAt: (address) => byAddress.get(address),
    ports: { http: config.http.port, delivery: config.http.deliveryPort },
    now,
    chance,
  }
  const dhcp = dhcpDesk({
    view: { leases, hostnameOf: (network, mac) => plans.hostnameOf(network, mac) },
    settings: { httpPort: config.http.port, programs: new Set(programs.keys()), mtu },
    leases,
    roster,
    logbook,
    chance,
  })
  const boot = bootApp(bootDesk(desk))
  const tell = (event: ApplianceEvent): void => logbook.note(event)
  const delivering = deliverTo(networks.filter((network) => network.mode === 'full'))
  opened.defer(async () => await (await delivering.catch(() => undefined))?.[Symbol.asyncDispose]())

  for (const one of onBox) if (one.kind === 'unusable') unusable(one.settings, one.because)
  const served: Network[] = []
  for (const network of networks) {
    try {
      await using parts = new AsyncDisposableStack()
      // DHCP last: who is told what to load finds it there.
      if (network.mode === 'full') {
        await delivering
        const where = { address: network.serverAddress, port: config.http.port }
        parts.use(await listenHttp(boot, where, tell))
        parts.use(listenTftp(tftpOf(network)))
      }
      parts.use(listenDhcp(network, dhcp, now))
      opened.use(parts.move())
      served.push(network)
      const { name, mode, serverAddress } = network
      tell({ kind: 'network-ready', network: name, interface: network.interface, mode, serverAddress })
    } catch (error) {
      unusable(network, error instanceof Error ? error.message : String(error))
    }
  }

  const keepDays = config.events.keepDays
  opened.use(runJobs(applianceJobs({ store, roster, logbook, keepDays, now }), jobDone))
  const api = apiDesk({ store, roster, logbook, leases, networks, status: () => appliance.status, now })
  opened.use(await listenSocketFile(apiApp(api), join(config.dataFolder, socketName)))
  tell({ kind: 'appliance-started', version })
  await logbook.settle()

  const parts = opened.move()
  const appliance: Appliance = {
    get status() {
      return { ...status, networks: networkStatus() }
    },
    subscribe: (more) => logbook.subscribe(more),
    [Symbol.asyncDispose]: async () => await parts.disposeAsync(),
  }
  return appliance

  async function deliverTo(full: readonly Network[]): Promise<AsyncDisposable | undefined> {
    if (full.length === 0) return undefined
    const order = {
      addresses: full.map((network) => network.serverAddress),
      port: config.http.deliveryPort,
      streams: config.http.streams,
      images: config.images,
    }
    const parts = { roster, logbook, holderOf, now }
    return await startDelivery(order, {
      delivered: (delivery) => delivered(parts, delivery),
      happened: tell,
      trouble: (because) => tell({ kind: 'delivery-failed', because }),
    })
  }

  function tftpOf(network: Network): TftpSettings {
    const { name, interface: device, serverAddress: address } = network
    return { network: name, interface: device, address, lookup: tftpDesk(desk, network), report: tell }
  }

  function unusable(network: { readonly name: string; readonly interface: string }, because: string): void {
    problems.set(network.name, because)
    tell({ kind: 'network-unusable', network: network.name, interface: network.interface, because })
  }

  function networkStatus(): ApplianceStatus['networks'] {
    const all = config.networks.length === 0 ? networks : config.networks
    return all.map(({ name, interface: device, mode }) => {
      const problem = problems.get(name)
      const serverAddress = networks.find((network) => network.name === name)?.serverAddress ?? ''
      const common = { name, interface: device, mode, serverAddress }
      return problem === undefined ? common : { ...common, problem }
    })
  }

  function jobDone(job: string, outcome: string): void {
    tell({ kind: 'job-ran', job, outcome })
  }
}
