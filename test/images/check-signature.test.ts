import { createCleartextMessage, enums, readKeys, revokeKey, sign } from 'openpgp'
import t from 'tap'
import { checkDetached, openClearSigned } from '../../server/images/check-signature.ts'
import type { Keyring } from '../../server/images/keyring.ts'
import { UpstreamFault } from '../../server/images/upstream-fault.ts'
import { aSigner, oneRing } from './a-signer.ts'

const text = '{"format": "index:1.0", "index": {}}\n- a line with a dash\n'
const bytes = Buffer.from(text)
const now = Date.parse('2026-11-01T12:00:00Z')
const before = new Date(now - 3_600_000)

const ours = await aSigner('ours')
const theirs = await aSigner('theirs')
const old = await aSigner('old', { at: new Date('2020-01-01'), lifeSeconds: 86_400 })
const withSha1 = {
  nonDeterministicSignaturesViaNotation: false,
  preferredHashAlgorithm: enums.hash.sha1,
  rejectHashAlgorithms: new Set<enums.hash>(),
  rejectMessageHashAlgorithms: new Set<enums.hash>(),
}
const small = await aSigner('small', { rsaBits: 1024, config: { minRSABits: 0, ...withSha1 } })
const revoked = await aSigner('revoked')
const { publicKey } = await revokeKey({ key: revoked.key, format: 'object' })
const ringOfRevoked: Keyring = { keys: [publicKey], name: 'revoked.gpg' }

/** The kind and the sentence of the refusal. */
async function refusal(of: Promise<unknown>): Promise<{ kind: string; because: string }> {
  try {
    await of
    return { kind: 'accepted', because: '' }
  } catch (error) {
    if (!(error instanceof UpstreamFault)) throw error
    return { kind: error.kind, because: error.message }
  }
}

t.test('a document that one of the keys has signed gives its text, and nothing around it', async (t) => {
  const signed = await ours.clearSign(text, before)
  t.equal(await openClearSigned(signed, ours.keyring, now, 'the index'), text)
  const surrounded = `${signed}\n{"index": "of somebody else"}`
  t.equal(await openClearSigned(surrounded, ours.keyring, now, 'the index'), text)
  await checkDetached(bytes, await ours.detach(bytes, before), ours.keyring, now, 'SHA256SUMS')
})

