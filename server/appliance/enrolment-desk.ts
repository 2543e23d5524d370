import { createHash } from 'node:crypto'
import { credentialBytes, credentialText, isCredential } from '../access/machine-credential.ts'
import { isSignedBy, readNodeKey, shortOf, type NodeKey } from '../access/node-key.ts'
import type { About, ApplianceEvent } from '../events/event.ts'
import type { CheckedCredential } from '../http/machine-door.ts'
import type { NodeDesk } from '../http/node-routes.ts'
import type { Arrival, Outcome } from '../http/outcome.ts'
import {
  enrol,
  enrolmentText,
  invite,
  renew,
  renewalText,
  revoke,
  show,
  type Enrolment,
  type Judgement,
} from '../machines/enrolment.ts'
import type { JoinRefusal } from '../machines/join-refusals.ts'
import type { Attempt, Machine } from '../machines/machine.ts'
import { parseNodeWords } from '../machines/parse-node-words.ts'
import type { Chance } from '../machines/chance.ts'
import { joined, noChange } from '../machines/roster-change.ts'
import type { Roster } from '../machines/roster.ts'
import { parseIpv4 } from '../wire/ipv4.ts'
import type { Logbook } from './logbook.ts'

export type EnrolmentDeskParts = {
  readonly roster: Roster
  readonly logbook: Logbook
  readonly now: () => number
  readonly chance: Chance
  /** Whether an address that was refused may be told why once more; it remembers a bounded number of them. */
  readonly mayFailAgain: (address: string) => boolean
  /** Why a machine is not known well enough for the cluster that it is for; nothing where it is. */
  readonly tooWeak: (machine: Machine) => string | undefined
}

export type EnrolmentDesk = NodeDesk & {
  /** A boot that runs a system of ours is invited; written with the next commit. */
  readonly invite: (machine: Machine, attempt: Attempt) => void
  /** The nonce that a boot may still use; `undefined` where it has none, or it was used. */
  readonly openNonce: (machine: string, attempt: string) => string | undefined
  readonly of: (machine: string) => Enrolment | undefined
  /** Nobody is this machine any more, until it enrols anew; written with the next commit. */
  readonly revoke: (machine: string, because: string) => void
  /** Whose a credential is that somebody shows. */
  readonly check: (credential: string, from: string) => CheckedCredential
}

/** A clock that is further off is told so, and what was signed longer ago is no longer remembered. */
const renewalWindowMs = 600_000
const mostRenewals = 64

