import { request } from 'node:http'
import { mkdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { deliveryApp, type Delivery } from '../../server/http/delivery-app.ts'
import { fileInFolder } from '../../server/http/image-files.ts'
import { testFolder } from '../folder.ts'
import { overLoopback, until } from './over-loopback.ts'

const kernel = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, at) => at * 7))

async function anImage(t: Test, folder = testFolder(t)) {
  const image = join(folder, 'debian')
  mkdirSync(image, { recursive: true })
  writeFileSync(join(image, 'vmlinuz'), kernel)
  writeFileSync(join(image, 'squashfs'), '')
  writeFileSync(join(image, 'secret'), 'nobody shall see this')
  writeFileSync(join(image, '.hidden'), 'nobody shall see this')
  writeFileSync(join(folder, 'secret'), 'nobody shall see this')
  const delivered: Delivery[] = []
  const folders = new Map([
    ['debian', image],
    ['gone', join(folder, 'gone')],
  ])
  const app = deliveryApp(
    (name, file) => {
      const folder = folders.get(name)
      return folder === undefined ? undefined : fileInFolder(folder, file)
    },
    (delivery) => void delivered.push(delivery),
  )
  return { ...(await overLoopback(t, app)), image, delivered }
}

const path = '/images/debian/vmlinuz'

t.test('a file is served whole, with its length, type, tag and date', async (t) => {
  const { ask, delivered } = await anImage(t)
  const response = await ask({ url: path })
  t.equal(response.statusCode, 200)
  t.ok(kernel.equals(response.rawPayload))
  t.match(response.headers, {
    'content-length': '100000',
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    etag: /^(?:W\/)?"/,
    'last-modified': /GMT$/,
  })
  t.equal(response.headers['x-powered-by'], undefined)
  await until(() => delivered.length === 1)
  t.match(delivered, [
    { file: 'debian/vmlinuz', from: '127.0.0.1', status: 200, byteCount: 100_000, complete: true },
  ])
})

t.test('HEAD tells the same and sends nothing, and is not told as a delivery', async (t) => {
  const { ask, delivered } = await anImage(t)
  const whole = await ask({ url: path })
  const head = await ask({ method: 'HEAD', url: path })
  t.equal(head.statusCode, 200)
  t.equal(head.rawPayload.length, 0)
  for (const name of ['content-length', 'content-type', 'etag', 'last-modified', 'accept-ranges']) {
    t.equal(head.headers[name], whole.headers[name], name)
  }
  await until(() => delivered.length === 1)
  t.equal(delivered.length, 1)
})

t.test('ranges are served as they are asked for', async (t) => {
  const { ask, delivered } = await anImage(t)
  const ranges: readonly [asked: string, from: number, to: number][] = [
    ['bytes=0-0', 0, 0],
    ['bytes=0-99', 0, 99],
    ['bytes=99999-', 99_999, 99_999],
    ['bytes=50000-', 50_000, 99_999],
    ['bytes=-10', 99_990, 99_999],
    ['bytes=0-999999999', 0, 99_999],
  ]
  for (const [range, from, to] of ranges) {
    const response = await ask({ url: path, headers: { range } })
    t.equal(response.statusCode, 206, range)
    t.equal(response.headers['content-range'], `bytes ${from}-${to}/100000`)
    t.ok(kernel.subarray(from, to + 1).equals(response.rawPayload), range)
  }
  await until(() => delivered.length === ranges.length)
  t.strictSame(
    delivered.map(({ byteCount }) => byteCount),
    ranges.map(([, from, to]) => to - from + 1),
  )
})

t.test('what is no range, and more than one, is answered with the whole file', async (t) => {
  const { ask } = await anImage(t)
  for (const range of ['bytes', 'bytes=', 'bytes=a-b', 'lines=0-1', '0-1', 'bytes=0-1,5-6']) {
    const response = await ask({ url: path, headers: { range } })
    t.equal(response.statusCode, 200, range)
    t.equal(response.rawPayload.length, 100_000)
  }
})

