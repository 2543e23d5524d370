/** URLs of proxies, as curl has them in `http_proxy` and `https_proxy`, and the hosts that need none. */
export type Proxies = { readonly http?: string; readonly https?: string; readonly none?: string }

export type Way =
  | { readonly kind: 'direct' }
  /** The proxy is asked for the whole URL. */
  | { readonly kind: 'forward'; readonly proxy: URL }
  /** The proxy passes bytes on without reading them. */
  | { readonly kind: 'tunnel'; readonly proxy: URL }

/** How a URL is reached. */
export function wayTo(url: URL, proxies: Proxies): Way {
  const isSecure = url.protocol === 'https:'
  const text = isSecure ? proxies.https : proxies.http
  if (text === undefined || needsNone(url, proxies.none ?? '')) return { kind: 'direct' }
  // curl takes a proxy without a scheme for one of http.
  const proxy = new URL(/^https?:\/\//i.test(text) ? text : `http://${text}`)
  return { kind: isSecure ? 'tunnel' : 'forward', proxy }
}

/** `mirror.example` also means what lies below it; `*` means every host. A port may be named. */
function needsNone(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true
      const [, name = entry, ofPort] = /^\[?([^\]]*?)\]?:([0-9]+)$/.exec(entry) ?? []
      // Two colons and more are an address of IPv6, and no port.
      const isAddress = entry.split(':').length > 2 && !entry.startsWith('[')
      const wanted = (isAddress ? entry : name).replace(/^\*?\./, '')
      if (!isAddress && ofPort !== undefined && ofPort !== port) return false
      return host === wanted || host.endsWith(`.${wanted}`)
    })
}

/** The header by which a proxy knows who asks, where its URL has a name and a password. */
export function proxyHeaders(proxy: URL): Readonly<Record<string, string>> {
  if (proxy.username === '' && proxy.password === '') return {}
  const words = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(words).toString('base64')}` }
}
