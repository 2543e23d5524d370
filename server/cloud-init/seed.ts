import { whyNotBootUrl } from '../config/boot-url.ts'
import { whyNotDomain, whyNotHostname } from '../config/hostname.ts'
import { whyNotSshKey } from '../config/ssh-key.ts'
import type { Mac } from '../wire/mac.ts'
import { writeYaml } from './write-yaml.ts'
import type { CloudValue } from './write-yaml.ts'

/** What a machine's seed is made from. */
export type SeedIntent = {
  /** Another one makes cloud-init do everything again: one for each attempt. */
  readonly instanceId: string
  readonly hostname: string
  readonly domain?: string
  /** Of the interface the machine booted from. */
  readonly mac: Mac
  /** Where cloud-init tells how far it is, as JSON. */
  readonly reportUrl: string
  /** Where it tells that it has ended, as a form. */
  readonly phoneHomeUrl: string
  /** For the user that the image brings (`ubuntu`, `debian`). */
  readonly sshAuthorizedKeys: readonly string[]
  /** What the installer in the system is to do; absent, there is none. */
  readonly autoinstall?: CloudValue
  /** The template of the machine's role, served as it stands; absent, the role adds nothing. */
  readonly vendorData?: string
}

/** The files of a NoCloud data source, each as it is served. */
export type Seed = {
  readonly metaData: string
  readonly userData: string
  readonly vendorData: string
  readonly networkConfig: string
}

export type SeedAnswer =
  { readonly kind: 'seed'; readonly seed: Seed } | { readonly kind: 'refused'; readonly because: string }

const mostKeys = 64

/** In cloud-init's order of trust; `instance_id` tells which attempt it was. */
const phoneHomePosts = ['pub_key_rsa', 'pub_key_ecdsa', 'pub_key_ed25519', 'instance_id', 'hostname', 'fqdn']

/** The seed for one attempt of one machine. */
export function seedFor(intent: SeedIntent): SeedAnswer {
  const { vendorData = emptyConfig } = intent
  const because = whyNot(intent, vendorData)
  if (because !== undefined) return { kind: 'refused', because }
  const { instanceId, mac } = intent
  const [shortName = intent.hostname] = intent.hostname.split('.')
  const fqdn =
    intent.hostname === shortName && intent.domain !== undefined
      ? `${shortName}.${intent.domain}`
      : intent.hostname
  const metaData = { 'instance-id': instanceId, 'local-hostname': fqdn }
  const networkConfig = { version: 2, ethernets: { boot: { match: { macaddress: mac }, dhcp4: true } } }
  const userData = {
    hostname: shortName,
    fqdn,
    ssh_authorized_keys: intent.sshAuthorizedKeys.length === 0 ? undefined : intent.sshAuthorizedKeys,
    reporting: { ironwake: { type: 'webhook', endpoint: intent.reportUrl, timeout: 5, retries: 2 } },
    phone_home: { url: intent.phoneHomeUrl, post: phoneHomePosts, tries: 10 },
    autoinstall: intent.autoinstall,
    // cloud-init fills in $UPTIME.
    final_message: `Ironwake: ${shortName} is up, $UPTIME seconds after its kernel started.`,
  }
  return filesOf({ metaData, userData, networkConfig }, vendorData)
}

function filesOf(
  values: {
    readonly metaData: CloudValue
    readonly userData: CloudValue
    readonly networkConfig: CloudValue
  },
  vendorData: string,
): SeedAnswer {
  const metaData = writeYaml(values.metaData)
  const userData = writeYaml(values.userData)
  const networkConfig = writeYaml(values.networkConfig)
  if (metaData.kind === 'refused') return metaData
  if (userData.kind === 'refused') return userData
  if (networkConfig.kind === 'refused') return networkConfig
  const seed = {
    metaData: metaData.text,
    userData: `${cloudConfigMark}\n${userData.text}`,
    vendorData,
    networkConfig: networkConfig.text,
  }
  return { kind: 'seed', seed }
}

/** cloud-init tells by the first line what a file is. */
const cloudConfigMark = '#cloud-config'
const emptyConfig = `${cloudConfigMark}\n{}\n`

function whyNot(intent: SeedIntent, vendorData: string): string | undefined {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(intent.instanceId))
    return 'instanceId: it is not a plain word'
  const hostname = whyNotHostname(intent.hostname)
  if (hostname !== undefined) return `hostname: ${hostname}`
  const domain = intent.domain === undefined ? undefined : whyNotDomain(intent.domain)
  if (domain !== undefined) return `domain: ${domain}`
  const reportUrl = whyNotBootUrl(intent.reportUrl)
  if (reportUrl !== undefined) return `reportUrl: ${reportUrl}`
  const phoneHomeUrl = whyNotBootUrl(intent.phoneHomeUrl)
  if (phoneHomeUrl !== undefined) return `phoneHomeUrl: ${phoneHomeUrl}`
  if (intent.sshAuthorizedKeys.length > mostKeys) return `sshAuthorizedKeys: more than ${mostKeys}`
  for (const [index, key] of intent.sshAuthorizedKeys.entries()) {
    const because = whyNotSshKey(key)
    if (because !== undefined) return `sshAuthorizedKeys[${index}]: ${because}`
  }
  return vendorData.startsWith(`${cloudConfigMark}\n`)
    ? undefined
    : `vendorData: its first line is not ${cloudConfigMark}`
}