/** Who the machines are: their keys, their credentials, and those who claim to be one of them and are not. */
export function enrolmentDesk(
  { roster, logbook, now, chance, mayFailAgain, tooWeak }: EnrolmentDeskParts,
  stored: readonly Enrolment[],
): EnrolmentDesk {
  const enrolments = new Map<string, Enrolment>()
  const byHash = new Map<string, string>()
  const byNonce = new Map<string, string>()
  /** What was signed a short while ago. */
  const renewals = new Map<string, readonly { readonly fresh: string; readonly at: number }[]>()
  for (const enrolment of stored) index(enrolment)

  return {
    invite(machine, attempt) {
      const nonce = Buffer.from(chance(16)).toString('hex')
      keep(invite(enrolments.get(machine.id), { machine: machine.id, attempt: attempt.id, nonce }, now()))
    },
    openNonce(machine, attempt) {
      const [latest] = enrolments.get(machine)?.invitations ?? []
      const isOpen = latest?.attempt === attempt && latest.usedBy === undefined && now() < latest.until
      return isOpen ? latest.nonce : undefined
    },
    of: (machine) => enrolments.get(machine),
    revoke(machine, because) {
      const enrolment = enrolments.get(machine)
      if (enrolment !== undefined) keep(revoke(enrolment, because))
    },
    async enrol(arrival, body) {
      const parsed = parseNodeWords(body, 'ironwake-enrol 1', ['nonce', 'key', 'signature'])
      if (parsed.kind === 'refused') return refuse(arrival, 400, parsed.because)
      const { nonce, key: text, signature } = parsed.words
      const found = enrolmentOf(byNonce.get(nonce))
      if (found === undefined) return refuse(arrival, 403, 'no machine was invited by this nonce')
      const { machine, enrolment } = found
      const key = readNodeKey(text)
      if (key === undefined) return refuse(arrival, 400, 'its key is no public key of P-256', machine)
      if (!isSignedBy(key, enrolmentText(nonce, text), signature))
        return refuse(arrival, 403, 'its signature is not by its key, over its nonce', machine)
      const fresh = freshCredential()
      const judged = enrol(enrolment, { nonce, key: text, hash: fresh.hash, shown: machine.shown }, now())
      if (judged.kind !== 'good') return await notGood(arrival, machine, judged)
      const because = whyNotNow(machine, enrolment.invitations[0]?.attempt)
      if (because !== undefined) return refuse(arrival, 403, because, machine)
      const weak = tooWeak(machine)
      if (weak !== undefined) return refuse(arrival, 403, weak, machine, 'identity-too-weak')
      return await given(machine, judged.changed, { key, ...fresh })
    },
    async renew(arrival, body) {
      const words = ['machine', 'key', 'time', 'fresh', 'signature'] as const
      const parsed = parseNodeWords(body, 'ironwake-renew 1', words)
      if (parsed.kind === 'refused') return refuse(arrival, 400, parsed.because)
      const { machine: id, key: text, time, fresh: once, signature } = parsed.words
      const key = readNodeKey(text)
      if (key === undefined) return refuse(arrival, 400, 'its key is no public key of P-256')
      if (!isSignedBy(key, renewalText(id, time, once), signature))
        return refuse(arrival, 403, 'its signature is not by its key, over its machine and time')
      const found = enrolmentOf(id)
      if (found === undefined) return refuse(arrival, 403, 'no such machine has enrolled')
      const { machine, enrolment } = found
      const fresh = freshCredential()
      const judged = renew(enrolment, { key: text, hash: fresh.hash }, now())
      if (judged.kind !== 'good') return await notGood(arrival, machine, judged)
      // Last, so that only a key of the machine's own counts among what it has signed.
      const because = whyNotAgain(machine) ?? whyNotFresh(id, time, once)
      if (because !== undefined) return refuse(arrival, 403, because, machine)
      return await given(machine, judged.changed, { key, ...fresh, renewed: true })
    },
    check(text, from) {
      if (!isCredential(text)) return bad(401, 'what was shown has not the form of a credential, iwm_…')
      const hash = hashOf(text)
      const found = enrolmentOf(byHash.get(hash))
      if (found === undefined) return bad(401, 'there is no such credential')
      const { machine, enrolment } = found
      const judged = show(enrolment, hash, now())
      const because = whyNotAgain(machine)
      switch (judged.kind) {
        case 'refused':
          return bad(401, judged.because, machine)
        case 'two-claim-it':
          // The store tells of its own failures; what was revoked is so at once.
          void claimedTwice({ from, to: '' }, machine, judged).catch(() => {})
          return bad(403, judged.because, machine)
        case 'good':
          if (because !== undefined) return bad(403, because, machine)
          if (judged.changed !== enrolment) {
            keep(judged.changed)
            void logbook.settle().catch(() => {})
          }
          return { kind: 'good', machine: machine.id }
      }
    },
  }

  function index(enrolment: Enrolment): void {
    const before = enrolments.get(enrolment.machine)
    for (const hash of before === undefined ? [] : hashesOf(before)) byHash.delete(hash)
    for (const { nonce } of before?.invitations ?? []) byNonce.delete(nonce)
    enrolments.set(enrolment.machine, enrolment)
    for (const hash of hashesOf(enrolment)) byHash.set(hash, enrolment.machine)
    for (const { nonce } of enrolment.invitations) byNonce.set(nonce, enrolment.machine)
  }

  function keep(enrolment: Enrolment): void {
    index(enrolment)
    logbook.enrolled(enrolment)
  }

  function enrolmentOf(id: string | undefined) {
    const machine = id === undefined ? undefined : roster.byId(id)
    const enrolment = machine === undefined ? undefined : enrolments.get(machine.id)
    return machine === undefined || enrolment === undefined ? undefined : { machine, enrolment }
  }

  function freshCredential(): { readonly credential: string; readonly hash: string } {
    const credential = credentialText(chance(credentialBytes))
    return { credential, hash: hashOf(credential) }
  }

  /** On disk before the machine hears of it. */
  async function given(
    machine: Machine,
    changed: Enrolment,
    { key, credential, renewed }: Given,
  ): Promise<Outcome> {
    const until = changed.holder?.credentials[0]?.until ?? now()
    keep(changed)
    const told: ApplianceEvent = {
      kind: 'machine-enrolled',
      ...about(machine),
      key: shortOf(key.text),
      until,
      ...(renewed === undefined ? {} : { renewed }),
    }
    await logbook.keep({ ...noChange, happened: [told] })
    const lines = [`machine ${machine.id}`, `credential ${credential}`, `until ${Math.floor(until / 1000)}`]
    return { kind: 'text', type: 'text/plain', text: `${lines.join('\n')}\n` }
  }

  async function notGood(arrival: Arrival, machine: Machine, judged: NotGood): Promise<Outcome> {
    if (judged.kind === 'refused') return refuse(arrival, 403, judged.because, machine)
    await claimedTwice(arrival, machine, judged)
    return { kind: 'refused', status: 409, because: judged.because }
  }

  async function claimedTwice(
    { from }: Arrival,
    machine: Machine,
    { changed, because }: Judgement & { readonly kind: 'two-claim-it' },
  ): Promise<void> {
    keep(changed)
    const attempt = roster.latestAttempt(machine.id)
    const why = `two systems claim to be it: ${because}`
    const told: ApplianceEvent = { kind: 'machine-claimed-twice', ...about(machine), from, because }
    await logbook.keep(
      joined(
        { ...noChange, happened: [told] },
        roster.move(machine.id, 'two-claim-it', why, now()),
        attempt === undefined ? noChange : roster.end(attempt.id, 'failed', why, now()),
      ),
    )
  }

  function refuse(
    { from }: Arrival,
    status: 400 | 403,
    because: string,
    machine?: Machine,
    cause?: JoinRefusal,
  ): Outcome {
    if (!mayFailAgain(from)) {
      const enough = 'too many requests from this address were refused; wait a minute'
      return { kind: 'refused', status: 429, because: enough }
    }
    const address = parseIpv4(from)
    const whose: About = machine === undefined ? (address === undefined ? {} : { address }) : about(machine)
    logbook.note({
      kind: 'enrolment-refused',
      ...whose,
      from,
      because,
      ...(cause === undefined ? {} : { cause }),
    })
    return { kind: 'refused', status, because }
  }

  /** Whether a machine is in the boot whose nonce it shows. */
  function whyNotNow(machine: Machine, attempt: string | undefined): string | undefined {
    const found = attempt === undefined ? undefined : roster.byAttempt(attempt)
    if (found === undefined || found.attempt.endedAt !== undefined)
      return 'the boot that its nonce was made for is over'
    return machine.state === 'installing' ? undefined : `the machine is ${machine.state}`
  }

  function whyNotFresh(machine: string, time: string, fresh: string): string | undefined {
    const at = now()
    const signedAt = /^[0-9]{1,11}$/.test(time) ? Number(time) * 1000 : Number.NaN
    if (!(Math.abs(at - signedAt) <= renewalWindowMs))
      return `its time is off: by the clock of this box it is ${Math.floor(at / 1000)}`
    if (!/^[0-9a-f]{32}$/.test(fresh)) return 'what it has of chance is not 32 hexadecimal digits'
    const known = (renewals.get(machine) ?? []).filter((one) => at - one.at <= 2 * renewalWindowMs)
    if (known.some((one) => one.fresh === fresh)) return 'the same was signed before'
    if (known.length >= mostRenewals) return 'it has renewed its credential too often; wait ten minutes'
    renewals.set(machine, [...known, { fresh, at }])
    return undefined
  }
}

type Given = {
  readonly key: NodeKey
  readonly credential: string
  readonly renewed?: true
}

type NotGood = Exclude<Judgement, { readonly kind: 'good' }>

/** Whom the box no longer lets have anything it does not let in either. */
function whyNotAgain({ state, stateBecause }: Machine): string | undefined {
  if (state === 'quarantined') return `the machine is quarantined: ${stateBecause}`
  return state === 'discovered' ? 'the machine is not approved any more' : undefined
}

/** One round is enough for 256 bits of chance (access/api-token.ts). */
function hashOf(credential: string): string {
  return createHash('sha256').update(credential).digest('hex')
}

function hashesOf({ holder, replaced }: Enrolment): readonly string[] {
  const holders = holder === undefined ? replaced : [holder, ...replaced]
  return holders.flatMap(({ credentials }) => credentials.map(({ hash }) => hash))
}

function bad(status: 401 | 403, because: string, machine?: Machine): CheckedCredential {
  return { kind: 'bad', status, because, about: machine === undefined ? {} : about(machine) }
}

function about(machine: Machine): About {
  const mac = machine.macs[0]
  return mac === undefined ? {} : { mac }
}
