import inject from 'light-my-request'
import t from 'tap'
import { bootApp, seedFiles } from '../../server/http/boot-app.ts'
import { aDesk } from './a-desk.ts'

const program = Uint8Array.from({ length: 5_000 }, (_, at) => at)

t.test('scripts are served as plain text that nobody keeps', async (t) => {
  const { app, asked, told } = aDesk()
  for (const url of [
    '/chain.ipxe',
    '/autoexec.ipxe',
    '/programs/autoexec.ipxe',
    '/boot.ipxe?mac=52-54-00-00-00-01',
  ]) {
    const response = await inject(app, { url, remoteAddress: '10.0.0.10' })
    t.equal(response.statusCode, 200, url)
    t.equal(response.body, '#!ipxe\n')
    t.match(response.headers, {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'content-length': '7',
    })
    t.equal(response.headers['x-powered-by'], undefined)
  }
  t.strictSame(
    asked.map(({ question, from }) => `${question} ${from}`),
    ['chain 10.0.0.10', 'chain 10.0.0.10', 'chain 10.0.0.10', 'boot 10.0.0.10'],
  )
  t.strictSame(told, [])
})

t.test('the query of a boot script reaches the desk as it came', async (t) => {
  const { app, asked } = aDesk()
  for (const query of [
    'mac=52-54-00-00-00-01&serial=A%20B&serial=C',
    'mac=%zz',
    '',
    '__proto__=x&constructor=y',
    'a[b]=c',
  ]) {
    await inject(app, { url: query === '' ? '/boot.ipxe' : `/boot.ipxe?${query}` })
    t.strictSame(asked.at(-1)?.words, [query])
  }
})

t.test('an address of IPv4 in the clothes of IPv6 is told as IPv4', async (t) => {
  const { app, asked } = aDesk()
  await inject(app, { url: '/chain.ipxe', remoteAddress: '::ffff:10.0.0.10' })
  t.equal(asked[0]?.from, '10.0.0.10')
})

