import { checkDetached, openClearSigned } from './check-signature.ts'
import type { Upstream } from './catalogue.ts'
import { fetchDocument } from './fetch-document.ts'
import { readKeyring, type Keyring } from './keyring.ts'
import { productListOf } from './stream-index.ts'
import { readProducts, type StreamProduct } from './stream-products.ts'
import { UpstreamFault } from './upstream-fault.ts'
import { readUpstreamPath, urlOf, type UpstreamPath } from './upstream-path.ts'
import type { UpstreamTools } from './upstream-tools.ts'

/** An upstream whose index is believed. */
export type OpenedUpstream = {
  readonly upstream: Upstream
  /** The products of a stream; each list is fetched once. */
  products(contentId: string): Promise<readonly StreamProduct[]>
}

export type KeyringReader = (file: string) => Promise<Uint8Array>

/** Several times what the largest upstream has. */
const longest = { index: 4 * 1024 * 1024, products: 64 * 1024 * 1024, signature: 64 * 1024 }

/** Fetches the index of an upstream, and believes it when one of its keys has signed it. */
export async function openUpstream(
  upstream: Upstream,
  readFile: KeyringReader,
  tools: UpstreamTools,
): Promise<OpenedUpstream> {
  const { file, fingerprints } = upstream.keyring
  const keyring = await readKeyring(await readFile(file), file, fingerprints)
  const index = await signedText(
    { upstream, path: upstream.index, longestBytes: longest.index },
    keyring,
    tools,
  )
  const lists = new Map<string, Promise<readonly StreamProduct[]>>()

  async function fetchProducts(contentId: string): Promise<readonly StreamProduct[]> {
    const path = productListOf(index, contentId)
    const list = await signedText({ upstream, path, longestBytes: longest.products }, keyring, tools)
    return readProducts(list, contentId)
  }

  return {
    upstream,
    async products(contentId) {
      const fetching = lists.get(contentId) ?? fetchProducts(contentId)
      lists.set(contentId, fetching)
      return await fetching
    },
  }
}

type Document = { readonly upstream: Upstream; readonly path: UpstreamPath; readonly longestBytes: number }

/** `….sjson` carries its signature; that of `….json` lies beside it, as `….json.gpg`. */
async function signedText(
  { upstream, path, longestBytes }: Document,
  keyring: Keyring,
  tools: UpstreamTools,
): Promise<string> {
  const url = urlOf(upstream.base, path)
  const bytes = await fetchDocument(url, longestBytes, tools)
  const text = Buffer.from(bytes).toString('utf8')
  if (path.endsWith('.sjson')) return await openClearSigned(text, keyring, tools.now(), url)
  const beside = readUpstreamPath(`${path}.gpg`)
  if (beside.kind === 'unsafe')
    throw new UpstreamFault('unsafe', `${url} has no signature: ${beside.because}.`)
  const signature = await signatureAt(urlOf(upstream.base, beside.path), url, tools)
  await checkDetached(bytes, signature, keyring, tools.now(), url)
  return text
}

async function signatureAt(url: string, of: string, tools: UpstreamTools): Promise<Uint8Array> {
  try {
    return await fetchDocument(url, longest.signature, tools)
  } catch (error) {
    if (!(error instanceof UpstreamFault) || error.kind !== 'missing') throw error
    const because = `${of} is not believed: it is not signed, ${url} is not there.`
    throw new UpstreamFault('signature-missing', because, { cause: error })
  }
}
