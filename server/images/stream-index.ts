import { z } from 'zod'
import { printable } from '../wire/text.ts'
import { parseJson } from './parse-json.ts'
import { UpstreamFault } from './upstream-fault.ts'
import { readUpstreamPath, type UpstreamPath } from './upstream-path.ts'

/** Canonical's indexes have fewer than twenty. */
const mostStreams = 1_000

const index = z.object({
  format: z.literal('index:1.0'),
  index: z.record(z.string(), z.object({ format: z.string().optional(), path: z.string() })),
})

/** Where the product list of a stream lies, by the index of an upstream (simplestreams `index:1.0`). */
export function productListOf(indexText: string, contentId: string): UpstreamPath {
  const parsed = index.safeParse(parseJson(indexText, 'The index'))
  if (!parsed.success) {
    throw new UpstreamFault('malformed', `The index is not one of simplestreams: ${whereOf(parsed.error)}.`)
  }
  const streams = parsed.data.index
  if (Object.keys(streams).length > mostStreams)
    throw new UpstreamFault('too-large', `The index names more than ${mostStreams} streams.`)
  const stream = Object.hasOwn(streams, contentId) ? streams[contentId] : undefined
  if (stream === undefined || (stream.format ?? 'products:1.0') !== 'products:1.0') {
    throw new UpstreamFault('missing', `The index does not name the stream ${contentId}.`)
  }
  const read = readUpstreamPath(stream.path)
  if (read.kind === 'unsafe') {
    const because = `The index puts ${contentId} at ${printable(JSON.stringify(stream.path))}: ${read.because}.`
    throw new UpstreamFault('unsafe', because)
  }
  return read.path
}

/** The first thing that is wrong, and where. */
export function whereOf(error: z.ZodError): string {
  const [issue] = error.issues
  const path = issue?.path.map(String).join(' → ') ?? ''
  return printable(`${path === '' ? 'at its top' : path}: ${issue?.message ?? 'unknown'}`)
}
