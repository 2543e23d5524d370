import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openAuthority, readAuthority } from '../../server/access/authority.ts'
import { fingerprintOf, parseFingerprint } from '../../server/access/fingerprint.ts'
import type { KeyPair } from '../../server/access/key-pair.ts'
import { serverCertificate, whyNot } from '../../server/access/server-certificate.ts'
import { testFolder } from '../folder.ts'

const now = Date.UTC(2026, 10, 24)
const day = 86_400_000
const wanted = { addresses: ['10.0.0.1', '127.0.0.1'], names: ['box.example', 'localhost'] }

t.test('the authority is made once, for its user alone, and is the same ever after', async (t) => {
  const path = join(testFolder(t), 'access', 'authority.pem')
  t.equal(await readAuthority(path), undefined)
  const made = await openAuthority(path, 'box', now)
  const text = readFileSync(path, 'utf8')
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(statSync(join(path, '..')).mode & 0o777, 0o700)
  t.strictSame(readdirSync(join(path, '..')), ['authority.pem'], 'nothing unfinished is left')
  const again = await openAuthority(path, 'box', now + 400 * day)
  t.equal(fingerprintOf(again.certificate), fingerprintOf(made.certificate))
  t.equal(readFileSync(path, 'utf8'), text)
  t.ok(made.certificate.ca)
  t.match(made.certificate.subject, /CN=box [0-9a-f]{8}$/)
  t.equal(made.key.asymmetricKeyDetails?.namedCurve, 'prime256v1')
})

t.test('two boxes of one name have authorities that are told apart', async (t) => {
  const folder = testFolder(t)
  const [one, two] = [
    await openAuthority(join(folder, 'a.pem'), 'box', now),
    await openAuthority(join(folder, 'b.pem'), 'box', now),
  ]
  t.not(one.certificate.subject, two.certificate.subject)
  t.not(fingerprintOf(one.certificate), fingerprintOf(two.certificate))
})

t.test('a long name of a box is cut to what a certificate may hold', async (t) => {
  const { certificate } = await openAuthority(join(testFolder(t), 'a.pem'), 'x'.repeat(200), now)
  t.ok((/CN=(.*)$/.exec(certificate.subject)?.[1] ?? '').length <= 64)
})

t.test('a key that others could read is closed to them', async (t) => {
  const path = join(testFolder(t), 'authority.pem')
  await openAuthority(path, 'box', now)
  chmodSync(path, 0o644)
  await readAuthority(path)
  t.equal(statSync(path).mode & 0o777, 0o600)
})

t.test('a damaged authority is told of, and never replaced', async (t) => {
  const folder = testFolder(t)
  const whole = join(folder, 'whole.pem')
  const other = join(folder, 'other.pem')
  const authority = await openAuthority(whole, 'box', now)
  await openAuthority(other, 'box', now)
  const text = readFileSync(whole, 'utf8')
  const [key = '', certificate = ''] = text.split(/(?=-----BEGIN CERTIFICATE)/)
  const [, strange = ''] = readFileSync(other, 'utf8').split(/(?=-----BEGIN CERTIFICATE)/)
  const server = await serverCertificate(join(folder, 'server.pem'), authority, wanted, now)
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['nothing', '', /holds no private key/],
    ['half a file', text.slice(0, text.length / 2), /holds no certificate|holds no private key/],
    ['only the key', key, /holds no certificate/],
    ['only the certificate', certificate, /holds no private key/],
    ['a certificate of another key', key + strange, /its key is not that of its certificate/],
    ['a broken key', text.replace(/^MIG.{20}/m, 'AAAA'), /cannot be read/],
    ['no authority', server.pair.keyPem + server.pair.certificatePem, /it is no authority of its own/],
  ]
  for (const [name, damaged, told] of cases) {
    const path = join(folder, 'damaged.pem')
    writeFileSync(path, damaged)
    for (const open of [() => readAuthority(path), () => openAuthority(path, 'box', now)]) {
      await t.rejects(open, { name: 'AccessFault', message: told }, name)
      await t.rejects(open, { message: /Put a backup in its place/ }, name)
    }
    t.equal(readFileSync(path, 'utf8'), damaged, `${name} stays as it was`)
  }
})

t.test('an authority that cannot be written is no authority', async (t) => {
  const folder = testFolder(t, { access: 'a file' })
  await t.rejects(openAuthority(join(folder, 'access', 'authority.pem'), 'box', now), {
    code: /ENOTDIR|EEXIST/,
  })
})

