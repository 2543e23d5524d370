import { holdsToken } from '../access/api-token.ts'
import type { TokenBook } from '../access/token-book.ts'
import type { ApplianceEvent } from '../events/event.ts'
import type { Admission, Door } from './caller.ts'

export type TokenDoorParts = {
  readonly tokens: Pick<TokenBook, 'check' | 'isGood'>
  readonly tell: (event: ApplianceEvent) => void
  /**
   * Whether an address that showed no good token may be told so once more, and how often it was not since it last might; it
   * remembers a bounded number of them.
   */
  readonly failAgain: (address: string) => { readonly passes: boolean; readonly heldBack: number }
}

const inUrl =
  'a token must not stand in a URL, which ends up in logs: send it in the header Authorization, and revoke this one'

/**
 * The door of the network: lets in who shows a token in the header `Authorization`. A good token is let in from wherever:
 * were an address shut out, one machine behind a router could shut out all others behind it, and 256 bits need no such help.
 */
export function tokenDoor({ tokens, tell, failAgain }: TokenDoorParts): Door {
  return (request) => {
    const from = request.socket.remoteAddress ?? '?'
    if (
      holdsToken(decoded(request.originalUrl)) ||
      'token' in request.query ||
      'access_token' in request.query
    )
      return refuse(from, 400, 'A token in the URL', inUrl)
    const header = request.get('Authorization')
    if (header === undefined) return refuse(from, 401, 'A token is needed', 'no token was shown')
    const shown = /^Bearer +(\S+)$/i.exec(header)?.[1]
    if (shown === undefined)
      return refuse(from, 401, 'A token is needed', 'the header Authorization is not “Bearer iw_…”')
    const checked = tokens.check(shown)
    if (checked.kind === 'bad') return refuse(from, 401, 'The token does not let in', checked.because)
    const { id, name, role } = checked.token
    const caller = { name: `the token ${name}`, role, by: { token: id }, isStillIn: () => tokens.isGood(id) }
    return { kind: 'admitted', caller }
  }

  function refuse(from: string, status: 400 | 401, title: string, because: string): Admission {
    const { passes, heldBack } = failAgain(from)
    if (!passes) {
      const enough = 'too many requests without a good token came from this address; wait a minute'
      return { kind: 'refused', status: 429, title: 'Too many tries', because: enough }
    }
    tell({ kind: 'api-refused', from, because, ...(heldBack === 0 ? {} : { heldBack }) })
    return { kind: 'refused', status, title, because }
  }
}

function decoded(url: string): string {
  try {
    return decodeURIComponent(url)
  } catch {
    return url
  }
}
