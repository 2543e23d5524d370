import type { BoardShown } from './board-shown.ts'

/** How a machine comes to the credential by which the box knows it, and what became of those before. */
export type Enrolment = {
  readonly machine: string
  /** What its systems in memory were invited by, the newest first; all but the first are over. */
  readonly invitations: readonly Invitation[]
  /** Who is this machine; absent, it has not enrolled. */
  readonly holder?: Holder
  /** Who was, the latest first. */
  readonly replaced: readonly Holder[]
}

export type Invitation = {
  /** 128 random bits in hexadecimal. It stands in a seed, where anybody on the wire can read it: it is good once. */
  readonly nonce: string
  readonly attempt: string
  readonly until: number
  /** The key that used it; absent, none did. */
  readonly usedBy?: string
}

export type Holder = {
  /** The public key, as SubjectPublicKeyInfo in base64. */
  readonly key: string
  /** The boot in which it enrolled. */
  readonly attempt: string
  /** What that boot had shown of its board. */
  readonly shown?: BoardShown
  readonly since: number
  /** The newest first. */
  readonly credentials: readonly Credential[]
  /** Why none of them counts any more; absent, they count. */
  readonly revoked?: string
}

export type Credential = {
  /** SHA-256 of it, in hexadecimal; itself it is nowhere. */
  readonly hash: string
  readonly madeAt: number
  readonly until: number
  /** When it was first shown; absent, it was not. */
  readonly usedAt?: number
}

/** `changed`: what is to be kept of it. */
export type Judgement =
  | { readonly kind: 'good'; readonly changed: Enrolment }
  /** Two systems claim to be this machine, and neither is believed any more. */
  | { readonly kind: 'two-claim-it'; readonly changed: Enrolment; readonly because: string }
  | { readonly kind: 'refused'; readonly because: string }

export const invitationLifeMs = 30 * 60_000
export const credentialLifeMs = 24 * 3_600_000
/** A request that was under way when another took its credential's place is no second system. */
export const graceMs = 60_000
const mostInvitations = 8
const mostCredentials = 8
const mostReplaced = 8

/**
 * A boot is invited to enrol. The same boot that asks for its script once more is invited as before, so that somebody else who
 * asks in its name takes nothing from it.
 */
export function invite(
  before: Enrolment | undefined,
  { machine, attempt, nonce }: { readonly machine: string; readonly attempt: string; readonly nonce: string },
  now: number,
): Enrolment {
  const { invitations = [], ...rest } = before ?? { machine, replaced: [] }
  const [latest] = invitations
  const until = now + invitationLifeMs
  if (latest?.attempt === attempt && latest.usedBy === undefined) {
    return { ...rest, invitations: [{ ...latest, until }, ...invitations.slice(1)] }
  }
  const living = invitations.filter((one) => now < one.until)
  return { ...rest, invitations: [{ nonce, attempt, until }, ...living].slice(0, mostInvitations) }
}

/**
 * A key that was proved to be held uses a nonce. The first key has it; the same key again is a request whose answer was lost. Another
 * key is a second system; so is one that comes with a nonce from before, after the machine has enrolled by a later one.
 */
export function enrol(
  enrolment: Enrolment,
  asked: {
    readonly nonce: string
    readonly key: string
    readonly hash: string
    readonly shown?: BoardShown | undefined
  },
  now: number,
): Judgement {
  const { nonce, key, hash, shown } = asked
  const { invitations, holder } = enrolment
  const index = invitations.findIndex((one) => one.nonce === nonce)
  const invitation = invitations[index]
  if (invitation === undefined) return refused('its nonce is none of this machine')
  if (now >= invitation.until) return refused('its nonce has expired; it is good for 30 minutes')
  const { usedBy, attempt } = invitation
  if (usedBy !== undefined && usedBy !== key) return twoClaimIt(enrolment, 'a second key came with its nonce')
  if (
    index > 0 &&
    usedBy === undefined &&
    holder !== undefined &&
    holder.since >= madeAt(invitations[index - 1])
  ) {
    const because = 'a system of a boot before came with its nonce, after one of a later boot had enrolled'
    return holder.key === key ? refused(over) : twoClaimIt(enrolment, because)
  }
  if (index > 0) return refused(over)
  const used = [{ ...invitation, usedBy: key }, ...invitations.slice(1)]
  const credential: Credential = { hash, madeAt: now, until: now + credentialLifeMs }
  const isAgain = usedBy === key && holder?.key === key && holder.attempt === attempt
  if (isAgain) {
    if (holder.revoked !== undefined) return refused(holder.revoked)
    return good({ ...enrolment, invitations: used, holder: withCredential(holder, credential) })
  }
  const replaced = holder === undefined ? enrolment.replaced : [holder, ...enrolment.replaced]
  return good({
    ...enrolment,
    invitations: used,
    holder: {
      key,
      attempt,
      ...(shown === undefined ? {} : { shown }),
      since: now,
      credentials: [credential],
    },
    replaced: replaced.slice(0, mostReplaced),
  })
}

