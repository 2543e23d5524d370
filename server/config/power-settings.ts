import { z } from 'zod'

/** Where a secret is: never in the settings themselves, which people show each other. */
export type SecretPlace =
  | { readonly kind: 'environment'; readonly name: string }
  /** As it is written; relative paths begin at the folder of the settings. */
  | { readonly kind: 'file'; readonly path: string }

/** How it is known that the right one answers by HTTPS. */
export type ServiceTrust =
  /** By an authority that this system trusts. */
  | { readonly kind: 'authority' }
  /** By the SHA-256 of its certificate, in 64 hexadecimal digits. */
  | { readonly kind: 'fingerprint'; readonly sha256: string }
  /** A person said that it is not to be known. */
  | { readonly kind: 'insecure' }

/** How a machine is switched on and off. */
export type PowerSettings =
  | { readonly kind: 'wake-on-lan' }
  | {
      readonly kind: 'redfish'
      readonly url: string
      readonly user: string
      readonly password: SecretPlace
      readonly trust: ServiceTrust
      readonly system: string | undefined
    }
  | {
      readonly kind: 'ipmi'
      readonly host: string
      readonly port: number
      readonly user: string
      readonly cipher: 3 | 17 | undefined
      readonly password: SecretPlace
    }
  | {
      readonly kind: 'webhook'
      readonly url: string
      readonly token: SecretPlace | undefined
      readonly trust: ServiceTrust
    }

const text = z.string().min(1).max(255)

const url = z.string().superRefine((value, context) => {
  const because = whyNotServiceUrl(value)
  if (because !== undefined) context.issues.push({ code: 'custom', input: value, message: because })
})

const user = text.superRefine((value, context) => {
  if (/^[\u0021-\u007e]{1,64}$/.test(value) && !value.startsWith('-')) return
  context.issues.push({ code: 'custom', input: value, message: 'This is not the name of a user of a BMC.' })
})

const host = text.superRefine((value, context) => {
  if (/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(value)) return
  context.issues.push({
    code: 'custom',
    input: value,
    message: 'This is neither a name nor an IPv4 address.',
  })
})

const variable = z.string().superRefine((value, context) => {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(value)) return
  context.issues.push({
    code: 'custom',
    input: value,
    message: 'This is not the name of an environment variable.',
  })
})

const fingerprint = z.string().transform((value, context) => {
  const digits = value
    .replace(/^sha256:/i, '')
    .replaceAll(':', '')
    .toLowerCase()
  if (/^[0-9a-f]{64}$/.test(digits)) return digits
  const params = {
    nextStep: 'Write the 64 hexadecimal digits that `openssl x509 -fingerprint -sha256` shows.',
  }
  context.issues.push({
    code: 'custom',
    input: value,
    message: 'This is no SHA-256 of a certificate.',
    params,
  })
  return z.NEVER
})

const cipher = z.unknown().transform((value, context): 3 | 17 => {
  if (value === 3 || value === 17) return value
  const message =
    'This is not the number of a suite of ciphers that protects anything: 17, or 3 for old BMCs.'
  context.issues.push({ code: 'custom', input: value, message })
  return z.NEVER
})

const path = z.string().superRefine((value, context) => {
  if (/^\/redfish\/v1\/[\u0021-\u007e]{1,200}$/.test(value)) return
  const message = 'This is not the path of a system, as /redfish/v1/Systems/1.'
  context.issues.push({ code: 'custom', input: value, message })
})

const password = { 'password-env': variable.optional(), 'password-file': text.optional() }
const token = { 'token-env': variable.optional(), 'token-file': text.optional() }
const trust = { fingerprint: fingerprint.optional(), insecure: z.boolean().optional() }

const written = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('wake-on-lan') }),
    z.strictObject({ kind: z.literal('redfish'), url, user, ...password, ...trust, system: path.optional() }),
    z.strictObject({
      kind: z.literal('ipmi'),
      host,
      port: z.int().min(1).max(65_535).default(623),
      user,
      // Suite 0 asks for no password at all.
      cipher: cipher.optional(),
      ...password,
    }),
    z.strictObject({ kind: z.literal('webhook'), url, ...token, ...trust }),
  ],
  { error: 'This must be `wake-on-lan` or `redfish` or `ipmi` or `webhook`.' },
)

type Written = z.output<typeof written>

/** How a machine is switched on and off, as it is written, and as it is meant. */
export const powerSettings = written.transform((power, context): PowerSettings => {
  const refuse = (message: string, nextStep: string): never => {
    context.issues.push({ code: 'custom', input: power, message, params: { nextStep } })
    return z.NEVER
  }
  switch (power.kind) {
    case 'wake-on-lan':
      return power
    case 'redfish':
    case 'ipmi': {
      const password = secretOf(power['password-env'], power['password-file'])
      if (password === undefined) {
        return refuse(
          'A BMC needs a password, and one place for it.',
          'Write `password-env: NAME` for an environment variable, or `password-file: PATH`.',
        )
      }
      if (power.kind === 'ipmi') {
        const { kind, host: at, port, user: by, cipher } = power
        return { kind, host: at, port, user: by, cipher, password }
      }
      const trusted = trustOf(power)
      if (trusted === undefined) return refuse(notTrusted, trustNextStep)
      return {
        kind: 'redfish',
        url: power.url,
        user: power.user,
        password,
        trust: trusted,
        system: power.system,
      }
    }
    case 'webhook': {
      const given = [power['token-env'], power['token-file']].filter((one) => one !== undefined)
      const secret = secretOf(power['token-env'], power['token-file'])
      if (given.length > 1) return refuse('There are two places for one token.', 'Leave one of them out.')
      const trusted = trustOf(power)
      if (trusted === undefined) return refuse(notTrusted, trustNextStep)
      return { kind: 'webhook', url: power.url, token: secret, trust: trusted }
    }
  }
})

const notTrusted =
  'By plain http, or without a look at the certificate, anybody between could be the BMC and hear its password.'
const trustNextStep =
  'Write https and `fingerprint:` with the SHA-256 of its certificate, or say `insecure: true`; one of them.'

/** One place, and one only. */
function secretOf(name: string | undefined, file: string | undefined): SecretPlace | undefined {
  if (name !== undefined) return file === undefined ? { kind: 'environment', name } : undefined
  return file === undefined ? undefined : { kind: 'file', path: file }
}

function trustOf(power: Extract<Written, { kind: 'redfish' | 'webhook' }>): ServiceTrust | undefined {
  const { fingerprint: sha256, insecure } = power
  if (insecure === true) return sha256 === undefined ? { kind: 'insecure' } : undefined
  if (power.url.startsWith('http:')) return undefined
  return sha256 === undefined ? { kind: 'authority' } : { kind: 'fingerprint', sha256 }
}

function whyNotServiceUrl(value: string): string | undefined {
  const found = URL.parse(value)
  if (found === null || !/^https?:$/.test(found.protocol)) return 'This is not a URL, as https://10.0.9.1.'
  if (found.username !== '' || found.password !== '') {
    return 'A password has no place in a URL: say `user` and `password-env` or `password-file`.'
  }
  return found.hash === '' && value.length <= 2_000 ? undefined : 'This is not a URL that could be asked.'
}
