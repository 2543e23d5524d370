import { z } from 'zod'
import { parseUpstreamBase } from '../config/upstream-base.ts'
import { imageForms, imageRoles } from './manifest.ts'
import { whyNotTemplate } from './image-template.ts'
import { parseRelease } from './release.ts'
import { readUpstreamPath } from './upstream-path.ts'

/** Nobody writes more by hand. */
const most = { images: 64, keys: 16, tags: 16 }

function refuse(context: z.RefinementCtx, message: string, nextStep?: string): never {
  const params = nextStep === undefined ? {} : { nextStep }
  context.issues.push({ code: 'custom', input: context.value, message, params })
  return z.NEVER
}

const name = z.string().superRefine((text, context) => {
  if (/^[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?$/.test(text)) return
  refuse(context, 'This is not a name.', 'Use lower-case letters, digits, dots and hyphens, at most 64.')
})

const upstreamBase = z.string().transform((text, context) => {
  const nextStep = 'Write it as https://mirror.example/ubuntu/, without a name, password or query.'
  return parseUpstreamBase(text) ?? refuse(context, 'This is not the URL of an upstream.', nextStep)
})

const index = z.string().transform((text, context) => {
  const read = readUpstreamPath(text)
  if (read.kind === 'unsafe')
    return refuse(context, `This is not the path of an index below the upstream: ${read.because}.`)
  if (/\.s?json$/.test(text)) return read.path
  return refuse(
    context,
    'An index ends in .sjson, or in .json with its signature in a file .json.gpg beside it.',
  )
})

const fingerprint = z.string().superRefine((text, context) => {
  if (/^[0-9A-Fa-f]{40}(?:[0-9A-Fa-f]{24})?$/.test(text)) return
  refuse(
    context,
    'This is not the fingerprint of a key.',
    'It has 40 hexadecimal digits; gpg --show-keys FILE tells it.',
  )
})

const release = z.unknown().transform((value, context) => {
  // 22.10 without quotes is the number 22.1 to YAML.
  if (typeof value !== 'string')
    return refuse(context, 'This is not a release.', "Write it in quotes, as '24.04'.")
  return (
    parseRelease(value) ?? refuse(context, 'This is not a release.', "It has a year and a month, as '24.04'.")
  )
})

const template = z.string().superRefine((text, context) => {
  const because = whyNotTemplate(text)
  if (because !== undefined) refuse(context, `This cannot be filled: ${because}.`)
})

const imageName = template.superRefine((text, context) => {
  if (/^[a-z0-9](?:[a-z0-9.{}-]{0,62}[a-z0-9}])?$/.test(text) && text.includes('{arch}')) return
  refuse(
    context,
    'This is not the name of an image.',
    'Use lower-case letters, digits, dots, hyphens and {arch}.',
  )
})

const file = z.strictObject({ item: z.string().min(1).max(128), form: z.enum(imageForms) }).optional()

const image = z.strictObject({
  name: imageName,
  about: z.string().min(1).max(400),
  architectures: z
    .array(z.enum(['amd64', 'arm64']))
    .min(1)
    .max(2),
  releases: z.strictObject({ from: release, to: release.optional() }).optional(),
  stream: z.string().min(1).max(200),
  where: z.record(z.string(), template).superRefine((tags, context) => {
    const count = Object.keys(tags).length
    if (count === 0 || count > most.tags)
      refuse(context, `A product is told by 1 to ${most.tags} of its tags.`)
  }),
  files: z.strictObject(roleTable()).superRefine((files, context) => {
    if (Object.values(files).every((one) => one === undefined))
      refuse(context, 'An image has at least one file.')
  }),
  instead: z.string().min(1).max(400).optional(),
})

function roleTable(): { [role in (typeof imageRoles)[number]]: typeof file } {
  return Object.fromEntries(imageRoles.map((role) => [role, file])) as ReturnType<typeof roleTable>
}

/** A file of the catalogue: one upstream, and the images that come from it. */
export const catalogueSchema = z.strictObject({
  upstream: z.strictObject({
    name,
    url: upstreamBase,
    'files-url': upstreamBase.optional(),
    index,
    keyring: z.string().min(1).max(4_095),
    keys: z.array(fingerprint).max(most.keys).default([]),
  }),
  images: z.array(image).min(1).max(most.images),
})
