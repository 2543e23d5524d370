import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import t from 'tap'
import { isSignedBy, readNodeKey } from '../../server/access/node-key.ts'
import { aNode, signed } from './a-node.ts'

function spki(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' })
}

t.test('a key of P-256 is read, and what it signed is told from what it did not', async (t) => {
  const node = aNode()
  const key = readNodeKey(node.key)
  if (key === undefined) throw new Error('not read')
  t.equal(key.text, node.key)
  const signature = signed('some text\n', node.privateKey)
  t.ok(isSignedBy(key, 'some text\n', signature))
  t.notOk(isSignedBy(key, 'some text', signature))
  t.notOk(isSignedBy(key, 'some text\n', signed('some text\n', aNode().privateKey)))
  for (const bad of [
    '',
    'x',
    'MAYCAQECAQE=',
    '!!!!',
    'A'.repeat(90),
    'A'.repeat(9_000),
    `${signature}AAAA`,
  ]) {
    t.notOk(isSignedBy(key, 'some text\n', bad), bad.slice(0, 20))
  }
})

t.test('any other key is none, and none of them throws', async (t) => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const off = Buffer.from(spki(publicKey))
  off.writeUInt8(off.readUInt8(80) ^ 1, 80)
  const infinity = Buffer.concat([spki(publicKey).subarray(0, 26), Buffer.alloc(65)])
  const others: Readonly<Record<string, Buffer>> = {
    RSA: spki(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey),
    'P-384': spki(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey),
    secp256k1: spki(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey),
    Ed25519: spki(generateKeyPairSync('ed25519').publicKey),
    'a point that is not on the curve': off,
    'the point at infinity': infinity,
    nothing: Buffer.alloc(0),
    zeros: Buffer.alloc(91),
    'a private key': generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
      format: 'der',
      type: 'pkcs8',
    }),
    'one byte too many': Buffer.concat([spki(publicKey), Buffer.from([0])]),
  }
  for (const [name, der] of Object.entries(others))
    t.equal(readNodeKey(der.toString('base64')), undefined, name)
  const text = spki(publicKey).toString('base64')
  t.type(readNodeKey(text), 'object')
  t.equal(readNodeKey(`${text}\n`), undefined)
  t.equal(
    readNodeKey(text.replace(/.==$/, (end) => `${String.fromCharCode(end.charCodeAt(0) + 1)}==`)),
    undefined,
    'bits that base64 does not need',
  )
  t.equal(readNodeKey('-----BEGIN PUBLIC KEY-----'), undefined)
})
