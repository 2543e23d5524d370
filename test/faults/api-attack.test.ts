import { join } from 'node:path'
import { connect as connectPlain, type Socket } from 'node:net'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import t from 'tap'
import { openAuthority } from '../../server/access/authority.ts'
import { serverCertificate } from '../../server/access/server-certificate.ts'
import { anHttpsApi, bearer } from '../http/an-https-api.ts'

// What an attacker sends to the API over real TLS connections. After each of it the next good client is answered.

t.setTimeout(90_000)

/** All that a connection says until it is closed; empty where it was closed without a word. */
async function said(
  socket: Socket | TLSSocket,
  begin: (socket: Socket | TLSSocket) => void,
): Promise<string> {
  return await new Promise((resolve) => {
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    socket.on('error', () => {}).once('close', () => resolve(text))
    begin(socket)
  })
}

t.test('no request harms the API, and the next good client is answered', async (t) => {
  const api = await anHttpsApi(t)
  const token = await api.token('admin')
  const where = { host: '127.0.0.1', port: api.port }
  const tls = (options: ConnectionOptions = {}) =>
    connect({ ...where, ca: api.authority.certificatePem, ...options })
  const good = async (after: string) => {
    const { status } = await api.ask({ path: '/api/v1/status', headers: bearer(token) })
    t.equal(status, 200, `a good client is answered after ${after}`)
  }
  const status = (text: string) => Number(/^HTTP\/1\.1 ([0-9]{3})/.exec(text)?.[1] ?? 0)
  const send = async (text: string | Buffer) => await said(tls(), (socket) => socket.write(text))

  for (const version of ['TLSv1', 'TLSv1.1'] as const) {
    const old = tls({ minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' })
    const reached = await new Promise((resolve) => {
      old.once('secureConnect', () => resolve('connected')).once('error', () => resolve('refused'))
    })
    old.destroy()
    t.equal(reached, 'refused', version)
    await good(version)
  }
  const current = tls({ maxVersion: 'TLSv1.2' })
  await new Promise((resolve) => current.once('secureConnect', resolve))
  t.equal(current.getProtocol(), 'TLSv1.2')
  current.destroy()

  const plain = await said(connectPlain(where), (socket) =>
    socket.write(`GET /api/v1/status HTTP/1.1\r\nHost: box\r\nAuthorization: Bearer ${token}\r\n\r\n`),
  )
  t.notMatch(plain, /"version"/, 'plain HTTP is not answered')
  await good('plain HTTP')

  await said(connectPlain(where), (socket) => socket.write(Buffer.alloc(100_000, 0x16)))
  await good('rubbish in place of a handshake')

  const head = 'GET /api/v1/status HTTP/1.1\r\nHost: box\r\n'
  t.equal(status(await send(`${head}X-Long: ${'x'.repeat(40_000)}\r\n\r\n`)), 400, 'a header of 40 kB')
  t.ok([400, 401].includes(status(await send(`GET /${'x'.repeat(15_000)} HTTP/1.1\r\nHost: box\r\n\r\n`))))
  await good('long headers')

  const length = 1_000_000_000
  const post = `POST /api/v1/tokens HTTP/1.1\r\nHost: box\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n`
  const stranger = await said(tls(), (socket) => socket.write(`${post}\r\n${'x'.repeat(100_000)}`))
  t.equal(status(stranger), 401, 'a stranger with a gigabyte is told so at once, and let go')
  const friend = tls()
  const toFriend = await new Promise<string>((resolve) => {
    friend.on('error', () => {}).once('data', (chunk: Buffer) => resolve(chunk.toString('latin1')))
    friend.write(`${post}Authorization: Bearer ${token}\r\n\r\n`)
  })
  friend.destroy()
  t.equal(status(toFriend), 413, 'a gigabyte of body')
  await good('large bodies')

  t.equal(status(await send(`${head}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`)), 400)
  t.equal(status(await send('NOT HTTP AT ALL\r\n\r\n')), 400)
  await good('smuggling')

  const all = JSON.stringify(api.happened)
  t.notOk(all.includes(token.slice(-64)), 'no event holds the token that was sent in the open')
  t.match(all, /it speaks HTTP, and this port speaks HTTPS/)
  t.match(all, /it speaks TLS older than 1\.2/)
})

t.test('who holds lines open has a share of them, and is let go in time', async (t) => {
  const api = await anHttpsApi(t)
  const token = await api.token('viewer')
  const open: Socket[] = []
  t.teardown(() => open.forEach((socket) => socket.destroy()))
  const closed: number[] = []
  for (let count = 0; count < 100; count++) {
    const socket = connectPlain({ host: '127.0.0.1', port: api.port })
    socket.on('error', () => {}).once('close', () => closed.push(count))
    open.push(socket)
  }
  const until = async (what: string, holds: () => boolean) => {
    const end = performance.now() + 40_000
    while (!holds()) {
      if (performance.now() > end) throw new Error(`${what}: not in time`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  await until('those beyond the share are let go', () => closed.length >= 68)
  t.equal(closed.length, 68, '32 of one address stay')
  // They never begin their handshake, and are let go after ten seconds.
  await until('those that say nothing are let go', () => closed.length === 100)
  t.equal((await api.ask({ path: '/api/v1/status', headers: bearer(token) })).status, 200)

  // A header that comes a byte at a time.
  const slow = connect({ host: '127.0.0.1', port: api.port, ca: api.authority.certificatePem })
  let isOver = false
  slow.on('error', () => {}).once('close', () => (isOver = true))
  slow.on('data', () => {})
  slow.write('GET /api/v1/status HTTP/1.1\r\nX: ')
  const drip = setInterval(() => slow.writable && slow.write('x'), 200)
  t.teardown(() => clearInterval(drip))
  await until('who drips its header is let go', () => isOver)
  t.equal((await api.ask({ path: '/api/v1/status', headers: bearer(token) })).status, 200)
})

t.test(
  'an exchanged certificate is shown to the next client, and those connected are not touched',
  async (t) => {
    const api = await anHttpsApi(t)
    const before = connect({ host: '127.0.0.1', port: api.port, ca: api.authority.certificatePem })
    await new Promise((resolve) => before.once('secureConnect', resolve))
    const other = await openAuthority(join(api.folder, 'other.pem'), 'other', Date.now())
    const names = { addresses: ['127.0.0.1'], names: ['next.example'] }
    const { pair } = await serverCertificate(join(api.folder, 'next.pem'), other, names, Date.now())
    api.listener.exchange({ key: pair.keyPem, cert: pair.certificatePem })
    const after = connect({ host: '127.0.0.1', port: api.port, ca: other.certificatePem })
    await new Promise((resolve) => after.once('secureConnect', resolve))
    t.match(after.getPeerCertificate().subjectaltname, /next\.example/)
    const answer = new Promise<string>((resolve) =>
      before.once('data', (chunk: Buffer) => resolve(chunk.toString())),
    )
    before.write('GET /api/v1/health HTTP/1.1\r\nHost: box\r\n\r\n')
    t.match(await answer, /^HTTP\/1\.1 200/)
    before.destroy()
    after.destroy()
  },
)
