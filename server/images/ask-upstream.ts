import { printable } from '../wire/text.ts'
import type { UrlAnswer } from './open-url.ts'
import { UpstreamFault } from './upstream-fault.ts'
import type { UpstreamTools } from './upstream-tools.ts'

/** As many as curl and browsers would rather not need. */
const mostRedirects = 5
/** A server that wants to be left alone for longer is asked again by the next sync. */
const longestRetryAfterSeconds = 120

/** Asks for a URL and follows it where it leads, to an answer with content; anything else is a fault with its reason. */
export async function askUpstream(
  url: string,
  headers: Readonly<Record<string, string>>,
  { openUrl, over }: Pick<UpstreamTools, 'openUrl' | 'over'>,
): Promise<UrlAnswer> {
  const seen = new Set([url])
  for (let at = url; ;) {
    const answer = await openUrl({ url: at, headers, over })
    if (!redirects.has(answer.status)) return withContent(answer, at)
    answer.close()
    const next = nextOf(at, answer)
    if (seen.has(next)) throw new UpstreamFault('redirected', `${shown(url)} leads round in a circle.`)
    if (seen.size > mostRedirects) {
      throw new UpstreamFault('redirected', `${shown(url)} leads on more than ${mostRedirects} times.`)
    }
    seen.add(next)
    at = next
  }
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

function nextOf(at: string, answer: UrlAnswer): string {
  const location = answer.headers.get('location') ?? ''
  const next = URL.canParse(location, at) && location !== '' ? new URL(location, at) : undefined
  if (next === undefined)
    throw new UpstreamFault('redirected', `${shown(at)} leads to no other place (${answer.status}).`)
  next.hash = ''
  const scheme = new URL(at).protocol
  const mayFollow = next.protocol === 'https:' || (next.protocol === 'http:' && scheme === 'http:')
  if (!mayFollow || next.username !== '' || next.password !== '') {
    const because =
      next.protocol === 'http:' && scheme === 'https:'
        ? 'from https to http, where others can listen and change'
        : 'to what is no plain URL of http or https'
    throw new UpstreamFault('redirected', `${shown(at)} leads ${because}.`)
  }
  return next.href
}

function withContent(answer: UrlAnswer, url: string): UrlAnswer {
  const { status } = answer
  const encoding = answer.headers.get('content-encoding') ?? 'identity'
  if (status === 200 || status === 206 || status === 416) {
    if (encoding === 'identity' || status === 416) return answer
    answer.close()
    const because = `${shown(url)} comes packed as ${printable(encoding, 40)}, which was not asked for.`
    throw new UpstreamFault('malformed', because)
  }
  answer.close()
  throw faultOf(answer, url)
}

function faultOf({ status, headers }: UrlAnswer, url: string): UpstreamFault {
  if (status === 404 || status === 410) {
    const nextStep = 'Look whether the URL of the upstream is right, and whether a mirror is complete.'
    return new UpstreamFault('missing', `${shown(url)} is not there (${status}).`, { nextStep })
  }
  if (status === 407) {
    const nextStep = 'Look at the proxy of the settings: it wants another name or password.'
    return new UpstreamFault('refused', `The proxy does not let the box through (${status}).`, { nextStep })
  }
  const isPassing = status >= 500 || status === 408 || status === 425 || status === 429
  const because = `${shown(url)} is not given out (${status}).`
  if (!isPassing) return new UpstreamFault('refused', because)
  const seconds = Number(headers.get('retry-after'))
  if (!Number.isFinite(seconds) || seconds <= 0) return new UpstreamFault('unreachable', because)
  return new UpstreamFault('unreachable', because, {
    retryAfterMs: Math.min(seconds, longestRetryAfterSeconds) * 1000,
  })
}

/** Redirects may carry a signature in their query; it belongs into no log. */
function shown(url: string): string {
  return printable(url.replace(/\?.*$/, '?…'), 200)
}