t.test('programs are served with type, length and entity tag; HEAD has all but the bytes', async (t) => {
  const { app } = aDesk({ kind: 'bytes', bytes: program, type: 'application/efi' })
  const whole = await inject(app, { url: '/programs/snponly.efi' })
  t.equal(whole.statusCode, 200)
  t.strictSame(Uint8Array.from(whole.rawPayload), program)
  const { etag } = whole.headers
  t.match(etag, /^"/)
  t.match(whole.headers, { 'content-type': 'application/efi', 'content-length': '5000' })

  const head = await inject(app, { method: 'HEAD', url: '/programs/snponly.efi' })
  t.equal(head.rawPayload.length, 0)
  t.match(head.headers, { 'content-type': 'application/efi', 'content-length': '5000', etag })

  const same = await inject(app, { url: '/programs/snponly.efi', headers: { 'if-none-match': String(etag) } })
  t.equal(same.statusCode, 304)
  t.equal(same.rawPayload.length, 0)
  const other = await inject(app, { url: '/programs/snponly.efi', headers: { 'if-none-match': '"x"' } })
  t.equal(other.statusCode, 200)
})

t.test('each file of a seed is asked for by its attempt; another file is not there', async (t) => {
  const { app, asked, told } = aDesk()
  for (const file of seedFiles) {
    t.equal((await inject(app, { url: `/seed/abc/${file}` })).statusCode, 200)
    t.strictSame(asked.at(-1), { question: 'seed', from: '127.0.0.1', words: ['abc', file] })
  }
  const count = asked.length
  for (const file of ['password', 'Meta-Data', 'meta-data.bak', '..%2fmeta-data', 'constructor']) {
    const response = await inject(app, { url: `/seed/abc/${file}`, remoteAddress: '10.0.0.10' })
    t.equal(response.statusCode, 404, file)
    t.match(response.body, /^a seed has no file /)
  }
  t.equal(asked.length, count, 'the desk was not asked')
  t.match(told.at(-1), {
    kind: 'request-refused',
    address: '10.0.0.10',
    status: 404,
    path: '/seed/abc/constructor',
  })
})

t.test('reports arrive whole, whatever type they claim to have, and are answered with nothing', async (t) => {
  const { app, asked } = aDesk({ kind: 'accepted' })
  const payload = '{"name":"init-network"}'
  for (const type of [undefined, 'application/json', 'application/x-www-form-urlencoded', 'x/y']) {
    for (const path of ['report', 'phone-home']) {
      const headers = type === undefined ? {} : { 'content-type': type }
      const response = await inject(app, { method: 'POST', url: `/${path}/abc`, payload, headers })
      t.equal(response.statusCode, 204, `${path} as ${type}`)
      t.equal(response.body, '')
      t.strictSame(asked.at(-1), { question: path, from: '127.0.0.1', words: ['abc', payload] })
    }
  }
  await inject(app, { method: 'POST', url: '/report/abc' })
  t.strictSame(asked.at(-1)?.words, ['abc', ''])
})

t.test('a body above 256 KiB is refused before the desk sees it', async (t) => {
  const { app, asked, told } = aDesk({ kind: 'accepted' })
  const most = await inject(app, { method: 'POST', url: '/report/abc', payload: 'x'.repeat(256 * 1024) })
  t.equal(most.statusCode, 204)
  const more = await inject(app, { method: 'POST', url: '/report/abc', payload: 'x'.repeat(256 * 1024 + 1) })
  t.equal(more.statusCode, 413)
  t.equal(asked.length, 1)
  t.match(told, [{ kind: 'request-refused', status: 413, path: '/report/abc', because: /too large/ }])
})

t.test('a small body that unpacks into a large one is refused', async (t) => {
  const { gzipSync } = await import('node:zlib')
  const { app, asked } = aDesk({ kind: 'accepted' })
  const response = await inject(app, {
    method: 'POST',
    url: '/report/abc',
    headers: { 'content-encoding': 'gzip' },
    payload: gzipSync(Buffer.alloc(10 * 1024 * 1024)),
  })
  t.equal(response.statusCode, 413)
  t.strictSame(asked, [])
})

t.test('bodies that lie about themselves are refused as the fault of their sender', async (t) => {
  const { app, asked, told } = aDesk({ kind: 'accepted' })
  const lies: readonly Record<string, string>[] = [
    { 'content-encoding': 'gzip' },
    { 'content-encoding': 'nonsense' },
    { 'content-type': 'text/plain; charset=nonsense' },
    { 'content-length': '3' },
  ]
  for (const headers of lies) {
    const response = await inject(app, {
      method: 'POST',
      url: '/report/abc',
      headers,
      payload: 'no such thing',
    })
    t.ok(
      response.statusCode >= 400 && response.statusCode < 500,
      `${JSON.stringify(headers)} ${response.statusCode}`,
    )
  }
  t.strictSame(asked, [])
  t.equal(told.length, lies.length)
})

t.test('a refusal of the desk is sent as text and told with path, status and reason', async (t) => {
  const { app, told } = aDesk({
    kind: 'refused',
    status: 409,
    because: 'its script cannot be made: hostname',
  })
  const response = await inject(app, { url: '/boot.ipxe?mac=x', remoteAddress: '10.0.0.10' })
  t.equal(response.statusCode, 409)
  t.equal(response.body, 'its script cannot be made: hostname\n')
  t.match(response.headers, { 'content-type': 'text/plain; charset=utf-8' })
  t.strictSame(told, [
    {
      kind: 'request-refused',
      address: '10.0.0.10',
      path: '/boot.ipxe',
      status: 409,
      because: 'its script cannot be made: hostname',
    },
  ])
})

t.test('paths and methods that are not served are 404, and told', async (t) => {
  const { app, asked, told } = aDesk()
  const requests: readonly [
    method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS' | 'PROPFIND',
    url: string,
  ][] = [
    ['GET', '/'],
    ['GET', '/favicon.ico'],
    ['GET', '/programs/'],
    ['GET', '/seed/abc'],
    ['GET', '/report/abc'],
    ['POST', '/chain.ipxe'],
    ['PUT', '/programs/snponly.efi'],
    ['DELETE', '/seed/abc/meta-data'],
    ['PROPFIND', '/'],
    ['GET', '/api/v1/machines'],
    ['GET', '/images/debian/vmlinuz'],
  ]
  for (const [method, url] of requests) {
    const response = await inject(app, { method: method as 'GET', url })
    t.equal(response.statusCode, 404, `${method} ${url}`)
    t.equal(response.body, 'nothing is served under this path\n')
  }
  t.strictSame(asked, [])
  t.equal(told.length, requests.length)
})

t.test('an escape that is none is the fault of its sender', async (t) => {
  const { app, asked, told } = aDesk()
  for (const url of ['/programs/%', '/programs/%zz', '/programs/%E0%A4%A', '/seed/%ff/meta-data']) {
    const response = await inject(app, { url })
    t.equal(response.statusCode, 400, url)
    t.match(response.headers, { 'content-type': 'text/plain; charset=utf-8' })
    t.notMatch(response.body, /at .*\.(?:js|ts)/, 'no stack')
  }
  t.strictSame(asked, [])
  t.equal(told.length, 4)
  t.match(told[0], { kind: 'request-refused', status: 400 })
})

t.test('a fault of the appliance is a 500 whose cause stays on the box', async (t) => {
  const { desk, told } = aDesk()
  const secret = new Error('the disk /dev/sda is full')
  const broken = bootApp({
    ...desk,
    chainScript: () => {
      throw secret
    },
    bootScript: async () => await Promise.reject(secret),
  })
  for (const url of ['/chain.ipxe', '/boot.ipxe']) {
    const response = await inject(broken, { url })
    t.equal(response.statusCode, 500)
    t.equal(response.body, 'the appliance failed at this request; its log says why\n')
    t.match(told.at(-1), { kind: 'request-refused', status: 500, because: /the disk \/dev\/sda is full/ })
  }
  t.equal(told.length, 2)
})

t.test("GRUB's configuration is asked of the desk, in whatever folder, and HEAD asks nobody", async (t) => {
  const { app, asked } = aDesk({ kind: 'text', type: 'text/plain', text: 'exit 1\n' })
  for (const url of [
    '/grub.cfg',
    '/programs/grub/x86_64-efi/grub.cfg',
    '/grub/grub.cfg-01-52-54-00-00-00-01',
  ]) {
    const response = await inject(app, { url })
    t.equal(response.body, 'exit 1\n', url)
    t.strictSame(asked.at(-1), { question: 'grub', from: '127.0.0.1', words: [url] })
  }
  const count = asked.length
  await inject(app, { method: 'HEAD', url: '/grub/grub.cfg-01-52-54-00-00-00-01' })
  t.equal(asked.length, count, 'to ask whether it is there begins no boot')
})

t.test('what GRUB does without is told as expected', async (t) => {
  const { app, told } = aDesk({ kind: 'refused', status: 404, because: 'there is no such program' })
  const response = await inject(app, { url: '/programs/grub/x86_64-efi/command.lst' })
  t.equal(response.statusCode, 404)
  t.match(told, [{ kind: 'request-refused', expected: true, because: /^GRUB looks for it/ }])
  await inject(app, { url: '/nothing' })
  t.strictSame(told[1] !== undefined && 'expected' in told[1], false)
})