t.test('a range outside of the file is a 416 that tells how long the file is', async (t) => {
  const { ask, delivered } = await anImage(t)
  for (const range of ['bytes=100000-', 'bytes=100000-100001', 'bytes=5-2']) {
    const response = await ask({ url: path, headers: { range } })
    t.equal(response.statusCode, 416, range)
    t.equal(response.headers['content-range'], 'bytes */100000')
    t.equal(response.headers['etag'], undefined)
    t.equal(response.body, 'the file has no such range\n')
  }
  await until(() => delivered.length === 3)
  t.match(delivered[0], { status: 416, file: 'debian/vmlinuz', because: 'the file has no such range' })
})

t.test('an empty file is served, and has no ranges', async (t) => {
  const { ask } = await anImage(t)
  const url = '/images/debian/squashfs'
  t.match(await ask({ url }), { statusCode: 200, headers: { 'content-length': '0' } })
  t.equal((await ask({ url, headers: { range: 'bytes=0-0' } })).statusCode, 416)
})

t.test('who has the file already is told so; who has another gets it', async (t) => {
  const { ask, delivered } = await anImage(t)
  const { headers } = await ask({ method: 'HEAD', url: path })
  const [etag, date] = [String(headers['etag']), String(headers['last-modified'])]
  const status = async (given: Record<string, string>) => {
    const response = await ask({ url: path, headers: given })
    if (response.statusCode === 304) t.equal(response.rawPayload.length, 0)
    return response.statusCode
  }
  t.equal(await status({ 'if-none-match': etag }), 304)
  t.equal(await status({ 'if-none-match': `"x", ${etag}` }), 304)
  t.equal(await status({ 'if-none-match': '*' }), 304)
  t.equal(await status({ 'if-none-match': '"x"' }), 200)
  t.equal(await status({ 'if-modified-since': date }), 304)
  t.equal(await status({ 'if-modified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' }), 200)
  t.equal(await status({ 'if-match': etag }), 200)
  t.equal(await status({ 'if-match': '"x"' }), 412)
  t.equal(await status({ 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' }), 412)
  await until(() => delivered.length === 5)
  t.strictSame(
    delivered.map(({ status }) => status),
    [200, 200, 200, 412, 412],
  )
})

t.test('a download goes on where it broke off, unless the file has changed meanwhile', async (t) => {
  const { ask, image } = await anImage(t)
  const { headers } = await ask({ method: 'HEAD', url: path })
  const [etag, date] = [String(headers['etag']), String(headers['last-modified'])]
  const rest = async (condition: string) => {
    const response = await ask({
      url: path,
      headers: { range: 'bytes=99990-', 'if-range': condition },
    })
    return response.statusCode
  }
  t.equal(await rest(etag), 206)
  t.equal(await rest(date), 206)
  t.equal(await rest('"another"'), 200)
  t.equal(await rest('Thu, 01 Jan 1970 00:00:00 GMT'), 200)
  t.equal(await rest('nonsense'), 200)
  writeFileSync(join(image, 'vmlinuz'), Buffer.alloc(100_000))
  utimesSync(join(image, 'vmlinuz'), 2_000_000_000, 2_000_000_000)
  t.equal(await rest(etag), 200)
  t.equal(await rest(date), 200)
})

t.test('nothing but the three files of a known image is served, however its path is written', async (t) => {
  const { ask, delivered } = await anImage(t)
  const urls = [
    '/',
    '/images',
    '/images/',
    '/images/debian',
    '/images/debian/',
    '/images/debian/secret',
    '/images/debian/.hidden',
    '/images/debian/VMLINUZ',
    '/images/debian/vmlinuz.bak',
    '/images/debian/vmlinuz%00',
    '/images/debian/vmlinuz%00.txt',
    '/images/debian/vmlinuz/.',
    '/images/debian/./secret',
    '/images/debian/../secret',
    '/images/debian/..%2fsecret',
    '/images/debian/..%2Fsecret',
    '/images/debian/%2e%2e/secret',
    '/images/debian/%2e%2e%2fsecret',
    '/images/debian/%2E%2E%2Fsecret',
    '/images/debian/..%5csecret',
    '/images/debian/..%255csecret',
    '/images/debian/%252e%252e%252fsecret',
    '/images/debian/%c0%ae%c0%ae%c0%afsecret',
    '/images/debian/....//secret',
    '/images/debian//etc/passwd',
    '/images/debian/%2fetc%2fpasswd',
    '/images/../secret',
    '/images/..%2f..%2fetc/vmlinuz',
    '/images/%2e%2e/vmlinuz',
    '/images/./vmlinuz',
    '/images//vmlinuz',
    '/images/Debian/vmlinuz',
    '/images/nobody/vmlinuz',
    '/images/constructor/vmlinuz',
    '/images/__proto__/vmlinuz',
    '/images/gone/vmlinuz',
    '/images/debian/initrd',
    '/programs/snponly.efi',
    '//images/debian/vmlinuz',
  ]
  for (const url of urls) {
    const response = await ask({ url })
    t.ok(response.statusCode === 404 || response.statusCode === 400, `${url} ${response.statusCode}`)
    t.notMatch(response.body, /nobody shall see|root:/)
    t.match(response.headers, { 'content-type': 'text/plain; charset=utf-8' })
  }
  await until(() => delivered.length === urls.length)
  for (const { status, because, file } of delivered) {
    t.ok(status >= 400 && because !== undefined && because.length > 10, `${file}: ${because}`)
  }
})

t.test('an escape that is none is the fault of its sender, and shows no stack', async (t) => {
  const { ask } = await anImage(t)
  for (const url of [
    '/images/%/vmlinuz',
    '/images/%E0%A4%A/vmlinuz',
    '/images/debian/%zz',
    '/images/%ff/vmlinuz',
  ]) {
    const response = await ask({ url })
    t.equal(response.statusCode, 400, url)
    t.equal(response.body, 'the request cannot be understood\n')
  }
})

t.test('other methods are not served', async (t) => {
  const { ask } = await anImage(t)
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'] as const) {
    t.equal((await ask({ method, url: path })).statusCode, 404, method)
  }
})

t.test('a folder in the place of a file is not there; what cannot be read is our fault', async (t) => {
  const { ask, image, delivered } = await anImage(t)
  mkdirSync(join(image, 'initrd'))
  t.equal((await ask({ url: '/images/debian/initrd' })).statusCode, 404)
  const looping = await anImage(t, join(t.testdirName, 'looping'))
  symlinkSync('initrd', join(looping.image, 'initrd'))
  const response = await looping.ask({ url: '/images/debian/initrd' })
  t.equal(response.statusCode, 500)
  t.notMatch(response.body, /ELOOP|initrd/, 'where it lies stays on the box')
  await until(() => looping.delivered.length === 1 && delivered.length === 1)
  t.match(looping.delivered, [{ status: 500, because: /ELOOP/ }])
})

t.test('a link is followed, as the folder of an image is its owner\u2019s to fill', async (t) => {
  const { ask, image } = await anImage(t)
  symlinkSync('vmlinuz', join(image, 'initrd'))
  t.ok(kernel.equals((await ask({ url: '/images/debian/initrd' })).rawPayload))
})

t.test('a client that hangs up is told as a delivery that broke off, with what it got', async (t) => {
  const { port, image, delivered } = await anImage(t)
  const size = 64 * 1024 * 1024
  truncateSync(join(image, 'squashfs'), size)
  const asked = request({ port, host: '127.0.0.1', path: '/images/debian/squashfs' }).end()
  const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream]
  await once(response, 'data')
  asked.destroy()
  await until(() => delivered.length > 0)
  t.match(delivered, [{ status: 200, complete: false, from: '127.0.0.1', to: '127.0.0.1' }])
  const { byteCount } = delivered[0]!
  t.ok(byteCount > 0 && byteCount < size, `${byteCount} bytes`)
})

t.test('two files over one connection are counted apart', async (t) => {
  const { port, delivered } = await anImage(t)
  for (const range of ['bytes=0-9', 'bytes=0-999']) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { range } })
    await response.arrayBuffer()
  }
  await until(() => delivered.length === 2)
  t.strictSame(
    delivered.map(({ byteCount, complete }) => [byteCount, complete]),
    [
      [10, true],
      [1_000, true],
    ],
  )
})

t.test('a file is told by one name, however its URL was written', async (t) => {
  const { ask, delivered } = await anImage(t)
  for (const url of ['/images/debian/vmlinuz', '/images/%64ebian/vmlinu%7A', '/images/%zz/vmlinuz'])
    await ask({ url })
  await until(() => delivered.length === 3)
  t.strictSame(
    delivered.map(({ file }) => file),
    ['debian/vmlinuz', 'debian/vmlinuz', '%zz/vmlinuz'],
  )
})
