import { z } from 'zod'
import { parseRate } from './parse-rate.ts'
import { parseUpstreamBase } from './upstream-base.ts'

const most = { images: 256, versions: 32, downloads: 16, mirrors: 64, hosts: 64 }

function refuse(context: z.RefinementCtx, message: string, nextStep: string): never {
  context.issues.push({ code: 'custom', input: context.value, message, params: { nextStep } })
  return z.NEVER
}

const imageName = z.string().superRefine((text, context) => {
  if (/^[a-z0-9*](?:[a-z0-9.*-]{0,62}[a-z0-9*])?$/.test(text)) return
  refuse(
    context,
    'This is not the name of an image.',
    'As ubuntu-24.04-amd64; docs/image-sync.md lists the names.',
  )
})

const base = z.string().transform((text, context) => {
  const nextStep = 'Write it as https://mirror.example/ubuntu/, without a name, password or query.'
  return parseUpstreamBase(text) ?? refuse(context, 'This is not the URL of a mirror.', nextStep)
})

const rate = z.unknown().transform((value, context) => {
  const nextStep = 'Write a number with kB, MB, GB, kbit, Mbit or Gbit, for each second: 50MB, 400Mbit.'
  return parseRate(value) ?? refuse(context, 'This is not a rate.', nextStep)
})

const proxy = z.string().superRefine((text, context) => {
  if (text === 'none') return
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return
  refuse(context, 'This is not a proxy.', 'Write it as http://proxy.example:3128, or none.')
})

const path = z.string().min(1).max(4_095)

/** Images that are fetched from upstreams, and how. */
export const imageSyncSettings = z
  .strictObject({
    images: z.array(imageName).max(most.images).default([]),
    versions: z.int().min(1).max(most.versions).default(1),
    downloads: z.int().min(1).max(most.downloads).default(3),
    rate: rate.optional(),
    proxy: proxy.optional(),
    'no-proxy': z.array(z.string().min(1).max(255)).max(most.hosts).default([]),
    mirrors: z
      .array(
        z.strictObject({
          of: z.string().min(1).max(64),
          url: base,
          'files-url': base.optional(),
          keyring: path.optional(),
        }),
      )
      .max(most.mirrors)
      .default([]),
    catalogue: path.optional(),
  })
  .prefault({})
