/** The base of an upstream: where its paths begin. Made only by this module. */
export type UpstreamBase = string & { readonly upstreamBase: unique symbol }

/** The base that a text means, with the slash at its end; `undefined` where it is no plain URL of http or https. */
export function parseUpstreamBase(text: string): UpstreamBase | undefined {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return undefined
  return (url.href.endsWith('/') ? url.href : `${url.href}/`) as UpstreamBase
}
