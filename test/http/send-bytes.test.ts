import inject from 'light-my-request'
import t from 'tap'
import { aDesk } from './a-desk.ts'

const program = Uint8Array.from({ length: 5_000 }, (_, at) => at)
const url = '/programs/shimx64.efi'
const served = () => aDesk({ kind: 'bytes', bytes: program, type: 'application/efi' }).app

t.test('HEAD tells the length, and that ranges are served', async (t) => {
  const head = await inject(served(), { method: 'HEAD', url })
  t.equal(head.statusCode, 200)
  t.equal(head.rawPayload.length, 0)
  t.match(head.headers, {
    'content-type': 'application/efi',
    'content-length': '5000',
    'accept-ranges': 'bytes',
    etag: /^"[^"]+"$/,
  })
})

t.test('a download that broke off goes on where it was', async (t) => {
  const app = served()
  const { etag } = (await inject(app, { url })).headers
  for (const [range, first, last] of [
    ['bytes=0-499', 0, 499],
    ['bytes=4000-', 4_000, 4_999],
    ['bytes=-1', 4_999, 4_999],
    ['bytes=4990-9999', 4_990, 4_999],
  ] as const) {
    const part = await inject(app, { url, headers: { range, 'if-match': String(etag) } })
    t.equal(part.statusCode, 206, range)
    t.strictSame(Uint8Array.from(part.rawPayload), program.slice(first, last + 1), range)
    t.match(part.headers, {
      'content-range': `bytes ${first}-${last}/5000`,
      'content-length': String(last - first + 1),
      etag,
    })
  }
})

t.test('what is no range of it is refused, and what cannot be read is passed over', async (t) => {
  const app = served()
  const beyond = await inject(app, { url, headers: { range: 'bytes=5000-' } })
  t.equal(beyond.statusCode, 416)
  t.equal(beyond.headers['content-range'], 'bytes */5000')
  for (const range of ['lines=1-2', 'bytes', 'bytes=0-1,7-8', 'bytes=x-y']) {
    const whole = await inject(app, { url, headers: { range } })
    t.ok(whole.statusCode === 200 || whole.statusCode === 416, `${range}: ${whole.statusCode}`)
    if (whole.statusCode === 200) t.equal(whole.rawPayload.length, 5_000, range)
  }
})

t.test('the rest of another file is not sent', async (t) => {
  const app = served()
  const other = await inject(app, { url, headers: { range: 'bytes=10-', 'if-match': '"x"' } })
  t.equal(other.statusCode, 412)
  const whole = await inject(app, { url, headers: { range: 'bytes=10-', 'if-range': '"x"' } })
  t.equal(whole.statusCode, 200)
  t.equal(whole.rawPayload.length, 5_000)
})
