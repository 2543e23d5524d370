import { fileTrouble } from '../wire/file-trouble.ts'
import { randomBytes } from 'node:crypto'
import { accessSync, constants, mkdirSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { distributionShim, programFor } from '../boot/programs.ts'
import type { Config } from '../config/config.ts'
import { architectureNumbered } from '../dhcp/architectures.ts'
import { ports } from '../dhcp/destination.ts'
import { size } from '../events/sentence.ts'
import { imageFiles } from '../http/image-files.ts'
import { openAddressProber } from '../listen/address-prober.ts'
import { listenHttp } from '../listen/http.ts'
import { openUdp } from '../listen/udp-socket.ts'
import type { Loader, Network } from '../networks/network.ts'
import type { Chance } from '../machines/chance.ts'
import { noAddress } from '../wire/ipv4.ts'
import { authorityFinding } from './authority-finding.ts'
import { checkLink } from './check-link.ts'
import { findPrograms } from './boot-material.ts'
import type { Finding } from './finding.ts'
import { signedIpxeIn } from './signed-ipxe-in.ts'
import { checkApproval } from './check-approval.ts'
import { checkClusters } from './check-clusters.ts'
import { checkImageSync } from './check-image-sync.ts'
import { checkStoredImages } from './check-stored-images.ts'
import { serversOn } from './foreign-servers.ts'
import { isServed, placesOf } from './places.ts'
import { interfaceAddresses, networkOnBox, observedNetworks } from './interfaces.ts'

/**
 * Looks whether this box is fit to serve these settings. It asks each network for its DHCP servers, sends nothing else,
 * and changes nothing but the data folder.
 */
export async function checkBox(config: Config, now: number, running: boolean): Promise<readonly Finding[]> {
  const chance = (count: number): Uint8Array => randomBytes(count)
  const { findings, networks } = networksOf(config)
  return [
    ...findings,
    ...(running ? [runs] : await portsOf(config, networks)),
    ...(await Promise.all(
      networks
        .filter(({ relayed }) => relayed !== true)
        .map(async (network) => await foreignServersOf(network, chance)),
    )),
    ...config.networks.flatMap(({ interface: device, link }) =>
      link === undefined ? [] : [checkLink(device, link)],
    ),
    ...programsOf(config),
    ...bootFilesOf(config),
    ...config.images.flatMap(imageOf),
    ...(await checkImageSync(config.imageSync)),
    ...(await checkStoredImages(config)),
    ...(await checkClusters(config.dataFolder, networks)),
    ...checkApproval(config),
    await authorityFinding(config.dataFolder),
    dataFolderOf(config.dataFolder),
    clockAt(now),
  ]
}

const runs: Finding = {
  verdict: 'well',
  subject: 'ports',
  fact: 'the appliance is running, so its ports were not tried',
}

function networksOf(config: Config): { findings: readonly Finding[]; networks: readonly Network[] } {
  const addresses = interfaceAddresses()
  if (config.networks.length === 0) {
    const networks = observedNetworks(addresses)
    const names = networks.map((network) => `${network.interface} (${network.serverAddress})`).join(', ')
    const finding: Finding =
      networks.length === 0
        ? {
            verdict: 'wrong',
            subject: 'networks',
            fact: 'this box has no interface with an IPv4 address',
            nextStep: 'Give an interface an address: ip address add 10.0.0.1/24 dev eth1',
          }
        : {
            verdict: 'doubtful',
            subject: 'networks',
            fact: `the settings name none, so ${names} would be observed and nobody answered`,
            nextStep: 'Add networks to ironwake.yaml; ironwake.example.yaml shows how',
          }
    return { findings: [finding], networks }
  }
  const onBox = config.networks.map((settings) => networkOnBox(settings, addresses))
  const findings = onBox.map((one): Finding => {
    if (one.kind !== 'network') {
      const nextStep = 'Compare with: ip -br address'
      return { verdict: 'wrong', subject: `network ${one.settings.name}`, fact: one.because, nextStep }
    }
    const { name, interface: device, serverAddress, subnet, mode } = one.network
    const behind = one.network.relayed === true ? ' behind a relay' : ''
    const fact = `${mode} on ${device}${behind} as ${serverAddress}/${subnet.prefixLength}`
    return { verdict: 'well', subject: `network ${name}`, fact }
  })
  return { findings, networks: onBox.flatMap((one) => (one.kind === 'network' ? [one.network] : [])) }
}

async function portsOf(config: Config, networks: readonly Network[]): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const place of placesOf(networks)) {
    const { interface: device, serverAddress: address } = place.network
    findings.push(
      await tried(`UDP 67 on ${device}`, () =>
        openUdp({ address: noAddress, port: 67, interface: device, broadcast: true }, () => {}),
      ),
    )
    if (place.network.probes === true) {
      findings.push(await tried(`ARP probes on ${device}`, () => openAddressProber(device), 'can be sent'))
    }
    if (!isServed(place)) continue
    if ([place.network, ...place.behind].some(({ mode }) => mode === 'proxy')) {
      findings.push(
        await tried(`UDP 4011 on ${device}`, () =>
          openUdp({ address: noAddress, port: ports.bootServer, interface: device }, () => {}),
        ),
      )
    }
    findings.push(await tried(`UDP 69 on ${address}`, () => openUdp({ address, port: 69 }, () => {})))
    const isApi = config.api.listen.kind === 'networks'
    for (const port of [config.http.port, config.http.deliveryPort, ...(isApi ? [config.api.port] : [])]) {
      findings.push(
        await tried(`TCP ${port} on ${address}`, () => listenHttp(nothing, { address, port }, nothing)),
      )
    }
  }
  const listed = config.api.listen.kind === 'addresses' ? config.api.listen.addresses : []
  for (const address of listed) {
    const where = { address, port: config.api.port }
    findings.push(await tried(`TCP ${where.port} on ${address}`, () => listenHttp(nothing, where, nothing)))
  }
  return findings
}

