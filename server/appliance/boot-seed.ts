import { autoinstallFor, installerPrograms } from '../cloud-init/autoinstall.ts'
import { diskWriterSeed } from '../cloud-init/disk-writer.ts'
import { enrolmentParts, type EnrolmentMaterial, type EnrolmentParts } from '../cloud-init/enrolment-parts.ts'
import { ramVendorData } from '../cloud-init/ram-vendor-data.ts'
import type { SeedParts } from '../cloud-init/seed-parts.ts'
import { seedFor, type Seed } from '../cloud-init/seed.ts'
import type { CloudValue } from '../cloud-init/write-yaml.ts'
import type { SeedFile } from '../http/boot-app.ts'
import type { Arrival } from '../http/outcome.ts'
import { machineName } from '../machines/machine-name.ts'
import type { Attempt, Machine } from '../machines/machine.ts'
import type { Network } from '../networks/network.ts'
import type { Mac } from '../wire/mac.ts'
import type { ApiPlace } from './api-place.ts'
import type { DiskMaterial } from './boot-material.ts'
import { boxUrl } from './box-url.ts'
import type { EnrolmentDesk } from './enrolment-desk.ts'
import type { Plans } from './plans.ts'

/** What making a seed takes. */
export type SeedMakerParts = {
  readonly plans: Plans
  /** The cloud-config that all machines of the method `ram` have in common. */
  readonly vendorData: string
  /** What machines are given whose disk is written. */
  readonly diskMaterial: DiskMaterial
  /** What the seed of a machine brings that is to become a node; nothing for others. */
  readonly nodePartsOf: (mac: Mac, machine: Machine) => readonly SeedParts[]
  readonly enrolmentMaterial: EnrolmentMaterial
  readonly enrolments: Pick<EnrolmentDesk, 'openNonce'>
  /** Where a machine that asks at an address of the box reaches the API; `undefined` where it does not. */
  readonly apiPlace: (to: string) => ApiPlace | undefined
  readonly networkAt: (arrival: Arrival) => Network | undefined
  readonly ports: { readonly http: number; readonly delivery: number }
}

/** What the system does that a boot has in memory. */
type Doing = 'run-image' | 'install-disk' | 'run-installer'

/** What a boot of a machine is there for, by the install that it has begun. */
export function whatIsDone({ install }: Machine, attempt: string): Doing {
  if (install?.attempt !== attempt) return 'run-image'
  return install.by === 'installer' ? 'run-installer' : 'install-disk'
}

/** Where the installer of a boot reports, and asks for its disk. */
export function installerUrls(
  { ports }: SeedMakerParts,
  arrival: Arrival,
  { id, mac }: Attempt,
): { readonly mac: Mac; readonly reportUrl: string; readonly installUrl: string } {
  const url = boxUrl(arrival.to, ports.http)
  return { mac, reportUrl: `${url}/report/${id}`, installUrl: `${url}/install/${id}` }
}

/** The seed of the system that a boot has in memory: it is the node, or writes the node's disk. */
export function seedInMemory(
  parts: SeedMakerParts,
  arrival: Arrival,
  { machine, attempt, does }: { readonly machine: Machine; readonly attempt: Attempt; readonly does: Doing },
): ReturnType<typeof seedFor> {
  const common = parts.vendorData
  const nonce = attempt.id
  const enrolment = enrolmentOf(parts, arrival, machine, attempt)
  const { askBox, writeDisk, leadInstaller } = parts.diskMaterial
  if (does === 'run-installer') {
    const autoinstall = autoinstallFor(installerUrls(parts, arrival, attempt))
    if (autoinstall.kind === 'refused') return autoinstall
    const programs = installerPrograms({ common, askBox, program: leadInstaller, enrolment })
    if (programs.kind === 'refused') return programs
    return seedOf(parts, arrival, machine, attempt, {
      nonce,
      vendorData: programs.text,
      autoinstall: autoinstall.value,
    })
  }
  const url = `${boxUrl(arrival.to, parts.ports.http)}/install/${attempt.id}`
  const written =
    does === 'run-image'
      ? ramVendorData(common, enrolment, parts.nodePartsOf(attempt.mac, machine))
      : diskWriterSeed({ common, askBox, program: writeDisk, url, enrolment })
  if (written.kind === 'refused') return written
  return seedOf(parts, arrival, machine, attempt, { nonce, vendorData: written.text })
}

/** A nonce that was used stands in no seed any more. */
function enrolmentOf(
  parts: SeedMakerParts,
  arrival: Arrival,
  machine: Machine,
  attempt: Attempt,
): EnrolmentParts | undefined {
  const place = parts.apiPlace(arrival.to)
  if (place === undefined || parts.plans.joinOf(attempt.mac, machine) === undefined) return undefined
  const isKnown = parts.plans.whyTooWeak(attempt.mac, machine) === undefined
  const nonce = isKnown ? parts.enrolments.openNonce(machine.id, attempt.id) : undefined
  const invitation = nonce === undefined ? place : { ...place, nonce }
  return enrolmentParts(invitation, parts.enrolmentMaterial, boxUrl(arrival.to, parts.ports.http))
}

/** The seed of a system, by the nonce under which it reports. */
export function seedOf(
  parts: SeedMakerParts,
  arrival: Arrival,
  machine: Machine,
  attempt: Attempt,
  {
    nonce,
    vendorData,
    autoinstall,
  }: { readonly nonce: string; readonly vendorData: string; readonly autoinstall?: CloudValue },
): ReturnType<typeof seedFor> {
  const { mac } = attempt
  const domain = parts.networkAt(arrival)?.domain
  const url = boxUrl(arrival.to, parts.ports.http)
  return seedFor({
    instanceId: `${machine.id}-${nonce.slice(0, 8)}`,
    hostname: machineName(machine, mac),
    mac,
    reportUrl: `${url}/report/${nonce}`,
    phoneHomeUrl: `${url}/phone-home/${nonce}`,
    sshAuthorizedKeys: parts.plans.settingsOf(mac).sshAuthorizedKeys,
    vendorData,
    ...(autoinstall === undefined ? {} : { autoinstall }),
    ...(domain === undefined ? {} : { domain }),
  })
}

/** What of a seed is asked for. */
export function textOf(seed: Seed, file: SeedFile): string {
  switch (file) {
    case 'meta-data':
      return seed.metaData
    case 'user-data':
      return seed.userData
    case 'vendor-data':
      return seed.vendorData
    case 'network-config':
      return seed.networkConfig
  }
}
