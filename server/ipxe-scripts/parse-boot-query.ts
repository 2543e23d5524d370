import { parseIpv4 } from '../wire/ipv4.ts'
import type { Ipv4 } from '../wire/ipv4.ts'
import { parseMac } from '../wire/mac.ts'
import type { Mac } from '../wire/mac.ts'
import { printable } from '../wire/text.ts'
import { parseUuid } from '../wire/uuid.ts'
import type { Uuid } from '../wire/uuid.ts'

/** Who asks for a boot script, as `chain.ipxe` makes iPXE tell it. What is absent or cannot be read is `undefined`. */
export type BootQuery = {
  readonly mac: Mac | undefined
  readonly ip: Ipv4 | undefined
  readonly uuid: Uuid | undefined
  /** iPXE's `${buildarch}`: i386, x86_64, arm64. */
  readonly arch: string | undefined
  /** iPXE's `${platform}`: pcbios or efi. */
  readonly platform: string | undefined
  readonly version: string | undefined
  readonly serial: string | undefined
  readonly asset: string | undefined
  readonly manufacturer: string | undefined
  readonly product: string | undefined
}

/** SMBIOS strings have at most 64 characters in practice; escaped, each takes three. */
const longestQuery = 4_096
const longestText = 128

/**
 * Reads the query of a boot URL, with or without its question mark. The first of two equal names counts: iPXE of
 * 2019 undoes the escaping of `&` and `+` in the strings of the board, which come last.
 */
export function parseBootQuery(query: string): BootQuery {
  const fields = new Map<string, string>()
  for (const pair of query.slice(0, longestQuery).replace(/^\?/, '').split('&')) {
    const cut = pair.indexOf('=')
    const name = cut === -1 ? pair : pair.slice(0, cut)
    if (cut !== -1 && !fields.has(name)) fields.set(name, unescaped(pair.slice(cut + 1)))
  }
  const text = (name: string) => {
    const value = printable((fields.get(name) ?? '').trim(), longestText)
    return value === '' ? undefined : value
  }
  return {
    mac: parseMac(fields.get('mac') ?? ''),
    ip: parseIpv4(fields.get('ip') ?? ''),
    uuid: parseUuid(fields.get('uuid') ?? ''),
    arch: text('arch'),
    platform: text('platform'),
    version: text('version'),
    serial: text('serial'),
    asset: text('asset'),
    manufacturer: text('manufacturer'),
    product: text('product'),
  }
}

const utf8 = new TextDecoder()

/** Undoes `%XX`. A `+` stays what it is, since iPXE never writes a space as one. Other text is taken as it stands. */
function unescaped(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) => {
    const bytes = run
      .split('%')
      .slice(1)
      .map((digits) => Number.parseInt(digits, 16))
    return utf8.decode(Uint8Array.from(bytes))
  })
}