const nothing = (): void => {}

async function tried(
  subject: string,
  open: () => AsyncDisposable | Promise<AsyncDisposable>,
  fact = 'is free',
): Promise<Finding> {
  try {
    await using opened = await open()
    void opened
    return { verdict: 'well', subject, fact }
  } catch (error) {
    return { verdict: 'wrong', subject, fact: error instanceof Error ? error.message : String(error) }
  }
}

async function foreignServersOf(network: Network, chance: Chance): Promise<Finding> {
  const { name, interface: device, mode, authoritative } = network
  const subject = `other DHCP servers on ${name}`
  const search = await serversOn(network, chance)
  if (search.kind === 'impossible') {
    const nextStep = 'Stop the DHCP client of this interface, or look by hand that no other server answers'
    return { verdict: 'doubtful', subject, fact: search.because, nextStep }
  }
  const { servers } = search
  if (servers.length === 0) {
    const fact = 'none answered'
    if (mode !== 'proxy') return { verdict: 'well', subject, fact }
    const nextStep = `Look whether a DHCP server serves ${device}; mode proxy gives no addresses`
    return { verdict: 'doubtful', subject, fact, nextStep }
  }
  const fact = servers.map(({ server, offered }) => `${server} offers ${offered}`).join(', ')
  if (mode !== 'full') return { verdict: 'well', subject, fact }
  if (authoritative === true) {
    return { verdict: 'doubtful', subject, fact: `${fact}; addresses are given beside it (authoritative)` }
  }
  const nextStep = `Set mode: proxy for ${name} to leave the addresses to it, or stop it`
  return { verdict: 'wrong', subject, fact, nextStep }
}

/** The firmware most racks have: BIOS, and UEFI on x64 (numbers of IANA's table). */
const usualArchitectures = [0, 7]

const packages: Readonly<Record<Loader, string>> = {
  ipxe: 'Install the package ipxe',
  'shim-grub': 'Install the packages shim-signed and grub-efi-amd64-signed',
  'shim-ipxe': 'Unpack ipxeboot.tar.gz of the release of iPXE 2',
}

