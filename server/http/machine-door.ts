import type { Request } from 'express'
import { holdsCredential } from '../access/machine-credential.ts'
import type { About, ApplianceEvent } from '../events/event.ts'

/** `about`: whose it is, where that is known. */
export type CheckedCredential =
  | { readonly kind: 'good'; readonly machine: string }
  | { readonly kind: 'bad'; readonly status: 401 | 403; readonly because: string; readonly about: About }

export type MachineAdmission =
  /** `machine` is its identifier. */
  | { readonly kind: 'admitted'; readonly machine: string }
  | { readonly kind: 'refused'; readonly status: 400 | 401 | 403 | 429; readonly because: string }

/** Says of each request which machine sends it. */
export type MachineDoor = (request: Request) => MachineAdmission

export type MachineDoorParts = {
  readonly check: (credential: string, from: string) => CheckedCredential
  readonly tell: (event: ApplianceEvent) => void
  /** Whether an address that showed nothing good may be told so once more; it remembers a bounded number of them. */
  readonly mayFailAgain: (address: string) => boolean
}

/**
 * The door of the machines: lets in who shows the credential of a machine in the header `Authorization`. A good one is let in from
 * wherever (token-door.ts).
 */
export function machineDoor({ check, tell, mayFailAgain }: MachineDoorParts): MachineDoor {
  return (request) => {
    const from = (request.socket.remoteAddress ?? '?').replace(/^::ffff:/, '')
    if (holdsCredential(decoded(request.originalUrl)) || request.originalUrl.includes('?'))
      return refuse(
        from,
        400,
        'nothing stands in the URL but the word of the request: a credential least of all',
      )
    const header = request.get('Authorization')
    if (header === undefined) return refuse(from, 401, 'no credential was shown')
    const shown = /^Bearer +(\S+)$/i.exec(header)?.[1]
    if (shown === undefined) return refuse(from, 401, 'the header Authorization is not “Bearer iwm_…”')
    const checked = check(shown, from)
    if (checked.kind === 'good') return { kind: 'admitted', machine: checked.machine }
    return refuse(from, checked.status, checked.because, checked.about)
  }

  function refuse(
    from: string,
    status: 400 | 401 | 403,
    because: string,
    about: About = {},
  ): MachineAdmission {
    if (!mayFailAgain(from)) {
      const enough = 'too many requests without a good credential came from this address; wait a minute'
      return { kind: 'refused', status: 429, because: enough }
    }
    tell({ kind: 'credential-refused', ...about, from, because })
    return { kind: 'refused', status, because }
  }
}

function decoded(url: string): string {
  try {
    return decodeURIComponent(url)
  } catch {
    return url
  }
}
