import t from 'tap'
import { parseUpstreamBase } from '../../server/config/upstream-base.ts'
import { readUpstreamPath, urlOf } from '../../server/images/upstream-path.ts'

t.test('a path of an upstream stays below its base', async (t) => {
  const good = [
    'streams/v1/index.sjson',
    'streams/v1/com.ubuntu.maas:stable:1:bootloader-download.sjson',
    'noble/amd64/20250718/ga-24.04/generic/boot-kernel',
    'server/releases/noble/release-20260101.1/ubuntu-24.04-server-cloudimg-amd64.img',
    'images/a+raspi_~=@,b',
    '..a/b..',
  ]
  const base = parseUpstreamBase('http://mirror.example/maas')
  if (base === undefined) throw new Error('this is a base')
  for (const text of good) {
    const read = readUpstreamPath(text)
    if (read.kind === 'unsafe') return t.fail(`${text}: ${read.because}`)
    const url = new URL(urlOf(base, read.path))
    t.equal(url.origin, 'http://mirror.example')
    t.equal(url.pathname, `/maas/${text}`)
  }
  t.ok(good.length > 0)
})

t.test('what leads elsewhere is no path of an upstream', async (t) => {
  const bad: readonly (readonly [string, RegExp])[] = [
    ['', /empty/],
    ['../secret', /leads out/],
    ['a/../../secret', /leads out/],
    ['a/..', /leads out/],
    ['/etc/shadow', /begins at the root/],
    ['//evil.example/x', /begins at the root/],
    ['http://evil.example/x', /URL of its own/],
    ['FILE:///etc/shadow', /URL of its own/],
    ['a//b', /empty part/],
    ['a/', /empty part/],
    ['./a', /`\.`/],
    ['a/%2e%2e/b', /a character/],
    ['a\\..\\b', /a character/],
    ['a?x=1', /a character/],
    ['a#b', /a character/],
    ['a b', /a character/],
    ['a\r\nHost: evil', /a character/],
    ['a\0b', /a character/],
    ['ä', /a character/],
    ['a'.repeat(513), /more than 512/],
  ]
  for (const [text, because] of bad) {
    const read = readUpstreamPath(text)
    t.equal(read.kind, 'unsafe', JSON.stringify(text))
    t.match(read.kind === 'unsafe' ? read.because : '', because, JSON.stringify(text))
  }
})

t.test('a base is a plain URL of http or https', async (t) => {
  t.equal(parseUpstreamBase('https://a.example'), 'https://a.example/')
  t.equal(parseUpstreamBase('http://a.example:81/x/'), 'http://a.example:81/x/')
  const bad = [
    'ftp://a.example/',
    'a.example',
    'https://',
    'https://user:secret@a.example/',
    'https://a.example/?x=1',
    'https://a.example/#x',
    'file:///srv/mirror/',
    '',
  ]
  for (const text of bad) t.equal(parseUpstreamBase(text), undefined, text)
})
