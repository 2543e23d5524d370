import { fingerprintOf } from '../access/fingerprint.ts'
import type { KeyPair } from '../access/key-pair.ts'
import type { Config } from '../config/config.ts'
import { noAddress, parseIpv4, type Ipv4 } from '../wire/ipv4.ts'

/** Where machines reach the API, and by what they know that it is this box. */
export type ApiPlace = {
  readonly api: string
  /** SHA-256 of the authority's certificate: 64 hexadecimal digits. */
  readonly fingerprint: string
}

/** The place of the API for a machine that reached the box at an address of it; `undefined` where there is no API over the network. */
export function apiPlaceFor(
  { api: { listen, port } }: Pick<Config, 'api'>,
  authority: Pick<KeyPair, 'certificate'> | undefined,
): (to: string) => ApiPlace | undefined {
  if (authority === undefined) return () => undefined
  const fingerprint = fingerprintOf(authority.certificate).replace('sha256:', '')
  return (to) => {
    const asked = parseIpv4(to)
    const address =
      asked === undefined ? undefined : listen.kind === 'networks' ? asked : chosen(listen.addresses, asked)
    return address === undefined ? undefined : { api: `https://${address}:${port}`, fingerprint }
  }
}

/** The address that the machine has asked already, where the API listens there; else one that its router may know the way to. */
function chosen(listens: readonly Ipv4[], asked: Ipv4): Ipv4 | undefined {
  return listens.includes(asked) || listens.includes(noAddress) ? asked : listens[0]
}
