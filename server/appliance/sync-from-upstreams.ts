import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { Config, ProxySettings } from '../config/config.ts'
import type { BlobStore } from '../images/blob-store.ts'
import { longestKeyring } from '../images/keyring.ts'
import { loadCatalogue } from '../images/load-catalogue.ts'
import { RateLimit } from '../images/rate-limit.ts'
import { syncImages, type SyncTools } from '../images/sync-images.ts'
import type { SyncOutcome } from '../images/sync-report.ts'
import { UpstreamFault } from '../images/upstream-fault.ts'
import { urlClient } from '../listen/url-client.ts'
import type { Proxies } from '../listen/way-to.ts'
import { version } from './version.ts'

export type SyncParts = Pick<SyncTools, 'prepare' | 'report' | 'over'> & {
  readonly store: BlobStore
  /** Names of images; absent, those of the settings. */
  readonly images?: readonly string[]
  /** Where proxies are named that the settings leave to the environment. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Brings what the settings ask for from the upstreams into the store, and says what came of it. */
export async function syncFromUpstreams({ imageSync }: Config, parts: SyncParts): Promise<SyncOutcome> {
  const upstreams = await loadCatalogue(imageSync)
  const openUrl = urlClient({
    userAgent: `ironwake/${version}`,
    proxies: proxiesOf(imageSync.proxy, parts.environment),
  })
  const { images = imageSync.images, store, prepare, report, over } = parts
  const now = (): number => Date.now()
  return await syncImages(
    { upstreams, images, versions: imageSync.versions },
    {
      store,
      prepare,
      report,
      over,
      now,
      openUrl,
      wait: waitUnless,
      chance: () => Math.random(),
      downloads: imageSync.downloads,
      rate: imageSync.rateBytes === undefined ? undefined : new RateLimit(imageSync.rateBytes, now),
      readKeyring,
    },
  )
}

/** The proxies of the settings, or else of the environment, as curl reads them: what is in small letters counts first. */
export function proxiesOf(
  settings: ProxySettings,
  environment: Readonly<Record<string, string | undefined>>,
): Proxies {
  const said = (name: string): string | undefined => {
    const value = environment[name] ?? environment[name.toUpperCase()]
    return value === '' ? undefined : value
  }
  switch (settings.kind) {
    case 'none':
      return {}
    case 'proxy': {
      const { url, except } = settings
      return { http: url, https: url, ...(except.length === 0 ? {} : { none: except.join(',') }) }
    }
    case 'environment': {
      // HTTP_PROXY in capitals may have come from a header of a request (CGI); curl does not believe it either.
      const [http, https, none] = [environment['http_proxy'], said('https_proxy'), said('no_proxy')]
      return {
        ...(http === undefined || http === '' ? {} : { http }),
        ...(https === undefined ? {} : { https }),
        ...(none === undefined ? {} : { none }),
      }
    }
  }
}

async function waitUnless(ms: number, over: AbortSignal): Promise<void> {
  try {
    await pause(ms, undefined, { signal: over })
  } catch (error) {
    throw over.aborted ? new UpstreamFault('stopped', 'It was stopped.') : error
  }
}

async function readKeyring(file: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(file)
    if (bytes.length <= longestKeyring) return bytes
    throw new UpstreamFault('malformed', `The keyring ${file} has more than ${longestKeyring} bytes.`)
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error
    const because = `The keyring ${file} cannot be read (${String(error.code)}).`
    throw new UpstreamFault('malformed', because, { cause: error })
  }
}
