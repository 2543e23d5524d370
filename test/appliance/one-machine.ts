import { join } from 'node:path'
import type { Test } from 'tap'
import { apiDesk } from '../../server/appliance/api-desk.ts'
import {
  findPrograms,
  readDiskMaterial,
  readEnrolmentMaterial,
  readRamVendorData,
  readTemplates,
} from '../../server/appliance/boot-material.ts'
import type { ApiPlace } from '../../server/appliance/api-place.ts'
import { bootDesk } from '../../server/appliance/boot-desk.ts'
import { delivered } from '../../server/appliance/delivered.ts'
import { dhcpDesk } from '../../server/appliance/dhcp-desk.ts'
import { enrolmentDesk } from '../../server/appliance/enrolment-desk.ts'
import { FrameRing } from '../../server/appliance/frame-ring.ts'
import { Logbook } from '../../server/appliance/logbook.ts'
import { ImageShelf, imageStoreName } from '../../server/appliance/image-shelf.ts'
import { ImageUses } from '../../server/images/image-uses.ts'
import { tooWeakToEnrol } from '../../server/appliance/too-weak.ts'
import { plansOf } from '../../server/appliance/plans.ts'
import { powerDesk } from '../../server/appliance/power-desk.ts'
import { Troubles } from '../../server/appliance/troubles.ts'
import { whoseEvent } from '../../server/appliance/whose-event.ts'
import type { Config } from '../../server/config/config.ts'
import { encode } from '../../server/dhcp/encode.ts'
import type { ApplianceEvent } from '../../server/events/event.ts'
import type { ClusterDesk } from '../../server/http/cluster-routes.ts'
import type { Enrolment } from '../../server/machines/enrolment.ts'
import type { Chance } from '../../server/machines/chance.ts'
import { Roster } from '../../server/machines/roster.ts'
import { LeaseTable } from '../../server/networks/lease-table.ts'
import { Whereabouts } from '../../server/networks/whereabouts.ts'
import { openStore, type Store } from '../../server/store/open-store.ts'
import { noAddress } from '../../server/wire/ipv4.ts'
import { bytesOfMac, hyphenated } from '../../server/wire/mac.ts'
import { allPrograms, captured } from '../boot/a-box.ts'
import { golden } from '../dhcp/golden.ts'
import { testFolder } from '../folder.ts'
import { countingChance } from '../machines/sightings.ts'
import { aNetwork, ip, macNumber } from '../networks/a-network.ts'
import { aConfig } from './a-config.ts'
import { aDesk } from '../http/an-api-desk.ts'

export const mac = macNumber(1)
const address = ip('10.77.0.100')
export const arrival = { from: address, to: '10.77.0.1' }
const image = { name: 'debian', folder: '/images/debian' }
const network = aNetwork({ ...captured, mode: 'proxy', pool: undefined })
const minute = 60_000

type Clock = { now: number; clusters?: ClusterDesk | undefined; needed?: string | undefined }

/** The API over HTTPS, as far as seeds name it. */
export type ApiOfBox = { readonly place: ApiPlace; readonly authorityPem: string }
type Stored = { readonly roster: Roster; readonly enrolments: readonly Enrolment[] }
type Box = Clock & { readonly apiOfBox: ApiOfBox | undefined }

