import { gzipSync } from 'node:zlib'
import type { Random } from '../interop/random.ts'

/** Every way to write `..` and `/` that some server once fell for. */
const up = [
  '..',
  '%2e%2e',
  '%2E.',
  '.%2e',
  '%252e%252e',
  '..%00',
  '%c0%ae%c0%ae',
  '%uff0e%uff0e',
  '..;',
  '....',
]
const slash = ['/', '%2f', '%5c', '\\', '//', '%252f', '%c0%af', '/./']
const wanted = ['secret', 'etc/passwd', 'data/ironwake.db', 'ironwake.yaml', 'proc/self/environ']
const roots = [
  '/images/debian',
  '/images',
  '/programs',
  '/seed/x',
  '/report/x',
  '',
  '/images/..',
  '/images/%2e%2e',
]
const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'TRACE',
  'CONNECT',
  'OPTIONS',
  'PROPFIND',
  'BREW',
  'get',
  'GE T',
  '',
]
const paths = [
  '/',
  '/chain.ipxe',
  '/boot.ipxe',
  '/boot.ipxe?mac=52-54-00-00-00-01&uuid=x&serial=%ff%fe',
  '/boot.ipxe?mac=52-54-00-00-00-02',
  '/programs/snponly.efi',
  '/programs/%ff',
  '/seed/0/meta-data',
  '/seed/%ff/%ff',
  '/report/0',
  '/phone-home/0',
  '/images/debian/vmlinuz',
  '/images/%ff/vmlinuz',
  '/images/debian/%e0%a4%a',
  '/images/debian/secret',
  '/images/debian/.hidden',
  '/images/__proto__/vmlinuz',
  '/images/constructor/vmlinuz',
  '*',
  'http://10.77.0.1:8080/chain.ipxe',
  'http://[::1/',
  '//evil/chain.ipxe',
  '/\u0000',
]
const host = 'Host: 10.77.0.1\r\n'
/** 20 MB of nothing in 20 kB. */
const bomb = gzipSync(Buffer.alloc(20_000_000))

/** Requests that no honest client sends; some are well formed and ask for what is not theirs. */
export function badRequests(random: Random): () => Buffer {
  const below = (limit: number): number => Math.floor(random() * limit)
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T
  const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, () => below(256)))
  const text = (...words: readonly string[]): Buffer => Buffer.from(words.join(''), 'latin1')
  const path = (): string => pick(paths)
  const climbing = (): string =>
    `${pick(roots)}${Array.from({ length: 1 + below(8) }, () => `${pick(slash)}${pick(up)}`).join('')}${pick(slash)}${pick(wanted)}`
  const posted = (): string =>
    pick(['/report/0', '/phone-home/0', '/report/%ff', '/images/debian/vmlinuz', '/'])

  const kinds: readonly (() => Buffer)[] = [
    () => noise(1 + below(2_000)),
    () =>
      text(
        pick(methods),
        ' ',
        path(),
        ' HTTP/',
        pick(['1.1', '1.0', '0.9', '2.0', '9.9', '', 'x']),
        '\r\n',
        host,
        '\r\n',
      ),
    () =>
      text(
        'GET ',
        path(),
        pick(['\r\n\r\n', '\n\n', ' HTTP/1.1\n\n', '\0 HTTP/1.1\r\n\r\n', ' HTTP/1.1\r\n \r\n\r\n']),
      ),
    () => text(`GET ${path()} HTTP/1.1\r\n${host}X: ${'a'.repeat(below(40_000))}\r\n\r\n`),
    () => text(`GET ${path()} HTTP/1.1\r\n${host}${'X: y\r\n'.repeat(below(4_000))}\r\n`),
    () => text(`GET /${'a'.repeat(below(40_000))} HTTP/1.1\r\n${host}\r\n`),
    () => text(`GET ${climbing()} HTTP/1.1\r\n${host}\r\n`),
    () => text(`GET ${climbing()} HTTP/1.1\r\n${host}\r\n`),
    () => text(`GET ${climbing()} HTTP/1.1\r\n${host}\r\n`),
    () =>
      text(
        `POST ${posted()} HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n${pick(['zz', '-5', 'ffffffffffffffff', '5;x=y', '5'])}\r\nabc\r\n0\r\n\r\n`,
      ),
    () =>
      text(
        `POST ${posted()} HTTP/1.1\r\n${host}Content-Length: ${pick(['-1', '1e9', '99999999999999999999', '10', '2', 'x', '0x10'])}\r\n\r\nabcdef`,
      ),
    () =>
      text(
        `POST ${posted()} HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n`,
      ),
    () =>
      text(
        `POST ${posted()} HTTP/1.1\r\n${host}Content-Length: ${pick([262_145, 400_000, 2_000_000])}\r\n\r\n${'x'.repeat(below(300_000))}`,
      ),
    () =>
      Buffer.concat([
        text(
          `POST ${posted()} HTTP/1.1\r\n${host}Content-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`,
        ),
        bomb,
      ]),
    () =>
      text(
        `POST ${posted()} HTTP/1.1\r\n${host}Content-Encoding: ${pick(['br', 'gzip', 'x', 'deflate'])}\r\nContent-Length: 9\r\n\r\nnot gzip!`,
      ),
    () =>
      text(
        `POST ${posted()} HTTP/1.1\r\n${host}Content-Type: text/plain; charset=${pick(['utf-7', 'x', 'utf-16', '"'])}\r\nContent-Length: 2\r\n\r\n{}`,
      ),
    () =>
      text(
        `POST ${posted()} HTTP/1.1\r\n${host}Expect: ${pick(['100-continue', 'x'])}\r\nContent-Length: 2\r\n\r\n{}`,
      ),
    () => text(`GET ${path()} HTTP/1.1\r\n${host}\r\n`.repeat(1 + below(40))),
    () =>
      text(
        `GET ${path()} HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: ${pick(['websocket', 'h2c'])}\r\n\r\n`,
      ),
    () =>
      text(
        `GET /images/debian/vmlinuz HTTP/1.1\r\n${host}Range: bytes=${pick(['0-', '-1', '5-1', '99999999-', '0-0,1-1,2-2', 'x', '0-99999999999999999999'])}\r\n\r\n`,
      ),
    () =>
      text(
        `GET /images/debian/vmlinuz HTTP/1.1\r\n${host}Range: bytes=${'0-1,'.repeat(below(2_000))}0-1\r\n\r\n`,
      ),
    () =>
      text(
        `GET ${path()} HTTP/1.1\r\nHost: ${pick(['', 'x y', 'a\r\nHost: b', '\u00ff'])}\r\nIf-None-Match: ${pick(['*', '"', 'W/'])}\r\n\r\n`,
      ),
    () => text(`${pick(methods)} ${climbing()} HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabc`),
  ]
  return () => pick(kinds)()
}
