import { z } from 'zod'
import { parseSha256, type Sha256 } from '../wire/sha256.ts'
import { printable } from '../wire/text.ts'
import { parseJson } from './parse-json.ts'
import { whereOf } from './stream-index.ts'
import { UpstreamFault } from './upstream-fault.ts'
import { readUpstreamPath, type UpstreamPath } from './upstream-path.ts'

/** A product of a stream with what is known of it, as `arch` or `release`. */
export type StreamProduct = {
  readonly name: string
  readonly tags: ReadonlyMap<string, string>
  /** The oldest first. */
  readonly versions: readonly StreamVersion[]
}

export type StreamVersion = {
  readonly name: string
  /** As they came: only what is wanted is looked at, so that a flaw elsewhere does no harm. */
  readonly items: { readonly [name: string]: unknown }
}

export type StreamItem = {
  readonly path: UpstreamPath
  readonly sha256: Sha256
  readonly byteCount: number
}

/** Ten times what cloud-images.ubuntu.com has. */
const most = { products: 10_000, versions: 500 }

const group = z.record(z.string(), z.unknown())
const products = z.looseObject({
  format: z.literal('products:1.0'),
  content_id: z.string(),
  products: z.record(
    z.string(),
    z.looseObject({ versions: z.record(z.string(), z.looseObject({ items: group })) }),
  ),
})

/** The products of a stream (simplestreams `products:1.0`). */
export function readProducts(text: string, contentId: string): readonly StreamProduct[] {
  const parsed = products.safeParse(parseJson(text, `The product list of ${contentId}`))
  if (!parsed.success) {
    const because = `The product list of ${contentId} is not one of simplestreams: ${whereOf(parsed.error)}.`
    throw new UpstreamFault('malformed', because)
  }
  const list = parsed.data
  // A signed list of another stream, put where this one should be.
  if (list.content_id !== contentId) {
    const found = printable(list.content_id)
    throw new UpstreamFault('malformed', `The product list of ${contentId} is that of ${found}.`)
  }
  const entries = Object.entries(list.products)
  if (entries.length > most.products) {
    throw new UpstreamFault('too-large', `${contentId} lists more than ${most.products} products.`)
  }
  return entries.map(([name, product]) => {
    const versions = Object.entries(product.versions)
    if (versions.length > most.versions) {
      const because = `${contentId} lists more than ${most.versions} versions of ${printable(name)}.`
      throw new UpstreamFault('too-large', because)
    }
    // What is said of the list holds for each of its products; its name counts as one of its tags.
    const tags = new Map([['product', name] as const, ...texts(list), ...texts(product)])
    const oldestFirst = versions.toSorted(([one], [other]) => byBytes(one, other))
    return { name, tags, versions: oldestFirst.map(([version, { items }]) => ({ name: version, items })) }
  })
}

const item = z.object({
  path: z.string(),
  sha256: z.string(),
  size: z.int().min(1),
})

/** One file of a version, checked. */
export function readItem(version: StreamVersion, name: string, product: string): StreamItem {
  const where = `${product} ${version.name}`
  if (!Object.hasOwn(version.items, name)) throw new UpstreamFault('missing', `${where} has no ${name}.`)
  const parsed = item.safeParse(version.items[name])
  if (!parsed.success) {
    throw new UpstreamFault('malformed', `${name} of ${where} is incomplete: ${whereOf(parsed.error)}.`)
  }
  const sha256 = parseSha256(parsed.data.sha256)
  if (sha256 === undefined)
    throw new UpstreamFault('malformed', `${name} of ${where} has no SHA-256 digest that is one.`)
  const read = readUpstreamPath(parsed.data.path)
  if (read.kind === 'unsafe') {
    const because = `${name} of ${where} lies at ${printable(JSON.stringify(parsed.data.path))}: ${read.because}.`
    throw new UpstreamFault('unsafe', because)
  }
  return { path: read.path, sha256, byteCount: parsed.data.size }
}

/** The order of versions in simplestreams is that of `LANG=C sort`. */
export function byBytes(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1
}

function texts(values: object): readonly [string, string][] {
  return Object.entries(values).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
}
