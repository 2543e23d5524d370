import * as fc from 'fast-check'
import t from 'tap'
import { closest } from '../../server/config/closest.ts'
import { whyNotDomain, whyNotHostname } from '../../server/config/hostname.ts'
import { parseBitRate } from '../../server/config/parse-bit-rate.ts'
import { parseDuration } from '../../server/config/parse-duration.ts'
import { whyNotSshKey } from '../../server/config/ssh-key.ts'
import { workMs } from '../work-ms.ts'

t.test('a slip of the pen leads to the word that was meant', async (t) => {
  const known = ['networks', 'machines', 'http', 'data', 'delivery-port']
  for (const [word, meant] of [
    ['netwrks', 'networks'],
    ['netowrks', 'networks'],
    ['Machines', 'machines'],
    ['htp', 'http'],
    ['dta', 'data'],
    ['deliveryport', 'delivery-port'],
    ['colour', undefined],
    ['', undefined],
    ['x'.repeat(100_000), undefined],
  ] as const) {
    t.equal(closest(word, known), meant, word.slice(0, 20))
  }
  t.equal(closest('x', []), undefined)
  fc.assert(fc.property(fc.string(), (word) => [...known, undefined].includes(closest(word, known))))
})

t.test('the speed of a link is read in bits per second, and needs its unit', async (t) => {
  for (const [text, bits] of [
    ['900Mbit/s', 900e6],
    ['900 Mbit/s', 900e6],
    ['2.5Gbit/s', 2.5e9],
    ['500000kbit', 500e6],
    ['10gbit', 10e9],
  ] as const) {
    t.equal(parseBitRate(text), bits)
  }
  for (const text of [
    '',
    '900',
    900,
    '900M',
    '900MB/s',
    '-1Mbit/s',
    '1e3Mbit/s',
    '.5Gbit/s',
    '1,5Gbit/s',
    null,
  ]) {
    t.equal(parseBitRate(text), undefined, String(text))
  }
})

t.test('times are read in seconds, and nothing else is a time', async (t) => {
  for (const [text, seconds] of [
    ['90', 90],
    ['90s', 90],
    ['2m', 120],
    ['12h', 43_200],
    ['1d', 86_400],
    [300, 300],
  ] as const) {
    t.equal(parseDuration(text), seconds)
  }
  for (const text of [
    '',
    '0',
    '-1',
    '1.5h',
    'h',
    '2 m',
    '2M',
    '1e3',
    '9999999999',
    0,
    -5,
    1.5,
    Number.NaN,
    true,
    undefined,
  ]) {
    t.equal(parseDuration(text), undefined, String(text))
  }
})

t.test('a host name is what RFC 1123 allows', async (t) => {
  for (const text of ['a', 'node-1', '3com', 'a.b-c.d', 'x'.repeat(63)])
    t.equal(whyNotHostname(text), undefined, text)
  for (const text of [
    '',
    '.',
    'a.',
    '-a',
    'a-',
    'a_b',
    'a b',
    'A',
    'ä',
    'x'.repeat(64),
    '10.0.0.1',
    'a.1',
    `${'x.'.repeat(40)}y`,
  ]) {
    t.type(whyNotHostname(text), 'string', text)
  }
  t.equal(whyNotDomain(`${'x.'.repeat(40)}y`), undefined)
  t.type(whyNotDomain(`${'x.'.repeat(140)}y`), 'string')
})

t.test('a public key is one line of authorized_keys', async (t) => {
  const key = 'AAAAC3NzaC1lZDI1NTE5AAAAIJ1'
  for (const text of [
    `ssh-ed25519 ${key}`,
    `ssh-rsa ${key}== a b`,
    `from="10.0.0.0/8",no-pty ecdsa-sha2-nistp256 ${key} me`,
    `sk-ssh-ed25519@openssh.com ${key}`,
  ]) {
    t.equal(whyNotSshKey(text), undefined, text)
  }
  for (const text of [
    '',
    'ssh-ed25519',
    key,
    `ssh-ed25519 ${key}\nx`,
    `ssh-ed25519 ${key} \u0085`,
    `ssh-ed25519 ${'A'.repeat(20_000)}`,
  ]) {
    t.type(whyNotSshKey(text), 'string', text.slice(0, 40))
  }
  const took = workMs(() => whyNotSshKey(`${'ssh-rsa AAAA'.repeat(1_300)}!`))
  t.ok(took < 500, `read in ${took} ms, whatever is repeated`)
})
