import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { connect, type AddressInfo, type Server } from 'node:net'
import { mock } from 'node:test'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { askUpstream } from '../../server/images/ask-upstream.ts'
import { urlClient, type UrlClientSettings } from '../../server/listen/url-client.ts'

const folder = mkdtempSync(join(tmpdir(), 'ironwake-tls-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
const [keyFile, certificateFile] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
execFileSync(
  'openssl',
  [
    ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=mirror'.split(
      ' ',
    ),
    '-addext',
    'subjectAltName=DNS:mirror.test,IP:127.0.0.1',
    '-keyout',
    keyFile,
    '-out',
    certificateFile,
  ],
  { stdio: 'pipe' },
)
const key = readFileSync(keyFile)
const cert = readFileSync(certificateFile)
const trusting = { authorities: [cert.toString()] }

type Seen = { readonly method: string; readonly url: string }

async function listening(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

function answering(body: (request: IncomingMessage) => string): RequestListener {
  return (request, response) => void response.end(body(request))
}

/** A proxy as sites have them: it fetches by http, and for https it only passes on what it cannot read. */
async function aProxy(t: Test, to: number): Promise<{ readonly url: string; readonly seen: Seen[] }> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    seen.push({ method: request.method ?? '', url: request.url ?? '' })
    response.end('by proxy')
  })
  server.on('connect', (request, socket) => {
    seen.push({ method: 'CONNECT', url: request.url ?? '' })
    if (request.url?.startsWith('forbidden.test') === true) {
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
      return
    }
    const through = connect(to, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      through.pipe(socket).pipe(through)
    })
    through.on('error', () => socket.destroy())
    socket.on('error', () => through.destroy())
  })
  return { url: `http://127.0.0.1:${await listening(t, server)}`, seen }
}

function aClient(other: Partial<UrlClientSettings> = {}) {
  const openUrl = urlClient({ userAgent: 'ironwake/test', proxies: {}, ...other })
  const over = new AbortController().signal
  async function bytes(url: string): Promise<Buffer> {
    const answer = await openUrl({ url, headers: {}, over })
    const parts: Uint8Array[] = []
    for await (const part of answer.body) {
      parts.push(Buffer.from(part))
      // What else came in the same burst comes now.
      await new Promise((resolve) => setImmediate(resolve))
    }
    return Buffer.concat(parts)
  }
  return {
    bytes,
    text: async (url: string) => (await bytes(url)).toString(),
    ask: async (url: string) => await askUpstream(url, {}, { openUrl, over }),
  }
}

t.test('an https server is believed when an authority vouches for it, and else not', async (t) => {
  const port = await listening(
    t,
    createSecureServer(
      { key, cert },
      answering(() => 'secret'),
    ),
  )
  const url = `https://127.0.0.1:${port}/x`
  t.equal(await aClient(trusting).text(url), 'secret')
  await t.rejects(aClient().text(url), { kind: 'refused', message: /does not prove who it is: self-signed/ })
  const other = `https://localhost:${port}/x`
  await t.rejects(aClient(trusting).text(other), { kind: 'refused', message: /does not prove who it is/ })
})

t.test('a large file comes through TLS as it was sent, though its records come in bursts', async (t) => {
  const file = randomBytes(6 * 1024 * 1024)
  const port = await listening(
    t,
    createSecureServer({ key, cert }, (_, response) => void response.end(file)),
  )
  const proxy = await aProxy(t, port)
  for (const proxies of [{}, { https: proxy.url }]) {
    const got = await aClient({ ...trusting, proxies }).bytes(`https://127.0.0.1:${port}/x`)
    t.ok(got.equals(file))
  }
})

t.test('a redirect leads from http to https, and never back', async (t) => {
  const plain = await listening(
    t,
    createServer((request, response) => {
      const location = request.url === '/up' ? `https://127.0.0.1:${secure}/file` : ''
      response.writeHead(location === '' ? 200 : 302, location === '' ? {} : { location }).end('plain')
    }),
  )
  const secure: number = await listening(
    t,
    createSecureServer({ key, cert }, (request, response) => {
      const location = request.url === '/down' ? `http://127.0.0.1:${plain}/file` : ''
      response.writeHead(location === '' ? 200 : 302, location === '' ? {} : { location }).end('secure')
    }),
  )
  const client = aClient(trusting)
  const answer = await client.ask(`http://127.0.0.1:${plain}/up`)
  t.equal(answer.status, 200)
  answer.close()
  const back = client.ask(`https://127.0.0.1:${secure}/down`)
  await t.rejects(back, { kind: 'redirected', message: /from https to http/ })
})

t.test('by a proxy, http is asked of the proxy and https goes through it', async (t) => {
  const port = await listening(
    t,
    createSecureServer(
      { key, cert },
      answering(() => 'through'),
    ),
  )
  const proxy = await aProxy(t, port)
  const client = aClient({ ...trusting, proxies: { http: proxy.url, https: proxy.url } })
  t.equal(await client.text('http://mirror.test/a/b'), 'by proxy')
  t.equal(await client.text('https://mirror.test/secret'), 'through')
  t.strictSame(proxy.seen, [
    { method: 'GET', url: 'http://mirror.test/a/b' },
    { method: 'CONNECT', url: 'mirror.test:443' },
  ])
})

t.test('hosts that need no proxy are asked directly', async (t) => {
  const port = await listening(t, createServer(answering(() => 'direct')))
  const proxy = await aProxy(t, port)
  const client = aClient({ proxies: { http: proxy.url, none: 'other.test,127.0.0.1' } })
  t.equal(await client.text(`http://127.0.0.1:${port}/x`), 'direct')
  t.equal(await client.text('http://mirror.test/x'), 'by proxy')
  t.equal(proxy.seen.length, 1)
})

t.test('a proxy that refuses, or is not there, is told of', async (t) => {
  const proxy = await aProxy(t, 1)
  const client = aClient({ proxies: { https: proxy.url } })
  const refused = client.text('https://forbidden.test/x')
  await t.rejects(refused, {
    kind: 'refused',
    message: /The proxy does not lead to forbidden.test: it answers with 403/,
  })
  const nobody = aClient({ proxies: { http: 'http://127.0.0.1:1' } }).text('http://mirror.test/x')
  await t.rejects(nobody, { kind: 'unreachable', message: /nobody answers there/ })
})

t.test('a name that nobody knows is told of', async (t) => {
  const asked = aClient().text('http://no-such-host.invalid/x')
  await t.rejects(asked, {
    kind: 'unreachable',
    message: /The name of no-such-host.invalid is not known here/,
  })
})

t.test('a reader that takes its time is not the silence of the server', async (t) => {
  const server = createServer((_, response) => {
    response.write('one')
    setImmediate(() => response.end('two'))
  })
  const url = `http://127.0.0.1:${await listening(t, server)}/`
  const silenceMs = 30_000
  const openUrl = urlClient({ userAgent: 'x', proxies: {}, silenceMs })
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const answer = await openUrl({ url, headers: {}, over: new AbortController().signal })
  let text = ''
  for await (const part of answer.body) {
    text += Buffer.from(part).toString()
    // Longer than the silence that is allowed; a timer of the client would run out meanwhile.
    mock.timers.tick(silenceMs + 1)
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.equal(text, 'onetwo')
})
