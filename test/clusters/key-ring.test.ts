import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import t from 'tap'
import { findKeyRing, makeKeyFile } from '../../server/clusters/find-key-ring.ts'
import { KeyRing } from '../../server/clusters/key-ring.ts'
import { testFolder } from '../folder.ts'

const key = (fill: number): Uint8Array => new Uint8Array(32).fill(fill)
const ring = new KeyRing([key(1)])

t.test('what is sealed opens at its place, and nowhere else', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), fc.string(), (text, place, other) => {
      const wellFormed = text.toWellFormed()
      const sealed = ring.seal(wellFormed, place)
      const opened = ring.open(sealed, place)
      const elsewhere = other === place ? 'refused' : ring.open(sealed, other).kind
      return opened.kind === 'opened' && opened.text === wellFormed && elsewhere === 'refused'
    }),
  )
  t.pass()
})

t.test('nothing of the text shows, and no sealing is like another', async (t) => {
  const text = 'a secret that is easily found again'
  const sealed = ring.seal(text, 'x')
  t.not(sealed, ring.seal(text, 'x'))
  t.notMatch(Buffer.from(sealed.split('.')[3] ?? '', 'base64url').toString('latin1'), /secret/)
})

t.test('a changed letter is noticed, wherever it stands', async (t) => {
  const sealed = ring.seal('a secret', 'x')
  for (let at = 0; at < sealed.length; at++) {
    const letter = sealed[at] === 'A' ? 'B' : 'A'
    const changed = sealed.slice(0, at) + letter + sealed.slice(at + 1)
    const opened = ring.open(changed, 'x')
    // The last letter of base64 has bits that stand for nothing.
    if (opened.kind === 'opened') t.equal(opened.text, 'a secret', `letter ${at}`)
    else t.equal(opened.kind, 'refused')
  }
  for (const text of ['', '.', 'aes256gcm', `${sealed}.x`.slice(0, 40)]) {
    t.match(ring.open(text, 'x'), { kind: 'refused' })
  }
})

t.test('an old key opens and the first one seals', async (t) => {
  const sealed = ring.seal('a secret', 'x')
  const later = new KeyRing([key(2), key(1)])
  t.strictSame(later.open(sealed, 'x'), { kind: 'opened', text: 'a secret' })
  t.notOk(later.isCurrent(sealed))
  const anew = later.seal('a secret', 'x')
  t.ok(later.isCurrent(anew))
  const because = `the key ${later.currentId} that sealed it is not there`
  t.strictSame(ring.open(anew, 'x'), { kind: 'refused', because })
})

t.test('the key file is made for its owner alone, and never over another', async (t) => {
  const file = join(testFolder(t), 'store.key')
  t.strictSame(findKeyRing(file, undefined), { kind: 'none' })
  makeKeyFile(file)
  t.equal(statSync(file).mode & 0o777, 0o600)
  const text = readFileSync(file, 'utf8')
  t.match(text, /^[A-Za-z0-9+/]{43}=\n$/)
  t.match(findKeyRing(file, undefined), { kind: 'ring' })
  t.throws(() => makeKeyFile(file), { code: 'EEXIST' })
  t.equal(readFileSync(file, 'utf8'), text)
})

t.test('a key file that others may read is refused', async (t) => {
  const file = join(testFolder(t), 'store.key')
  makeKeyFile(file)
  chmodSync(file, 0o640)
  t.match(findKeyRing(file, undefined), { kind: 'refused', because: /chmod 600/ })
})

t.test('the variable counts before the file, and may hold several keys', async (t) => {
  const file = join(testFolder(t), 'store.key')
  makeKeyFile(file)
  const text = (fill: number): string => Buffer.from(key(fill)).toString('base64')
  const found = findKeyRing(file, ` ${text(2)},${text(1)}\n`)
  if (found.kind !== 'ring') throw new Error(found.kind)
  t.equal(found.ring.currentId, new KeyRing([key(2)]).currentId)
  t.strictSame(found.ring.open(ring.seal('a', 'x'), 'x'), { kind: 'opened', text: 'a' })
})

t.test('what is no key is refused with what would be one', async (t) => {
  const file = join(testFolder(t), 'store.key')
  for (const text of ['', 'password', Buffer.alloc(16).toString('base64'), 'A'.repeat(43)]) {
    writeFileSync(file, text, { mode: 0o600 })
    t.match(findKeyRing(file, undefined), { kind: 'refused', because: /openssl rand -base64 32/ }, text)
  }
})
