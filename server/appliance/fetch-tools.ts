import { setTimeout as pause } from 'node:timers/promises'
import type { ImageSyncSettings, ProxySettings } from '../config/config.ts'
import { RateLimit } from '../images/rate-limit.ts'
import { UpstreamFault } from '../images/upstream-fault.ts'
import type { UpstreamTools } from '../images/upstream-tools.ts'
import { urlClient } from '../listen/url-client.ts'
import type { Proxies } from '../listen/way-to.ts'
import { version } from './version.ts'

export type FetchParts = {
  readonly over: AbortSignal
  /** Where proxies are named that the settings leave to the environment. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** How the settings let files be fetched. */
export function fetchTools(
  { proxy, rateBytes }: Pick<ImageSyncSettings, 'proxy' | 'rateBytes'>,
  { over, environment }: FetchParts,
): UpstreamTools & { readonly rate: RateLimit | undefined } {
  const now = (): number => Date.now()
  return {
    over,
    now,
    openUrl: urlClient({ userAgent: `ironwake/${version}`, proxies: proxiesOf(proxy, environment) }),
    wait: waitUnless,
    chance: () => Math.random(),
    rate: rateBytes === undefined ? undefined : new RateLimit(rateBytes, now),
  }
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
