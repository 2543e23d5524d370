import { once } from 'node:events'
import { join } from 'node:path'
import { connect as connectPlain, type Socket } from 'node:net'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { openAuthority } from '../../server/access/authority.ts'
import { serverCertificate } from '../../server/access/server-certificate.ts'
import { aDesk } from '../http/an-api-desk.ts'
import { anHttpsApi, bearer } from '../http/an-https-api.ts'

// What an attacker sends to the API over real TLS connections. After each of it the next good client is answered.

t.setTimeout(600_000)

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

t.test('nobody gets at a cluster who is no admin, and an admin cannot drown it', async (t) => {
  const reached: string[] = []
  const { clusters } = aDesk()
  const reach = <T>(what: string, answer: T): T => {
    reached.push(what)
    return answer
  }
  const api = await anHttpsApi(t, {
    clusters: {
      ...clusters,
      make: async () => await reach('make', clusters.make({ kind: 'managed', name: 'lab' })),
      remove: async (name) => await reach('remove', clusters.remove(name)),
      kubeconfig: async (name) => await reach('kubeconfig', clusters.kubeconfig(name, undefined)),
    },
  })
  const [viewer, operator, admin] = [
    await api.token('viewer'),
    await api.token('operator'),
    await api.token('admin'),
  ]
  const machine = `iwm_${'A'.repeat(43)}`
  const secret = 'client-key-data-of-somebody'
  const external = JSON.stringify({ kind: 'external', name: 'prod', kubeconfig: secret })
  const forAdmins = [
    ['POST', '/api/v1/clusters', external],
    ['DELETE', '/api/v1/clusters/lab', undefined],
    ['POST', '/api/v1/clusters/lab/kubeconfig', '{}'],
  ] as const
  const strangers = [
    ['nobody', {}, 401],
    ['a machine', bearer(machine), 401],
    ['who puts it into a cookie', { Cookie: `token=${admin}` }, 401],
    ['a viewer', bearer(viewer), 403],
    ['an operator', bearer(operator), 403],
  ] as const
  for (const [method, path, body] of forAdmins) {
    for (const [who, headers, status] of strangers) {
      const asked = { method, path, headers, ...(body === undefined ? {} : { body }) }
      const told = await api.ask(asked)
      t.equal(told.status, status, `${method} ${path} for ${who}`)
      t.notMatch(told.body, /kind: Config/)
    }
    // Other ways to write the same path lead to the same door.
    for (const other of [
      path.toUpperCase(),
      `${path}/`,
      path.replace('/api/v1', '//api/v1'),
      `${path}?x=1`,
    ]) {
      const told = await api.ask({ method, path: other, headers: bearer(viewer) })
      t.ok([403, 404].includes(told.status), `${method} ${other} for a viewer: ${told.status}`)
    }
  }
  for (const path of ['/api/v1/clusters', '/api/v1/clusters/lab', '/api/v1/clusters/lab/node-config'])
    for (const [headers, status] of [
      [{}, 401],
      [bearer(machine), 401],
      [bearer(viewer), 200],
    ] as const)
      t.equal((await api.ask({ path, headers })).status, status, path)
  t.strictSame(reached, [])

  const post = async (body: string | Buffer, headers: Readonly<Record<string, string>> = {}) =>
    (
      await api.ask({
        method: 'POST',
        path: '/api/v1/clusters',
        headers: { ...bearer(admin), ...headers },
        body,
      })
    ).status
  t.equal(await post(gzipSync(external), { 'Content-Encoding': 'gzip' }), 415, 'nothing is unpacked')
  t.equal(await post('['.repeat(1_000_000)), 400, 'a million brackets')
  t.equal(await post(`{"kind":"managed","name":"lab","__proto__":{"role":"admin"}}`), 400)
  t.equal(await post(Buffer.alloc(3 * 1024 * 1024, 0x20)), 413)
  const endless = `POST /api/v1/clusters HTTP/1.1\r\nHost: box\r\nAuthorization: Bearer ${admin}\r\nTransfer-Encoding: chunked\r\n\r\n`
  const socket = connect({ host: '127.0.0.1', port: api.port, ca: api.authority.certificatePem })
  const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`
  const told = await new Promise<string>((resolve) => {
    socket.on('error', () => {}).once('data', (data: Buffer) => resolve(data.toString('latin1')))
    socket.write(endless)
    for (let count = 0; count < 48; count++) socket.write(chunk)
    socket.write('0\r\n\r\n')
  })
  socket.destroy()
  t.match(told, /^HTTP\/1\.1 413/, 'three megabytes of no told length')
  t.strictSame(reached, [])

  t.equal(await post(external), 409, 'and an admin is heard')
  t.strictSame(reached, ['make'])
  const all = JSON.stringify(api.happened)
  for (const one of [secret, machine, admin.slice(-64)]) t.notOk(all.includes(one), 'no event holds a secret')
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

t.test('a listener that stops waits for no handshake, and answers nobody who ends his later', async (t) => {
  const api = await anHttpsApi(t)
  const raw = connectPlain({ host: '127.0.0.1', port: api.port })
  raw.on('error', () => {})
  await once(raw, 'connect')
  // Connections are taken up in their order: this one is, too, when the next is answered.
  t.equal((await api.ask({ path: '/api/v1/health' })).status, 200)
  const stopped = api.listener[Symbol.asyncDispose]()
  const late = await said(connect({ socket: raw, ca: api.authority.certificatePem }), (socket) =>
    socket.write('GET /api/v1/health HTTP/1.1\r\nHost: box\r\n\r\n'),
  )
  t.equal(late, '')
  await stopped
  await t.rejects(api.ask({ path: '/api/v1/health' }), { code: 'ECONNREFUSED' })
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
