import { z } from 'zod'
import { isName } from '../config/image-name.ts'
import { parseSha256, type Sha256 } from '../wire/sha256.ts'
import { imageForms, imageRoles, type Manifest } from './manifest.ts'

export type ParsedManifest =
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'unreadable'; readonly because: string }

/** A later version that writes otherwise counts this up, and an earlier one then knows that it cannot read it. */
const format = 1

const name = z.string().refine(isName, 'this is not a name')
const sha256 = z.string().transform((text, context): Sha256 => {
  const digest = parseSha256(text)
  if (digest !== undefined) return digest
  context.issues.push({ code: 'custom', input: text, message: 'this is not a SHA-256 digest' })
  return z.NEVER
})
const byteCount = z.int().min(0)

const file = z.strictObject({
  sha256,
  byteCount,
  form: z.enum(imageForms),
  unpackedByteCount: byteCount.exactOptional(),
})

const schema = z.strictObject({
  format: z.literal(format),
  name,
  version: name,
  architecture: z.enum(['amd64', 'arm64']),
  files: z.partialRecord(z.enum(imageRoles), file),
  origin: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('file'), path: z.string() }),
    z.strictObject({ kind: z.literal('url'), url: z.string() }),
    z.strictObject({ kind: z.literal('stream'), url: z.string(), product: z.string() }),
  ]),
  publishedAt: z.int(),
})

/** Reads what `writeManifest` wrote. */
export function parseManifest(text: string): ParsedManifest {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { kind: 'unreadable', because: 'it is not JSON' }
  }
  const parsed = schema.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return { kind: 'unreadable', because: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown'}` }
  }
  const { format: _, ...manifest } = parsed.data
  return { kind: 'manifest', manifest }
}

export function writeManifest(manifest: Manifest): string {
  return `${JSON.stringify({ format, ...manifest }, undefined, 2)}\n`
}
