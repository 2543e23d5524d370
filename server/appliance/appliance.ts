import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import type { ApplianceEvent, RecordedEvent } from '../events/event.ts'
import { apiApp, guardedApiApp, type ApplianceStatus } from '../http/api-app.ts'
import { bootApp } from '../http/boot-app.ts'
import { machineDoor } from '../http/machine-door.ts'
import { nodeRoutes } from '../http/node-routes.ts'
import { tokenDoor } from '../http/token-door.ts'
import { ImageUses } from '../images/image-uses.ts'
import { jobMemory } from '../jobs/job-memory.ts'
import { runJobs, type JobWord } from '../jobs/schedule.ts'
import { listenDhcp, type DhcpPlace } from '../listen/dhcp.ts'
import { listenHttp, listenSocketFile } from '../listen/http.ts'
import { kubeTransport } from '../listen/kube-transport.ts'
import { listenTftp, type TftpSettings } from '../listen/tftp.ts'
import { Roster } from '../machines/roster.ts'
import { LeaseTable } from '../networks/lease-table.ts'
import type { Network } from '../networks/network.ts'
import { Whereabouts } from '../networks/whereabouts.ts'
import { openStore } from '../store/open-store.ts'
import { storeName } from '../store/store-name.ts'
import type { Ipv4 } from '../wire/ipv4.ts'
import { apiDesk } from './api-desk.ts'
import { authorityOfBox, isApiOn, listenApi } from './api-listener.ts'
import { apiPlaceFor } from './api-place.ts'
import { bootDesk, type BootDeskParts } from './boot-desk.ts'
import {
  findPrograms,
  readDiskMaterial,
  readEnrolmentMaterial,
  readRamVendorData,
  readTemplates,
} from './boot-material.ts'
import { compileHotCode } from './compile-hot-code.ts'
import { delivered } from './delivered.ts'
import { startDelivery, type DeliveryPlace } from './delivery.ts'
import { dhcpDesk } from './dhcp-desk.ts'
import { enrolmentDesk } from './enrolment-desk.ts'
import { FrameRing } from './frame-ring.ts'
import { searchForServers, type SearchWords } from './foreign-servers.ts'
import { Gate } from './gate.ts'
import { grubsWithoutHttp } from './grubs-without-http.ts'
import { imageBytes } from './image-bytes.ts'
import { ImageShelf, imageStoreName } from './image-shelf.ts'
import { interfaceAddresses, networkOnBox, observedNetworks } from './interfaces.ts'
import { isServed, networkOfRequest, placesOf } from './places.ts'
import { imagesOfSettings } from './images-of-settings.ts'
import { applianceJobs } from './jobs.ts'
import { Logbook } from './logbook.ts'
import { macAt } from './mac-at.ts'
import { plansOf } from './plans.ts'
import { powerDesk } from './power-desk.ts'
import { Probers } from './probers.ts'
import { startClusters } from './start-clusters.ts'
import { syncAside } from './sync-aside.ts'
import { tftpDesk } from './tftp-desk.ts'
import { Throttle } from './throttle.ts'
import { tooWeakToEnrol, tooWeakToJoin } from './too-weak.ts'
import { openTokens } from './token-desk.ts'
import { transferred } from './transferred.ts'
import { underWay } from './under-way.ts'
import { Troubles } from './troubles.ts'
import { version } from './version.ts'
import { whoseEvent } from './whose-event.ts'

export type Appliance = AsyncDisposable & {
  readonly status: ApplianceStatus
  subscribe(listener: (event: RecordedEvent) => void): () => void
}

/** The file names of the data folder. */
export const socketName = 'ironwake.sock'

const mtu = 1500

/** While no appliance runs, `ironwake images` has the store for as long as a row of the audit log takes. */
const rowPatienceMs = 3_000

