import { z } from 'zod'
import { parseIpv4, type Ipv4 } from '../wire/ipv4.ts'
import type { ApiListening } from './config.ts'
import { whyNotDomain } from './hostname.ts'

const most = { addresses: 64, names: 32 }

const listen = z.unknown().transform((value, context): ApiListening => {
  if (value === 'networks') return { kind: 'networks' }
  const refuse = (message: string, path: readonly number[] = []): void => {
    const nextStep =
      'Write `listen: networks` for the address of the box on each network it serves, or `listen: [10.0.0.1]`.'
    context.issues.push({ code: 'custom', input: value, message, path: [...path], params: { nextStep } })
  }
  const addresses: Ipv4[] = []
  if (!Array.isArray(value)) refuse('This is neither `networks` nor a list of addresses.')
  else if (value.length > most.addresses) refuse(`At most ${most.addresses} addresses may be listed here.`)
  else {
    for (const [index, item] of value.entries()) {
      const address = typeof item === 'string' ? parseIpv4(item) : undefined
      if (address === undefined) refuse('This is not an IPv4 address.', [index])
      else addresses.push(address)
    }
  }
  return { kind: 'addresses', addresses }
})

const name = z.string().superRefine((text, context) => {
  const because = whyNotDomain(text)
  if (because === undefined) return
  context.issues.push({ code: 'custom', input: text, message: `This is not a name: ${because}.` })
})

/** Where the API is reached over the network. Without a place it is not. */
export const apiSettings = z
  .strictObject({
    listen: listen.prefault([]),
    port: z.int().min(1).max(65_535).default(8443),
    names: z.array(name).max(most.names).default([]),
  })
  .prefault({})