const cases: readonly {
  readonly claim: string
  readonly kind: string
  readonly because: RegExp
  readonly refused: () => Promise<unknown>
}[] = [
  {
    claim: 'no signature at all',
    kind: 'signature-missing',
    because: /the index is not believed: it is not signed\.$/,
    refused: async () => await openClearSigned(text, ours.keyring, now, 'the index'),
  },
  {
    claim: 'text before the signed part',
    kind: 'signature-missing',
    because: /not signed/,
    refused: async () => {
      const signed = await ours.clearSign(text, before)
      return await openClearSigned(`{"index": {}}\n${signed}`, ours.keyring, now, 'the index')
    },
  },
  {
    claim: 'an empty file where the signature should be',
    kind: 'signature-missing',
    because: /not signed/,
    refused: async () => await checkDetached(bytes, new Uint8Array(), ours.keyring, now, 'SHA256SUMS'),
  },
  {
    claim: 'a key that is not in the keyring',
    kind: 'signature-foreign',
    because: /signed by the key [0-9A-F]{16}, which is not one of ours\.gpg/,
    refused: async () =>
      await openClearSigned(await theirs.clearSign(text, before), ours.keyring, now, 'the index'),
  },
  {
    claim: 'a key that is not in the keyring, over a file of its own',
    kind: 'signature-foreign',
    because: /which is not one of ours\.gpg/,
    refused: async () =>
      await checkDetached(bytes, await theirs.detach(bytes, before), ours.keyring, now, 'SHA256SUMS'),
  },
  {
    claim: 'a key past its end',
    kind: 'signature-expired',
    because: /the key [0-9A-F]{16} expired on 2020-01-02\.$/,
    refused: async () => {
      const signed = await old.clearSign(text, new Date('2020-01-01T12:00:00Z'))
      return await openClearSigned(signed, old.keyring, now, 'the index')
    },
  },
  {
    claim: 'a key that its owner revoked',
    kind: 'signature-revoked',
    because: /was revoked by its owner/,
    refused: async () =>
      await openClearSigned(await revoked.clearSign(text, before), ringOfRevoked, now, 'the index'),
  },
  {
    claim: 'a signature from a day that has not come',
    kind: 'signature-early',
    because: /signed on 2026-11-03, later than the clock of this box shows/,
    refused: async () => {
      const signed = await ours.clearSign(text, new Date(now + 2 * 86_400_000))
      return await openClearSigned(signed, ours.keyring, now, 'the index')
    },
  },
  {
    claim: 'SHA-1 below the signature',
    kind: 'signature-weak',
    because: /can be forged \(SHA-1 or older\)/,
    refused: async () =>
      await openClearSigned(await small.clearSign(text, before), small.keyring, now, 'the index'),
  },
  {
    claim: 'a changed letter',
    kind: 'signature-broken',
    because: /does not fit/,
    refused: async () => {
      const signed = await ours.clearSign(text, before)
      const changed = signed.replace('index:1.0', 'index:1.1')
      return await openClearSigned(changed, ours.keyring, now, 'the index')
    },
  },
  {
    claim: 'a changed byte of a file',
    kind: 'signature-broken',
    because: /does not fit/,
    refused: async () => {
      const signature = await ours.detach(bytes, before)
      return await checkDetached(Buffer.from(`${text} `), signature, ours.keyring, now, 'SHA256SUMS')
    },
  },
  {
    claim: 'a signature cut short',
    kind: 'signature-broken',
    because: /damaged/,
    refused: async () => {
      const signed = await ours.clearSign(text, before)
      return await openClearSigned(signed.slice(0, -60), ours.keyring, now, 'the index')
    },
  },
  {
    claim: 'bytes that are no signature',
    kind: 'signature-broken',
    because: /damaged/,
    refused: async () =>
      await checkDetached(bytes, Buffer.from('<html>404</html>'), ours.keyring, now, 'SHA256SUMS'),
  },
]

for (const { claim, kind, because, refused } of cases) {
  t.test(`refused, with its own reason: ${claim}`, async (t) => {
    const told = await refusal(refused())
    t.equal(told.kind, kind)
    t.match(told.because, because)
  })
}

t.test('a key of too few bits is refused, also with a good digest', async (t) => {
  const weak = await aSigner('weak', { rsaBits: 1024, config: { minRSABits: 0 } })
  const told = await refusal(
    openClearSigned(await weak.clearSign(text, before), weak.keyring, now, 'the index'),
  )
  t.equal(told.kind, 'signature-weak')
  t.match(told.because, /its key has 1024 bits/)
})

t.test('while a key is replaced, the signature of either is enough', async (t) => {
  const message = await createCleartextMessage({ text })
  const signed = await sign({ message, signingKeys: [theirs.key, ours.key], date: before })
  t.equal(await openClearSigned(signed, ours.keyring, now, 'the index'), text)
  t.equal(await openClearSigned(signed, theirs.keyring, now, 'the index'), text)
  t.equal(await openClearSigned(signed, await oneRing(ours, theirs), now, 'the index'), text)
  t.equal((await refusal(openClearSigned(signed, old.keyring, now, 'the index'))).kind, 'signature-foreign')
})

t.test('a good signature does not save the wrong text for another signer', async (t) => {
  const message = await createCleartextMessage({ text })
  const signed = await sign({ message, signingKeys: [ours.key, theirs.key], date: before })
  const changed = signed.replace('index:1.0', 'index:9.9')
  const told = await refusal(openClearSigned(changed, await oneRing(ours, theirs), now, 'the index'))
  t.equal(told.kind, 'signature-broken')
})

t.test('a file is checked by an armored signature as well', async (t) => {
  const { createMessage } = await import('openpgp')
  const message = await createMessage({ binary: bytes })
  const armored = await sign({ message, signingKeys: ours.key, detached: true, date: before })
  await checkDetached(bytes, Buffer.from(armored), ours.keyring, now, 'SHA256SUMS')
  t.ok(await readKeys({ binaryKeys: ours.keyringFile }))
})
