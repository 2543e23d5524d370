import {
  createMessage,
  enums,
  readCleartextMessage,
  readSignature,
  verify,
  type Key,
  type Signature,
  type SignaturePacket,
} from 'openpgp'
import { printable } from '../wire/text.ts'
import type { Keyring } from './keyring.ts'
import { UpstreamFault, type UpstreamFaultKind } from './upstream-fault.ts'

const marks = {
  signed: '-----BEGIN PGP SIGNED MESSAGE-----',
  signature: '-----BEGIN PGP SIGNATURE-----',
} as const

/** How far the clocks of the box and of the signer may be apart. */
const clockSlackMs = 10 * 60 * 1000

/**
 * The text of a clear-signed document (RFC 9580 §7), once one of the keys is found to have signed it. What stands before
 * and behind the signed part is no part of it.
 */
export async function openClearSigned(
  document: string,
  keyring: Keyring,
  now: number,
  what: string,
): Promise<string> {
  if (!document.trimStart().startsWith(marks.signed)) throw missing(what)
  const message = await readable(what, async () => await readCleartextMessage({ cleartextMessage: document }))
  const { data, signatures } = await readable(
    what,
    async () => await verify({ message, ...by(keyring, now) }),
  )
  await oneCounts(signatures, keyring, now, what)
  return data
}

/** Accepts the bytes of a file when one of the keys is found to have signed them (`FILE.gpg`, armored or not). */
export async function checkDetached(
  signed: Uint8Array,
  signatureFile: Uint8Array,
  keyring: Keyring,
  now: number,
  what: string,
): Promise<void> {
  if (signatureFile.length === 0) throw missing(what)
  const armored = Buffer.from(signatureFile).toString('latin1')
  const signature = await readable(what, async () =>
    armored.includes(marks.signature)
      ? await readSignature({ armoredSignature: armored })
      : await readSignature({ binarySignature: signatureFile }),
  )
  const message = await createMessage({ binary: signed })
  const { signatures } = await readable(
    what,
    async () => await verify({ message, signature, ...by(keyring, now) }),
  )
  await oneCounts(signatures, keyring, now, what)
}

/** Times are looked at here, so that each has its own reason; openpgp need not. */
function by(keyring: Keyring, now: number): { verificationKeys: Key[]; date: Date } {
  return { verificationKeys: [...keyring.keys], date: new Date(now + clockSlackMs) }
}

type Found = { readonly verified: Promise<true>; readonly signature: Promise<Signature> }
type Flaw = { readonly kind: UpstreamFaultKind; readonly because: string; readonly nextStep?: string }

/** One good signature is enough: while a key is replaced, a document has those of the old and the new one. */
async function oneCounts(
  found: readonly Found[],
  keyring: Keyring,
  now: number,
  what: string,
): Promise<void> {
  const flaws: Flaw[] = []
  for (const { verified, signature } of found) {
    const [packet] = (await signature).packets
    if (packet === undefined) continue
    const flaw = (await flawOf(packet, keyring, now)) ?? (await misfit(verified))
    if (flaw === undefined) return
    flaws.push(flaw)
  }
  const [worst] = flaws.toSorted((one, other) => order.indexOf(one.kind) - order.indexOf(other.kind))
  if (worst === undefined) throw missing(what)
  const nextStep = worst.nextStep === undefined ? {} : { nextStep: worst.nextStep }
  throw new UpstreamFault(worst.kind, `${what} is not believed: ${worst.because}.`, nextStep)
}

/** What tells most, first: a signature of somebody else may stand beside one that counts. */
const order: readonly UpstreamFaultKind[] = [
  'signature-broken',
  'signature-revoked',
  'signature-expired',
  'signature-early',
  'signature-weak',
  'signature-foreign',
]

/** What speaks against a signature whether it fits or not. */
async function flawOf(packet: SignaturePacket, keyring: Keyring, now: number): Promise<Flaw | undefined> {
  const id = packet.issuerKeyID.toHex()
  const key = keyring.keys.find((candidate) => candidate.getKeys(packet.issuerKeyID).length > 0)
  const [part] = key?.getKeys(packet.issuerKeyID) ?? []
  if (key === undefined || part === undefined) {
    const because = `it is signed by the key ${id.toUpperCase()}, which is not one of ${keyring.name}`
    const nextStep = 'A mirror that signs by itself needs `keyring` with its own key in the settings.'
    return { kind: 'signature-foreign', because, nextStep }
  }
  const weakness = weaknessOf(packet, part.getAlgorithmInfo())
  if (weakness !== undefined) return { kind: 'signature-weak', because: weakness }
  const whose = `the key ${id.toUpperCase()}`
  if (await key.isRevoked())
    return { kind: 'signature-revoked', because: `${whose} was revoked by its owner` }
  const ends = await key.getExpirationTime()
  if (ends === null) return { kind: 'signature-broken', because: `${whose} does not certify itself` }
  if (ends instanceof Date && ends.getTime() <= now)
    return { kind: 'signature-expired', because: `${whose} expired on ${dayOf(ends)}` }
  const { created } = packet
  if (created === null) return { kind: 'signature-broken', because: 'its signature has no time' }
  if (created.getTime() > now + clockSlackMs) {
    const because = `it was signed on ${dayOf(created)}, later than the clock of this box shows`
    return { kind: 'signature-early', because, nextStep: 'Set the clock of this box.' }
  }
  const until = packet.getExpirationTime()
  if (until instanceof Date && until.getTime() <= now)
    return { kind: 'signature-expired', because: `its signature expired on ${dayOf(until)}` }
  return undefined
}

const strongHashes: ReadonlySet<number> = new Set([
  enums.hash.sha224,
  enums.hash.sha256,
  enums.hash.sha384,
  enums.hash.sha512,
  enums.hash.sha3_256,
  enums.hash.sha3_512,
])
const weakestRsaBits = 2048

function weaknessOf(
  packet: SignaturePacket,
  key: { readonly algorithm: string; readonly bits?: number },
): string | undefined {
  if (packet.hashAlgorithm === null || !strongHashes.has(packet.hashAlgorithm)) {
    return 'its signature rests on a digest that can be forged (SHA-1 or older)'
  }
  if (key.algorithm === 'dsa' || key.algorithm === 'elgamal') return 'its key is of a kind no longer in use'
  if (key.bits !== undefined && key.bits < weakestRsaBits)
    return `its key has ${key.bits} bits; fewer than ${weakestRsaBits} are too few`
  return undefined
}

async function misfit(verified: Promise<true>): Promise<Flaw | undefined> {
  try {
    await verified
    return undefined
  } catch (error) {
    const said = saidBy(error)
    return { kind: 'signature-broken', because: `its signature does not fit what it stands under (${said})` }
  }
}

async function readable<T>(what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    const said = saidBy(error)
    throw new UpstreamFault(
      'signature-broken',
      `${what} is not believed: its signature is damaged (${said}).`,
      {
        cause: error,
      },
    )
  }
}

function missing(what: string): UpstreamFault {
  return new UpstreamFault('signature-missing', `${what} is not believed: it is not signed.`)
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10)
}

/** openpgp repeats what it read. */
function saidBy(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error))
}