function programsOf(config: Config): Finding[] {
  const available = new Set(findPrograms(config.bootProgramFolders).keys())
  const loaders = new Set<Loader>([...config.networks, ...config.machines].map((one) => one.loader ?? 'ipxe'))
  const programs = [...loaders.add('ipxe')].toSorted().flatMap((loader) =>
    usualArchitectures.flatMap((code): Finding[] => {
      const architecture = architectureNumbered(code)
      if (architecture === undefined || (loader !== 'ipxe' && architecture.family !== 'uefi')) return []
      const subject = `${loader === 'ipxe' ? 'boot program' : 'signed loader'} for ${architecture.name}`
      const program = programFor(architecture, { available }, loader)
      if (program.kind === 'program') return [{ verdict: 'well', subject, fact: program.file }]
      const folders = config.bootProgramFolders.join(', ')
      const nextStep = `${packages[loader]}${loader === 'shim-ipxe' ? ' in' : ', or put it into'} one of ${folders}`
      return [{ verdict: 'doubtful', subject, fact: program.because, nextStep }]
    }),
  )
  return loaders.has('shim-ipxe') ? [...programs, ...signedIpxeOf(config, available)] : programs
}

/** What else a network with `loader: shim-ipxe` stumbles over. */
function signedIpxeOf(config: Config, available: ReadonlySet<string>): Finding[] {
  const refused = config.bootProgramFolders.flatMap(signedIpxeIn).flatMap((pair): Finding[] => {
    if (pair.kind === 'pair') return []
    const nextStep = 'Keep the files of the release together, in a folder of their own'
    return [{ verdict: 'doubtful', subject: 'signed iPXE', fact: pair.because, nextStep }]
  })
  const shim = distributionShim('x86_64') ?? ''
  if (available.has(shim)) return refused
  const fact = `this box has no ${shim}, by which iPXE starts a signed kernel with Secure Boot`
  const nextStep = 'Install the package shim-signed, of the distribution whose image is booted'
  return [...refused, { verdict: 'doubtful', subject: 'signed kernels', fact, nextStep }]
}

/** What the settings have firmware load. */
function bootFilesOf({ bootFiles, bootProgramFolders }: Config): Finding[] {
  const available = new Set(findPrograms(bootProgramFolders, bootFiles.values()).keys())
  return [...bootFiles].map(([key, file]): Finding => {
    const subject = key === 'other' ? 'boot file for other firmware' : `boot file for architecture ${key}`
    if (available.has(file)) return { verdict: 'well', subject, fact: file }
    const nextStep = `Put it into one of ${bootProgramFolders.join(', ')}`
    return { verdict: 'wrong', subject, fact: `there is no ${file}`, nextStep }
  })
}

function imageOf({ name, folder }: Config['images'][number]): Finding {
  const subject = `image ${name}`
  const missing = imageFiles.filter((file) => sizeOf(join(folder, file)) === 0)
  if (missing.length > 0) {
    const fact = `${folder} has no ${missing.join(', no ')}, or it is empty`
    return { verdict: 'wrong', subject, fact, nextStep: `Put ${imageFiles.join(', ')} into ${folder}` }
  }
  const bytes = imageFiles.reduce((sum, file) => sum + sizeOf(join(folder, file)), 0)
  return { verdict: 'well', subject, fact: `${size(bytes)} in ${folder}` }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

/** Records and events of a large site stay far below. */
const leastFreeBytes = 512 * 1024 * 1024

function dataFolderOf(folder: string): Finding {
  const subject = 'data folder'
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    const { bavail, bsize } = statfsSync(folder)
    const free = bavail * bsize
    if (free < leastFreeBytes) {
      return {
        verdict: 'doubtful',
        subject,
        fact: `${folder} has only ${size(free)} left`,
        nextStep: 'Make room there',
      }
    }
    return { verdict: 'well', subject, fact: `${folder}, ${size(free)} free` }
  } catch (error) {
    const fact = `${folder} cannot be used: ${fileTrouble(error)}`
    return {
      verdict: 'wrong',
      subject,
      fact,
      nextStep: 'Run as root, or name another with data: in the settings',
    }
  }
}

/** When this version was made: a clock that shows less is wrong, and leases and certificates would be too. */
const madeAt = Date.UTC(2026, 10, 1)

function clockAt(now: number): Finding {
  const shows = new Date(now).toISOString().slice(0, 19)
  if (now >= madeAt) return { verdict: 'well', subject: 'clock', fact: `${shows} UTC` }
  const nextStep = 'Set it: timedatectl set-ntp true, or date --set'
  return {
    verdict: 'wrong',
    subject: 'clock',
    fact: `${shows} UTC is before this program was made`,
    nextStep,
  }
}
