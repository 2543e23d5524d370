import { z } from 'zod'

export type ReadQuery =
  { readonly kind: 'query'; readonly query: unknown } | { readonly kind: 'refused'; readonly because: string }

/** Reads a query by a schema, or one that must be empty. A misspelt filter is refused: passed over, it would let everything through. */
export function readQuery(
  schema: z.ZodType | undefined,
  query: { readonly [name: string]: unknown },
): ReadQuery {
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
  for (const [name, value] of Object.entries(query)) {
    if (!known.includes(name)) {
      const there = known.length === 0 ? 'no filter is known here' : `there are ${known.join(', ')}`
      return { kind: 'refused', because: `there is no filter ${name}; ${there}` }
    }
    if (typeof value !== 'string') return { kind: 'refused', because: `${name} is given more than once` }
  }
  if (schema === undefined) return { kind: 'query', query: undefined }
  const read = schema.safeParse({ ...query })
  return read.success
    ? { kind: 'query', query: read.data }
    : { kind: 'refused', because: whyNotFit(read.error) }
}

/** Every complaint of a schema in one sentence, each with the place it is about. */
export function whyNotFit(error: z.ZodError): string {
  return error.issues
    .map(({ path, message, code }) =>
      path.length === 0 || code === 'invalid_format' ? message : `${path.join('.')}: ${message}`,
    )
    .join('; ')
}
