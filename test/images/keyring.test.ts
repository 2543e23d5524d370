import { readFileSync } from 'node:fs'
import t from 'tap'
import { readKeyring } from '../../server/images/keyring.ts'
import { UpstreamFault } from '../../server/images/upstream-fault.ts'
import { aSigner } from './a-signer.ts'

const keyrings = new URL('../../images/keyrings/', import.meta.url)

t.test('the keyrings of the catalogue hold the keys that sign images, and they are strong', async (t) => {
  const cases = [
    ['ubuntu-cloudimage-keyring.gpg', 'D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81'],
    ['ubuntu-cloudimage-keyring.gpg', '4A3CE3CD565D7EB5C810E2B97FF3F408476CF100'],
    ['ubuntu-archive-keyring.gpg', '843938DF228D22F7B3742BC0D94AA3F0EFE21092'],
  ]
  for (const [file = '', fingerprint = ''] of cases) {
    const { keys } = await readKeyring(readFileSync(new URL(file, keyrings)), file, [fingerprint])
    t.equal(keys.length, 1)
    t.strictSame(keys[0]?.getAlgorithmInfo(), { algorithm: 'rsaEncryptSign', bits: 4096 })
  }
})

t.test('of a keyring only the named keys count', async (t) => {
  const bytes = readFileSync(new URL('ubuntu-archive-keyring.gpg', keyrings))
  t.equal((await readKeyring(bytes, 'all', [])).keys.length, 3)
  const one = await readKeyring(bytes, 'one', ['843938df228d22f7b3742bc0d94aa3f0efe21092'])
  t.equal(one.keys.length, 1)
})

t.test('a keyring may be armored, with several keys one after the other', async (t) => {
  const [one, two] = [await aSigner('one'), await aSigner('two')]
  const text = one.key.toPublic().armor() + two.key.toPublic().armor()
  t.equal((await readKeyring(Buffer.from(text), 'both.asc', [])).keys.length, 2)
})

t.test('a keyring that cannot be used says why', async (t) => {
  const { keyringFile } = await aSigner()
  const cases: readonly (readonly [string, Uint8Array, readonly string[], RegExp])[] = [
    ['no keyring', Buffer.from('just words'), [], /cannot be read|holds no key/],
    ['an empty file', new Uint8Array(), [], /cannot be read|holds no key/],
    ['armor without a key', Buffer.from('-----BEGIN PGP PUBLIC KEY BLOCK-----\n'), [], /holds no key/],
    ['another key', keyringFile, ['00'.repeat(20)], /does not hold the key 0{40}/],
  ]
  for (const [claim, bytes, fingerprints, because] of cases) {
    await t.rejects(readKeyring(bytes, 'x.gpg', fingerprints), { message: because }, claim)
    await t.rejects(readKeyring(bytes, 'x.gpg', fingerprints), UpstreamFault, claim)
  }
})
