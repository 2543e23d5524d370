import type { UpstreamBase } from '../config/upstream-base.ts'

/** A path below the base of an upstream, and nowhere else. Made only by this module. */
export type UpstreamPath = string & { readonly upstreamPath: unique symbol }

export type ReadUpstreamPath =
  | { readonly kind: 'path'; readonly path: UpstreamPath }
  | { readonly kind: 'unsafe'; readonly because: string }

const longestPath = 512

/** What an upstream calls a file. It goes into a URL by being written behind the base, so nothing in it may lead away. */
export function readUpstreamPath(text: string): ReadUpstreamPath {
  const unsafe = (because: string): ReadUpstreamPath => ({ kind: 'unsafe', because })
  if (text === '') return unsafe('it is empty')
  if (text.length > longestPath) return unsafe(`it has more than ${longestPath} characters`)
  if (text.startsWith('/')) return unsafe('it begins at the root')
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return unsafe('it is a URL of its own')
  const segments = text.split('/')
  if (segments.includes('..')) return unsafe('it leads out of the upstream by `..`')
  if (segments.some((segment) => segment === '' || segment === '.'))
    return unsafe('it has an empty part or a `.`')
  // No `%`: what it stands for would be seen by the server alone. No `?`, `#`, `\`: they end or turn the path of a URL.
  if (!/^[A-Za-z0-9._~:+@=,/-]+$/.test(text)) return unsafe('it has a character that no file there has')
  return { kind: 'path', path: text as UpstreamPath }
}

export function urlOf(base: UpstreamBase, path: UpstreamPath): string {
  return `${base}${path}`
}