/** The desks of an appliance that has just started. */
function startedDesks(store: Store, config: Config, stored: Stored, box: Box, chance: Chance) {
  const { roster } = stored
  const now = () => box.now
  const holderOf = () => mac
  const logbook = new Logbook(store, whoseEvent(roster, holderOf, now), now)
  const leases = new LeaseTable([network])
  const whereabouts = new Whereabouts()
  const images = new ImageShelf(config)
  const plans = plansOf(config, images)
  const common = { roster, logbook, plans, images, now, chance }
  const enrolments = enrolmentDesk(
    { ...common, mayFailAgain: () => true, tooWeak: tooWeakToEnrol({ roster, plans }) },
    stored.enrolments,
  )
  const material = {
    ...common,
    programs: findPrograms([]),
    templates: readTemplates(),
    grubTemplates: readTemplates('grub'),
    vendorData: readRamVendorData(),
    diskMaterial: readDiskMaterial(),
    nodePartsOf: () => [],
    enrolmentMaterial: readEnrolmentMaterial(),
    enrolments,
    apiPlace: () => box.apiOfBox?.place,
    get authorityPem() {
      return box.apiOfBox?.authorityPem
    },
    imageUses: new ImageUses(join(config.dataFolder, imageStoreName)),
    networkAt: () => network,
    whereabouts,
    holderOf,
    ports: { http: 8080, delivery: 8081 },
  }
  const boot = bootDesk(material)
  const dhcp = dhcpDesk({
    view: {
      leases,
      hostnameOf: () => undefined,
      proxyOfferOf: (at, asking) => plans.proxyOfferOf(at, asking),
      machineKnownAs: (sighting, at) => roster.knownAs(sighting, at),
    },
    settings: { httpPort: 8080, programs: allPrograms, mtu: 1500 },
    leases,
    whereabouts,
    probing: { probe: async () => await Promise.resolve({ kind: 'quiet' }), now },
    ...common,
  })
  const api = apiDesk({
    ...common,
    store,
    leases,
    networks: [network],
    frames: new FrameRing(),
    troubles: new Troubles(),
    enrolmentOf: enrolments.of,
    boot: material,
    clusters: {
      ...aDesk().clusters,
      find: (name) => box.clusters?.find(name),
      nodeConfig: (name) => box.clusters?.nodeConfig(name) ?? { kind: 'unknown' },
    },
    api: 'on',
    authority: () => undefined,
    tokens: aDesk().tokens,
    power: powerDesk({
      machines: config.machines,
      networks: [network],
      leases,
      logbook,
      // Nothing leaves this machine.
      wake: async () => await Promise.resolve(undefined),
    }),
    release: async () => await Promise.resolve({ kind: 'done', remarks: [] }),
    whyKeep: () => box.needed,
    status: () => ({ version: '0.1.0', startedAt: 0, networks: [], jobs: [] }),
  })
  return { roster, logbook, boot, dhcp, api, images, enrolments, plans, holderOf, now }
}

/** What a machine meets of the appliance, over a store on disk, and a machine that boots from the network. */
export class OneMachine {
  readonly store: Store
  readonly happened: ApplianceEvent[] = []
  #config: Config
  readonly #chance = countingChance()
  #desks: ReturnType<typeof startedDesks> | undefined
  #xid = 0
  now = 1_000_000
  /** Absent, it has none. */
  clusters: ClusterDesk | undefined
  /** Why its cluster cannot do without it. */
  needed: string | undefined
  /** Absent, the API is not reached over the network. */
  apiOfBox: ApiOfBox | undefined

  constructor(store: Store, config: Config) {
    this.store = store
    this.#config = config
  }

  /** Approved, with one image, unless the settings say otherwise. */
  static async open(t: Test, settings: Partial<Config> = {}): Promise<OneMachine> {
    const store = await openStore(join(testFolder(t), 'ironwake.db'))
    t.teardown(async () => await store[Symbol.asyncDispose]())
    const approve = { kind: 'all' } as const
    const box = new OneMachine(store, aConfig({ approve, images: [image], ...settings }))
    await box.restart()
    return box
  }

