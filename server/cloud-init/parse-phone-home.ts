import { printable } from '../wire/text.ts'

/** What cloud-init's module `phone_home` posts when all stages are done. */
export type PhoneHome = {
  readonly instanceId: string
  readonly hostname: string | undefined
  readonly fqdn: string | undefined
  /** The machine's SSH host keys, each a line of `known_hosts` without its name. */
  readonly hostKeys: readonly string[]
}

type Refusal = { readonly kind: 'refused'; readonly because: string }

export type ParsedPhoneHome = { readonly kind: 'phone-home'; readonly phoneHome: PhoneHome } | Refusal

/** Four public keys of at most 2 kB each, escaped, and three names. */
const longestBody = 65_536
const longestKey = 4_096
/** What cloud-init writes for a key it does not find. */
const notThere = 'N/A'
const keyFields = ['pub_key_ed25519', 'pub_key_ecdsa', 'pub_key_rsa']

/** Reads the body of `phone_home`, a form (application/x-www-form-urlencoded). */
export function parsePhoneHome(body: string): ParsedPhoneHome {
  if (body.length > longestBody) return refused(`it has more than ${longestBody} characters`)
  // oxlint-disable-next-line no-control-regex -- a form has printable ASCII only
  if (/[^\u0021-\u007e]/.test(body.trim()) || /%(?![0-9a-f]{2})/i.test(body))
    return refused('it is not a form')
  const form = new URLSearchParams(body.trim())
  const text = (name: string, limit?: number) => {
    const value = printable((form.get(name) ?? notThere).trim(), limit)
    return value === notThere || value === '' ? undefined : value
  }
  const instanceId = text('instance_id')
  if (instanceId === undefined) return refused('it has no instance_id')
  const hostKeys = keyFields.map((name) => text(name, longestKey)).filter((key) => key !== undefined)
  const phoneHome = { instanceId, hostname: text('hostname'), fqdn: text('fqdn'), hostKeys }
  return { kind: 'phone-home', phoneHome }
}

function refused(because: string): Refusal {
  return { kind: 'refused', because }
}