/** Builds every part from the settings and opens the ports. Disposing of it closes all of them, in the reverse order. */
export async function startAppliance(
  config: Config,
  listener: (event: RecordedEvent) => void,
): Promise<Appliance> {
  await using opened = new AsyncDisposableStack()
  const now = (): number => Date.now()
  const chance = (count: number): Uint8Array => randomBytes(count)
  const store = opened.use(await openStore(join(config.dataFolder, storeName), { patienceMs: rowPatienceMs }))

  const addresses = interfaceAddresses()
  const onBox = config.networks.map((settings) => networkOnBox(settings, addresses))
  const places = placesOf(
    config.networks.length === 0
      ? observedNetworks(addresses)
      : onBox.flatMap((one) => (one.kind === 'network' ? [one.network] : [])),
  )
  const networks = places.flatMap((place) => [place.network, ...place.behind])

  const leases = new LeaseTable(networks)
  leases.load(await store.leases.all(), now())
  const limits = { sightings: config.sightings.keep }
  const roster = new Roster(await store.machines.all(), await store.attempts.latest(), limits)
  const whereabouts = new Whereabouts()
  const holderOf = (address: Ipv4) => macAt(leases, networks, address) ?? whereabouts.macAt(address)
  const logbook = new Logbook(store, whoseEvent(roster, holderOf, now), now)
  opened.defer(async () => await logbook.settle().catch(() => {}))
  logbook.subscribe(listener)
  opened.defer(() => logbook.note({ kind: 'appliance-stopped' }))

  const tell = (event: ApplianceEvent): void => logbook.note(event)
  const authority = await authorityOfBox(config, now(), tell)
  const problems = new Map<string, string>()
  const status: ApplianceStatus = { version, startedAt: now(), networks: [], jobs: [] }
  const images = new ImageShelf(config)
  await images.look()
  const imageUses = new ImageUses(join(config.dataFolder, imageStoreName))
  const plans = plansOf(config, images)
  const programs = findPrograms(config.bootProgramFolders, config.bootFiles.values())
  const wrongMachines = new Throttle({ burst: 20, perSecond: 1 / 6, mostKeys: 5_000 })
  const mayEnrolAgain = (address: string): boolean => wrongMachines.pass(address, now()).passes
  const enrolments = enrolmentDesk(
    { roster, logbook, now, chance, mayFailAgain: mayEnrolAgain, tooWeak: tooWeakToEnrol({ roster, plans }) },
    await store.enrolments.all(),
  )
  const clusters = opened.use(
    await startClusters({
      config,
      store,
      roster,
      logbook,
      plans,
      networks,
      keyVariable: process.env['IRONWAKE_STORE_KEY'],
      transport: (target) => kubeTransport(target, `ironwake/${version}`),
      now,
      chance,
      revoke: (machine, because) => enrolments.revoke(machine, because),
      tooWeak: tooWeakToJoin({ roster, plans, enrolments }),
    }),
  )
  const desk: BootDeskParts = {
    roster,
    logbook,
    plans,
    images,
    imageUses,
    programs,
    templates: readTemplates(),
    grubTemplates: readTemplates('grub'),
    vendorData: readRamVendorData(),
    diskMaterial: readDiskMaterial(),
    nodePartsOf: clusters.nodePartsOf,
    enrolmentMaterial: readEnrolmentMaterial(),
    enrolments,
    apiPlace: apiPlaceFor(config, authority),
    authorityPem: authority?.certificatePem,
    networkAt: (arrival) => networkOfRequest(networks, arrival),
    whereabouts,
    holderOf,
    ports: { http: config.http.port, delivery: config.http.deliveryPort },
    now,
    chance,
  }
  const probers = new Probers((event) => logbook.note(event))
  const frames = new FrameRing()
  const troubles = new Troubles()
  logbook.subscribe((event) => troubles.hear(event))
  const dhcp = dhcpDesk({
    view: {
      leases,
      hostnameOf: (network, mac) => plans.hostnameOf(network, mac, roster.byMac(mac)),
      loaderOf: (network, mac) => plans.loaderOf(network, mac),
      proxyOfferOf: (network, mac) => plans.proxyOfferOf(network, mac),
      machineKnownAs: (sighting, at) => roster.knownAs(sighting, at),
    },
    settings: {
      httpPort: config.http.port,
      programs: new Set(programs.keys()),
      tftpOnly: grubsWithoutHttp(config.bootProgramFolders),
      bootFiles: config.bootFiles,
      mtu,
    },
    leases,
    whereabouts,
    roster,
    logbook,
    chance,
    probing: { probe: async (probe) => await probers.probe(probe), now },
    frames: { ring: frames, now },
  })
  const answers = bootDesk(desk)
  const boot = bootApp(answers)
  const filesOfImages = imageBytes(async (image, file) => {
    await images.look()
    return images.file(image, file)
  })
  const delivering = deliverTo(places.filter(isServed).map((place) => place.network))
  opened.defer(async () => await (await delivering.catch(() => undefined))?.[Symbol.asyncDispose]())

  for (const one of onBox) if (one.kind !== 'network') unusable(one.settings, one.because)
  const searches: (() => void)[] = []
  for (const place of places) {
    const { network, behind } = place
    try {
      await using parts = new AsyncDisposableStack()
      // DHCP last: who is told what to load finds it there.
      if (isServed(place)) {
        await delivering
        const where = { address: network.serverAddress, port: config.http.port }
        parts.use(await listenHttp(boot, where, tell))
        parts.use(listenTftp(tftpOf(network)))
      }
      if (network.mode === 'full' && network.relayed !== true) parts.use(serveAddresses(place))
      else parts.use(listenDhcp(place, dhcp, now))
      opened.use(parts.move())
      for (const { name, interface: device, mode, serverAddress } of [network, ...behind]) {
        tell({ kind: 'network-ready', network: name, interface: device, mode, serverAddress })
      }
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error)
      for (const one of [network, ...behind]) unusable(one, because)
    }
  }

  const syncImages = async (stop: AbortSignal): Promise<string> => await syncAside(config, tell, stop)
  const imageJobParts = { config, roster, imageUses, now, syncImages }
  const jobs = opened.use(
    await runJobs(applianceJobs({ store, logbook, images: imageJobParts }), {
      memory: jobMemory(join(config.dataFolder, 'jobs')),
      heard: jobHeard,
      now,
    }),
  )
  const tokens = await openTokens({ store, tell, now, chance })
  const api = apiDesk({
    store,
    roster,
    logbook,
    leases,
    networks,
    plans,
    images,
    frames,
    troubles,
    enrolmentOf: enrolments.of,
    boot: desk,
    clusters: clusters.desk,
    release: clusters.release,
    whyKeep: clusters.whyKeep,
    api: authority !== undefined && isApiOn(config) ? 'on' : 'off',
    authority: () => authority?.certificatePem,
    tokens: tokens.desk,
    power: powerDesk({ machines: config.machines, networks, leases, logbook }),
    status: () => appliance.status,
    now,
  })
  const wrongTokens = new Throttle({ burst: 20, perSecond: 1 / 6, mostKeys: 5_000 })
  const door = tokenDoor({
    tokens: tokens.book,
    tell,
    failAgain: (address) => wrongTokens.pass(address, now()),
  })
  opened.use(await listenSocketFile(apiApp(api), join(config.dataFolder, socketName)))
  const served = places.filter(isServed).map((place) => place.network.serverAddress)
  const node = nodeRoutes({
    desk: enrolments,
    door: machineDoor({ check: enrolments.check, tell, mayFailAgain: mayEnrolAgain }),
    tell,
    routes: clusters.routes,
  })
  const app = guardedApiApp(api, door, node)
  opened.use(await listenApi({ config, authority, app, served, tell, now }))
  tell({ kind: 'appliance-started', version })
  for (const image of imagesOfSettings(config)) if (!images.has(image)) tell({ kind: 'image-unknown', image })
  await logbook.settle()
  // Last, so that a server found does not keep the appliance from starting: its other parts are of use.
  for (const search of searches) search()
  compileHotCode()

  const parts = opened.move()
  const appliance: Appliance = {
    get status() {
      return { ...status, networks: networkStatus(), jobs: jobs.status() }
    },
    subscribe: (more) => logbook.subscribe(more),
    [Symbol.asyncDispose]: async () => await parts.disposeAsync(),
  }
  return appliance

  async function deliverTo(full: readonly Network[]): Promise<AsyncDisposable | undefined> {
    if (full.length === 0) return undefined
    const order = {
      places: full.map(placeOf),
      port: config.http.deliveryPort,
      streams: config.http.streams,
      images: config.images,
      dataFolder: config.dataFolder,
    }
    const parts = { roster, logbook, leases, networks, holderOf, now }
    return await startDelivery(order, {
      delivered: (delivery) => delivered(parts, delivery),
      underWay: (told) => underWay(parts, told),
      happened: tell,
      trouble: (because) => tell({ kind: 'delivery-failed', because }),
      ready: () => tell({ kind: 'delivery-ready' }),
    })
  }

  /** All networks of an interface share its wire, whichever of them says how fast it is. */
  function placeOf({ name, serverAddress, interface: device }: Network): DeliveryPlace {
    const { link } = config.networks.find((one) => one.interface === device && one.link !== undefined) ?? {}
    const place = { network: name, address: serverAddress }
    return link === undefined ? place : { ...place, bitsPerSecond: link }
  }

  function tftpOf(network: Network): TftpSettings {
    const { name, interface: device, serverAddress: address } = network
    return {
      network: name,
      interface: device,
      address,
      lookup: tftpDesk({ programs, boot: answers, imageBytes: filesOfImages }, network),
      report: (event) => transferred({ roster, logbook, holderOf }, event),
    }
  }

  /** The pool opens when no other server has answered for a moment, and shuts when one does later. */
  function serveAddresses(place: DhcpPlace): AsyncDisposable {
    const { network, behind } = place
    const { name, authoritative = false } = network
    const gate = new Gate(dhcp)
    const serving = new AsyncDisposableStack()
    serving.use(listenDhcp(place, gate.desk, now))
    const probing = serving.use(probers.open(network))
    if (authoritative) gate.open()
    const words: SearchWords = {
      found({ server, offered }) {
        tell({ kind: 'foreign-server-seen', network: name, server, because: `it offers ${offered}` })
        if (authoritative || problems.has(name)) return
        gate.shut()
        // What waits for the end of a probe is not answered either.
        void probing[Symbol.asyncDispose]()
        for (const one of [network, ...behind]) unusable(one, besideServer(server))
      },
      quiet: () => gate.open(),
      impossible(because) {
        tell({ kind: 'foreign-servers-unknown', network: name, because })
        gate.open()
      },
    }
    searches.push(() => void serving.use(searchForServers(network, chance, words)))
    return serving
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

  function jobHeard(word: JobWord): void {
    if (word.kind === 'ran') tell({ ...word, kind: 'job-ran' })
    else tell({ ...word, kind: 'job-failed' })
  }
}

function besideServer(server: Ipv4): string {
  return `the DHCP server ${server} gives addresses there already, and two would give the same ones twice. Set mode: proxy to leave the addresses to it, or stop it and start Ironwake again.`
}
