import { hostname } from 'node:os'
import { join } from 'node:path'
import { AccessFault } from '../access/access-fault.ts'
import { accessFolder, authorityName, openAuthority } from '../access/authority.ts'
import { fingerprintOf } from '../access/fingerprint.ts'
import type { KeyPair } from '../access/key-pair.ts'
import { serverCertificate, serverCertificateName } from '../access/server-certificate.ts'
import type { Config } from '../config/config.ts'
import { whyNotDomain } from '../config/hostname.ts'
import type { ApplianceEvent } from '../events/event.ts'
import { listenHttps, type HttpsListener } from '../listen/https.ts'
import { noAddress, parseIpv4, type Ipv4 } from '../wire/ipv4.ts'
import { interfaceAddresses } from './interfaces.ts'

/** Addresses come and go, and certificates end. */
const lookEveryMs = 60_000

type Tell = (event: ApplianceEvent) => void

/** The authority of the box, made at its first start. Without one all goes on but the API over the network. */
export async function authorityOfBox(
  { dataFolder }: Config,
  now: number,
  tell: Tell,
): Promise<KeyPair | undefined> {
  try {
    const pair = await openAuthority(join(dataFolder, accessFolder, authorityName), hostname(), now)
    const until = Date.parse(pair.certificate.validTo)
    tell({ kind: 'authority-ready', fingerprint: fingerprintOf(pair.certificate), until })
    if (now <= until && now >= Date.parse(pair.certificate.validFrom)) return pair
    const because = `its authority holds from ${pair.certificate.validFrom} to ${pair.certificate.validTo}, and the clock of this box is outside of that`
    tell({ kind: 'api-unusable', because })
    return undefined
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error)
    if (!(error instanceof AccessFault) && !(error instanceof Error && 'code' in error)) throw error
    tell({ kind: 'api-unusable', because })
    return undefined
  }
}

export type ApiListenerParts = {
  readonly config: Config
  readonly authority: KeyPair | undefined
  readonly app: Parameters<typeof listenHttps>[0]
  /** The addresses of the box on the networks that it serves. */
  readonly served: readonly Ipv4[]
  readonly tell: Tell
  readonly now: () => number
}

/**
 * Serves the API over HTTPS where the settings say. What cannot be opened yet is tried again each minute; the certificate is
 * exchanged in time, and when the box has got another address, while all goes on.
 */
export async function listenApi(parts: ApiListenerParts): Promise<AsyncDisposable> {
  const { config, authority, app, served, tell, now } = parts
  const { listen, port } = config.api
  const wanted = [...new Set(listen.kind === 'networks' ? served : listen.addresses)]
  if (wanted.length === 0 || authority === undefined) return { [Symbol.asyncDispose]: async () => {} }
  const path = join(config.dataFolder, accessFolder, serverCertificateName)
  const open = new Map<Ipv4, HttpsListener>()
  const told = new Map<string, string>()
  let inUse: string | undefined

  const look = async (signed: KeyPair): Promise<void> => {
    const names = { addresses: addressesOf(wanted), names: namesOf(config) }
    const { pair, madeBecause } = await serverCertificate(path, signed, names, now())
    if (madeBecause !== undefined) {
      const all = [...names.names, ...names.addresses].join(', ')
      tell({ kind: 'api-certificate-made', for: all, because: madeBecause })
    }
    const identity = { key: pair.keyPem, cert: `${pair.certificatePem}${signed.certificatePem}` }
    if (inUse !== identity.cert) for (const listener of open.values()) listener.exchange(identity)
    inUse = identity.cert
    for (const address of wanted) {
      if (open.has(address)) continue
      await tellOnce(address, async () => {
        open.set(address, await listenHttps(app, { address, port }, identity, tell))
        tell({ kind: 'api-ready', at: `https://${address}:${port}` })
      })
    }
  }

  /** What fails each minute is told once, and again when the reason is another. */
  const tellOnce = async (subject: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work()
      told.delete(subject)
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error)
      if (told.get(subject) !== because) tell({ kind: 'api-unusable', because })
      told.set(subject, because)
    }
  }

  let looking = tellOnce('certificate', async () => await look(authority))
  await looking
  const timer = setInterval(() => {
    looking = looking.then(async () => await tellOnce('certificate', async () => await look(authority)))
  }, lookEveryMs)
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await looking
      await Promise.all([...open.values()].map(async (listener) => await listener[Symbol.asyncDispose]()))
    },
  }
}

/** Whether the settings have the API reached over the network. */
export function isApiOn({ api: { listen } }: Config): boolean {
  return listen.kind === 'networks' || listen.addresses.length > 0
}

/** Who listens at every address is reached at every address. */
function addressesOf(wanted: readonly Ipv4[]): readonly Ipv4[] {
  if (!wanted.includes(noAddress)) return wanted
  const loopback = parseIpv4('127.0.0.1')
  const all = [...interfaceAddresses().map(({ address }) => address), ...wanted, loopback]
  return [...new Set(all.filter((address) => address !== undefined && address !== noAddress))] as Ipv4[]
}

function namesOf({ api }: Config): readonly string[] {
  const own = hostname().toLowerCase()
  return [...new Set([...api.names, ...(whyNotDomain(own) === undefined ? [own] : []), 'localhost'])]
}