  /** Forgets all that is not in the store; starts with what is changed in the settings. */
  async restart(changes: Partial<Config> = {}): Promise<void> {
    this.#config = { ...this.#config, ...changes }
    await this.#desks?.logbook.settle()
    const limits = { sightings: this.#config.sightings.keep }
    const roster = new Roster(await this.store.machines.all(), await this.store.attempts.latest(), limits)
    const enrolments = await this.store.enrolments.all()
    this.#desks = startedDesks(this.store, this.#config, { roster, enrolments }, this, this.#chance)
    this.#desks.logbook.subscribe(({ event }) => void this.happened.push(event))
  }

  get #running() {
    if (this.#desks === undefined) throw new Error('it was not started')
    return this.#desks
  }

  get machine() {
    const machine = this.#running.roster.byMac(mac)
    if (machine === undefined) throw new Error('the machine has no record')
    return machine
  }

  get attempt() {
    return this.#running.roster.latestAttempt(this.machine.id)!
  }

  get roster(): Roster {
    return this.#running.roster
  }

  get api() {
    return this.#running.api
  }

  get config(): Config {
    return this.#config
  }

  get plans() {
    return this.#running.plans
  }

  get enrolments() {
    return this.#running.enrolments
  }

  get dataFolder(): string {
    return this.#config.dataFolder
  }

  get images() {
    return this.#running.images
  }

  get boot() {
    return this.#running.boot
  }

  /** A golden packet, as if this machine had sent it in a new transaction; `hostname`: the name that it gives itself in it. */
  sends(name: string, by = mac, { hostname }: { readonly hostname?: string } = {}): void {
    const chaddr = new Uint8Array(16)
    chaddr.set(bytesOfMac(by))
    const message = golden(name)
    const options = new Map(message.options)
    options.delete(61)
    // One board: the packets were captured of several.
    options.delete(97)
    if (hostname !== undefined) options.set(12, Buffer.from(hostname))
    const { bytes } = encode({ ...message, chaddr, options, xid: ++this.#xid })
    const from = { address: noAddress, port: 68 }
    this.#running.dhcp([{ bytes, from, port: 67, network, at: this.now }], () => {})
  }

  /** Its firmware asks, loads iPXE, and iPXE asks: the way to its script. */
  comesBy(firmware = 'discover-uefi-pxe'): void {
    this.sends(firmware)
    this.now += 5_000
    this.sends('discover-ipxe-uefi')
    this.now += 2_000
  }

  /** Asks for its script; the kind of the choice, and the text. */
  async asksForScript(by = mac, more = ''): Promise<{ readonly kind: string; readonly text: string }> {
    const outcome = await this.#running.boot.bootScript(arrival, `mac=${hyphenated(by)}&platform=efi${more}`)
    if (outcome.kind !== 'text') throw new Error(JSON.stringify(outcome))
    const told = this.happened.findLast((event) => event.kind === 'script-served')
    return { kind: told?.script ?? '', text: outcome.text }
  }

  /** One boot from the network after so many minutes, as far as its script. */
  async boots(after = 5): Promise<string> {
    this.now += after * minute
    this.comesBy()
    return (await this.asksForScript()).kind
  }

  /** Fetches what its script names, and its system tells that it is up. */
  async runs(): Promise<void> {
    const { id } = this.attempt
    for (const file of ['debian/vmlinuz', 'debian/initrd', 'debian/squashfs']) {
      const sent = {
        file,
        from: address,
        to: arrival.to,
        status: 200,
        byteCount: 7,
        tookMs: 5,
        complete: true,
      }
      delivered(this.#running, sent)
    }
    await this.reportsEnd(id)
  }

  /** cloud-init of its system, which reports by this nonce, has ended well. */
  async reportsEnd(id: string): Promise<void> {
    const report = {
      name: 'modules-final',
      description: 'x',
      event_type: 'finish',
      origin: 'cloudinit',
      result: 'SUCCESS',
    }
    const outcome = await this.#running.boot.report(arrival, id, JSON.stringify(report))
    if (outcome.kind !== 'accepted') throw new Error(JSON.stringify(outcome))
  }

  /** Resolves when all that happened is on disk. */
  async settled(): Promise<void> {
    await this.#running.logbook.settle()
  }

  count(kind: ApplianceEvent['kind']): number {
    return this.happened.filter((event) => event.kind === kind).length
  }
}
