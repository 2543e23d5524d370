import type { Request } from 'express'

/** A file as its headers describe it. */
export type FileFacts = {
  readonly size: number
  readonly modifiedMs: number
  /** Where it is known, it alone tells one file from another. */
  readonly digest?: string
}

/** What is owed to a request for a file (RFC 9110 §13.2.2, §14.2). */
export type FileAnswer =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly from: number; readonly length: number }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'changed' }
  | { readonly kind: 'no-such-range' }

/** Another digest, or else another size or another time, is another file. */
export function entityTagOf({ size, modifiedMs, digest }: FileFacts): string {
  if (digest !== undefined) return `"${digest}"`
  return `"${size.toString(16)}-${Math.floor(modifiedMs).toString(16)}"`
}

/** The response must bear its ETag and Last-Modified already, since express compares with those. */
export function fileAnswer(request: Request, facts: FileFacts): FileAnswer {
  if (isAnother(request, facts)) return { kind: 'changed' }
  if (request.fresh) return { kind: 'unchanged' }
  if (request.headers.range === undefined || !rangeCounts(request, facts)) return { kind: 'whole' }
  const ranges = request.range(facts.size, { combine: true })
  if (ranges === -1 && /^ *bytes=/.test(request.headers.range)) return { kind: 'no-such-range' }
  // What cannot be read, and what asks for several pieces, is answered with the whole (RFC 9110 §14.2).
  if (typeof ranges !== 'object' || ranges.type !== 'bytes' || ranges.length !== 1) return { kind: 'whole' }
  const [{ start, end } = { start: 0, end: -1 }] = ranges
  return { kind: 'part', from: start, length: end - start + 1 }
}

/** If-Match, or where it is not given If-Unmodified-Since (RFC 9110 §13.1.1, §13.1.4). */
function isAnother(request: Request, facts: FileFacts): boolean {
  const match = request.get('if-match')
  if (match !== undefined) {
    if (match.trim() === '*') return false
    const tags = match.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
    return !tags.includes(entityTagOf(facts))
  }
  const since = Date.parse(request.get('if-unmodified-since') ?? '')
  return !Number.isNaN(since) && wholeSeconds(facts.modifiedMs) > since
}

/** A range belongs to the file that If-Range names; of another file all is owed (RFC 9110 §13.1.5). */
function rangeCounts(request: Request, facts: FileFacts): boolean {
  const condition = request.get('if-range')?.trim()
  if (condition === undefined || condition === '') return true
  if (condition.includes('"')) return condition === entityTagOf(facts)
  return Date.parse(condition) === wholeSeconds(facts.modifiedMs)
}

/** Dates in headers have no fractions of a second. */
function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000
}