t.test('the certificate of the listener is for its addresses and names, and of the authority', async (t) => {
  const folder = testFolder(t)
  const authority = await openAuthority(join(folder, 'authority.pem'), 'box', now)
  const path = join(folder, 'server.pem')
  const { pair, madeBecause } = await serverCertificate(path, authority, wanted, now)
  t.equal(madeBecause, 'there was none')
  t.equal(statSync(path).mode & 0o777, 0o600)
  const { certificate } = pair
  t.ok(certificate.verify(authority.certificate.publicKey))
  t.notOk(certificate.ca)
  for (const address of wanted.addresses) t.equal(certificate.checkIP(address), address)
  for (const name of wanted.names) t.equal(certificate.checkHost(name), name)
  t.equal(certificate.checkIP('10.0.0.2'), undefined)
  t.ok(Date.parse(certificate.validFrom) <= now - 7 * day, 'a clock that is behind by days finds it valid')
  const again = await serverCertificate(path, authority, wanted, now + day)
  t.equal(again.madeBecause, undefined)
  t.equal(again.pair.certificatePem, pair.certificatePem)
})

t.test('a certificate is exchanged in time, and when it does not serve any longer', async (t) => {
  const folder = testFolder(t)
  const authority = await openAuthority(join(folder, 'authority.pem'), 'box', now)
  const other = await openAuthority(join(folder, 'other.pem'), 'box', now)
  const path = join(folder, 'server.pem')
  const { pair } = await serverCertificate(path, authority, wanted, now)
  const cases: readonly (readonly [KeyPair, typeof wanted, number, RegExp | undefined])[] = [
    [authority, wanted, now, undefined],
    [authority, { ...wanted, addresses: ['10.0.0.1'] }, now, undefined],
    [authority, { ...wanted, addresses: ['10.0.0.1', '10.0.0.2'] }, now, /is not for 10\.0\.0\.2$/],
    [authority, { ...wanted, names: ['other.example'] }, now, /is not for other\.example$/],
    [authority, wanted, now + 274 * day, undefined],
    [authority, wanted, now + 276 * day, /ends on 2027-11-24/],
    [authority, wanted, now + 5_000 * day, /ends on/],
    [authority, wanted, now - 30 * day, /begins later/],
    [other, wanted, now, /of another authority/],
  ]
  for (const [of, names, at, because] of cases) {
    const why = whyNot(pair, of, names, at)
    if (because === undefined) t.equal(why, undefined)
    else t.match(why, because)
  }
  const more = { ...wanted, addresses: [...wanted.addresses, '10.0.0.2'] }
  const next = await serverCertificate(path, authority, more, now)
  t.match(next.madeBecause, /is not for 10\.0\.0\.2/)
  t.equal(next.pair.certificate.checkIP('10.0.0.2'), '10.0.0.2')
  t.equal((await serverCertificate(path, authority, more, now)).madeBecause, undefined)
  writeFileSync(path, 'rubbish')
  t.match((await serverCertificate(path, authority, more, now)).madeBecause, /is damaged: it holds no/)
})

t.test('a box whose clock starts in 1970 makes what still holds when the clock is right', async (t) => {
  const folder = testFolder(t)
  const authority = await openAuthority(join(folder, 'authority.pem'), 'box', 0)
  t.ok(Date.parse(authority.certificate.validTo) > now + 10 * 365 * day)
  t.ok(Date.parse(authority.certificate.validFrom) < now)
})

t.test('a fingerprint is read as this program and as openssl write it', async (t) => {
  const { certificate } = await openAuthority(join(testFolder(t), 'a.pem'), 'box', now)
  const fingerprint = fingerprintOf(certificate)
  t.match(fingerprint, /^sha256:[0-9a-f]{64}$/)
  for (const text of [
    fingerprint,
    certificate.fingerprint256,
    `sha256 Fingerprint=${certificate.fingerprint256}`,
    `  ${fingerprint.toUpperCase()}\n`,
    fingerprint.slice('sha256:'.length),
  ])
    t.equal(parseFingerprint(text), fingerprint, text)
  for (const text of ['', 'sha256:', fingerprint.slice(0, -1), `${fingerprint}0`, `md5:${'0'.repeat(64)}`])
    t.equal(parseFingerprint(text), undefined, text)
})
