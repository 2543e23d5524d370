import { whyNotBootUrl } from '../config/boot-url.ts'
import type { Mac } from '../wire/mac.ts'
import type { EnrolmentParts } from './enrolment-parts.ts'
import { programPath, withPrograms, type VendorData } from './with-programs.ts'
import { writeYaml, type CloudValue, type WrittenYaml } from './write-yaml.ts'

/** What the configuration of Ubuntu's installer (Subiquity) is made from. */
export type AutoinstallIntent = {
  /** Of the interface the machine booted from. */
  readonly mac: Mac
  /** Where the installer tells each of its steps, as JSON. */
  readonly reportUrl: string
  /** Where this boot asks the box about its disk. */
  readonly installUrl: string
  /** The disk that is to be written; absent, none has been chosen, and none is written. */
  readonly disk?: InstallerDisk
}

/** A disk in the words by which the installer finds it. */
export type InstallerDisk = {
  /** The kernel's name in this very boot. It tells two disks apart that say the same of themselves, and chooses none alone. */
  readonly name: string
  /** udev's `ID_SERIAL` and `ID_PATH`. */
  readonly udevSerial: string | undefined
  readonly path: string | undefined
}

export type Autoinstall =
  | { readonly kind: 'autoinstall'; readonly value: CloudValue }
  | { readonly kind: 'refused'; readonly because: string }

/** No disk says this of itself, so that an installer which was not told a disk finds none, and ends. */
const noDisk = 'ironwake has not chosen a disk'

/** What Subiquity reads under `autoinstall`. It asks nobody anything, and looks at no disk before the box has named one. */
export function autoinstallFor({ mac, reportUrl, installUrl, disk }: AutoinstallIntent): Autoinstall {
  for (const [name, url] of Object.entries({ reportUrl, installUrl })) {
    const because = whyNotBootUrl(url)
    if (because !== undefined) return { kind: 'refused', because: `${name}: ${because}` }
  }
  const match = disk === undefined ? { serial: noDisk } : matchOf(disk)
  if (match === undefined) {
    const because = `${disk?.name ?? 'the disk'} has neither a serial number nor a place by which the installer could find it`
    return { kind: 'refused', because }
  }
  const lead = (what: string) => [['sh', programPath('lead-installer'), installUrl, what]]
  const value = {
    version: 1,
    'refresh-installer': { update: false },
    // The installer waits for each answer; at DEBUG it would tell every call of a function.
    reporting: { ironwake: { type: 'webhook', endpoint: reportUrl, level: 'INFO', timeout: 5, retries: 1 } },
    'early-commands': lead('choose'),
    locale: 'en_US.UTF-8',
    keyboard: { layout: 'us' },
    network: { version: 2, ethernets: { boot: { match: { macaddress: mac }, dhcp4: true } } },
    source: { search_drivers: false },
    // Without a mirror in reach the system is made of what is on the ISO.
    apt: { geoip: false, fallback: 'offline-install' },
    // A kubelet does not start beside swap.
    storage: { layout: { name: 'direct', match }, swap: { size: 0 } },
    ssh: { 'install-server': true, 'allow-pw': false },
    // Names no user, so that the installer asks for no password; the seed that late-commands bring replaces it.
    'user-data': { users: ['default'], disable_root: true, ssh_pwauth: false },
    'late-commands': lead('seed'),
    'error-commands': lead('failed'),
    shutdown: 'reboot',
  }
  return { kind: 'autoinstall', value }
}

/** The same for the file `/autoinstall.yaml` of a running installer, which has no key `autoinstall` around it. */
export function autoinstallFile(intent: AutoinstallIntent): WrittenYaml {
  const made = autoinstallFor(intent)
  return made.kind === 'refused' ? made : writeYaml(made.value)
}

/** The vendor-data of the installer's own system: the program that its commands run, with the file it needs. */
export function installerPrograms({
  common,
  askBox,
  program,
  enrolment,
}: {
  readonly common: string
  readonly askBox: string
  readonly program: string
  /** Absent, the machine does not enrol. */
  readonly enrolment?: EnrolmentParts | undefined
}): VendorData {
  if (enrolment?.kind === 'refused') return enrolment
  return withPrograms(common, { 'ask-box': askBox, 'lead-installer': program, ...enrolment?.programs })
}

/**
 * Every condition must hold. Subiquity compares `serial` with udev's ID_SERIAL, not with the bare serial number that `lsblk`
 * shows, and takes what it compares with for patterns (`fnmatch`). That of Ubuntu 22.04 knows no `id_path` and passes over it.
 */
function matchOf({ name, udevSerial, path }: InstallerDisk): { readonly [key: string]: string } | undefined {
  if (udevSerial === undefined && path === undefined) return undefined
  return {
    ...(udevSerial === undefined ? {} : { serial: literally(udevSerial) }),
    ...(path === undefined ? {} : { id_path: literally(path) }),
    // The kernel writes a slash in the name of a device as an exclamation mark.
    path: literally(`/dev/${name.replaceAll('!', '/')}`),
  }
}

/** A pattern of `fnmatch` that fits this text alone. */
function literally(text: string): string {
  return text.replaceAll(/[*?[]/g, '[$&]')
}