/**
 * A credential is shown. One takes the place of that before it when it is first shown, so that an answer that was lost shuts nobody
 * out; what is shown after its place was taken is a second system.
 */
export function show(enrolment: Enrolment, hash: string, now: number): Judgement {
  const { holder, replaced } = enrolment
  const former = replaced.find(({ credentials }) => credentials.some((one) => one.hash === hash))
  if (former !== undefined) {
    if (former.revoked !== undefined) return refused(former.revoked)
    return twoClaimIt(enrolment, 'a credential was shown in whose place another system has one by now')
  }
  const index = holder?.credentials.findIndex((one) => one.hash === hash) ?? -1
  const credential = holder?.credentials[index]
  if (holder === undefined || credential === undefined) return refused('it is no credential of this machine')
  if (holder.revoked !== undefined) return refused(holder.revoked)
  const placeTakenAt = holder.credentials.slice(0, index).reduce(earliestUse, Number.POSITIVE_INFINITY)
  if (placeTakenAt < Number.POSITIVE_INFINITY) {
    if (now - placeTakenAt <= graceMs) return refused('another has just taken the place of this credential')
    return twoClaimIt(enrolment, 'a credential was shown whose place another had taken')
  }
  if (now >= credential.until) return refused('this credential has expired; a signature by its key renews it')
  if (credential.usedAt !== undefined) return good(enrolment)
  const credentials = holder.credentials.with(index, { ...credential, usedAt: now })
  return good({ ...enrolment, holder: { ...holder, credentials } })
}

/** A key that was proved to be held asks for another credential. */
export function renew(
  enrolment: Enrolment,
  { key, hash }: { readonly key: string; readonly hash: string },
  now: number,
): Judgement {
  const { holder, replaced } = enrolment
  if (holder?.key === key) {
    if (holder.revoked !== undefined) return refused(holder.revoked)
    const credential: Credential = { hash, madeAt: now, until: now + credentialLifeMs }
    return good({ ...enrolment, holder: withCredential(holder, credential) })
  }
  const former = replaced.find((one) => one.key === key)
  if (former === undefined) return refused('its key is none of this machine')
  if (former.revoked !== undefined) return refused(former.revoked)
  return twoClaimIt(enrolment, 'the key of a system asked in whose place another is by now')
}

/** Nobody is this machine any more, until it enrols anew. */
export function revoke(enrolment: Enrolment, because: string): Enrolment {
  const { holder, replaced } = enrolment
  const ended = (one: Holder): Holder => ({ ...one, revoked: one.revoked ?? because })
  return {
    ...enrolment,
    invitations: [],
    ...(holder === undefined ? {} : { holder: ended(holder) }),
    replaced: replaced.map(ended),
  }
}

/** What a system signs by its key to enrol; the key is written as in its request. */
export function enrolmentText(nonce: string, key: string): string {
  return `ironwake-enrol 1\n${nonce}\n${key}\n`
}

/** What a system signs by its key to have another credential: when, in seconds since 1970, and something never signed before. */
export function renewalText(machine: string, time: string, fresh: string): string {
  return `ironwake-renew 1\n${machine}\n${time}\n${fresh}\n`
}

const over = 'its nonce is that of a boot that is over'

function withCredential(holder: Holder, credential: Credential): Holder {
  return { ...holder, credentials: [credential, ...holder.credentials].slice(0, mostCredentials) }
}

function earliestUse(earliest: number, { usedAt }: Credential): number {
  return Math.min(earliest, usedAt ?? earliest)
}

function madeAt(invitation: Invitation | undefined): number {
  return (invitation?.until ?? Number.POSITIVE_INFINITY) - invitationLifeMs
}

function twoClaimIt(enrolment: Enrolment, because: string): Judgement {
  return { kind: 'two-claim-it', changed: revoke(enrolment, `revoked, since ${because}`), because }
}

function good(changed: Enrolment): Judgement {
  return { kind: 'good', changed }
}

function refused(because: string): Judgement {
  return { kind: 'refused', because }
}
