import t from 'tap'
import { productListOf } from '../../server/images/stream-index.ts'
import { readItem, readProducts } from '../../server/images/stream-products.ts'
import { UpstreamFault } from '../../server/images/upstream-fault.ts'

const digest = 'ab'.repeat(32)
const stream = 'com.example:stable:download'

function told(act: () => unknown): string {
  try {
    act()
    return 'nothing'
  } catch (error) {
    if (!(error instanceof UpstreamFault)) throw error
    return `${error.kind}: ${error.message}`
  }
}

function indexOf(entry: unknown, format = 'index:1.0'): string {
  return JSON.stringify({ format, index: { [stream]: entry }, updated: 'Wed, 25 Jun 2025 11:01:49 +0000' })
}

t.test('an index says where the products of a stream lie', async (t) => {
  const path = 'streams/v1/com.example:stable:download.sjson'
  t.equal(productListOf(indexOf({ format: 'products:1.0', datatype: 'image-ids', path }), stream), path)
})

t.test('an index that cannot be used says why', async (t) => {
  const many = Object.fromEntries(
    Array.from({ length: 1_001 }, (_, at) => [`stream-${at}`, { path: 'a.sjson' }]),
  )
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['no JSON', '{', /^malformed: The index is not JSON/],
    ['another format', indexOf({ path: 'a' }, 'products:1.0'), /^malformed: .*format/],
    ['no path', indexOf({}), /^malformed: .*path/],
    ['no such stream', JSON.stringify({ format: 'index:1.0', index: {} }), /^missing: .*does not name/],
    ['a stream named as a method', indexOf({ path: 'a' }).replace(stream, 'x'), /^missing/],
    ['another kind of list', indexOf({ path: 'a', format: 'mirrors:1.0' }), /^missing/],
    ['a path that leads out', indexOf({ path: '../../etc/shadow' }), /^unsafe: .*leads out/],
    [
      'a path that is a URL',
      indexOf({ path: 'https://evil.example/x.sjson' }),
      /^unsafe: .*a URL of its own/,
    ],
    ['too many streams', JSON.stringify({ format: 'index:1.0', index: many }), /^too-large: /],
  ]
  for (const [claim, text, because] of cases)
    t.match(
      told(() => productListOf(text, stream)),
      because,
      claim,
    )
  t.match(
    told(() => productListOf(indexOf({ path: 'a' }), 'constructor')),
    /^missing/,
  )
})

const kernel = { ftype: 'boot-kernel', path: 'noble/boot-kernel', sha256: digest, size: 12 }

function productsOf(products: unknown, more: object = {}): string {
  return JSON.stringify({ format: 'products:1.0', content_id: stream, products, ...more })
}

t.test('products have the tags of their list and their own, and their versions in order', async (t) => {
  const versions = {
    '20250718.1': { items: { kernel } },
    '20250618': { items: {} },
    '20250718': { items: { kernel }, label: 'release' },
  }
  const text = productsOf(
    { a: { arch: 'amd64', label: 'candidate', versions } },
    { label: 'stable', os: 'x' },
  )
  const [product] = readProducts(text, stream)
  t.strictSame(
    product?.versions.map(({ name }) => name),
    ['20250618', '20250718', '20250718.1'],
  )
  t.equal(product?.tags.get('arch'), 'amd64')
  t.equal(product?.tags.get('os'), 'x')
  t.equal(product?.tags.get('label'), 'candidate', 'what is nearer counts')
  const version = product?.versions[2]
  if (version === undefined) return t.fail('there are three versions')
  t.strictSame(readItem(version, 'kernel', 'a'), {
    path: 'noble/boot-kernel',
    sha256: digest,
    byteCount: 12,
  })
})

t.test('a product list that cannot be used says why', async (t) => {
  const versions = { '1': { items: {} } }
  const manyProducts = Object.fromEntries(Array.from({ length: 10_001 }, (_, at) => [`p${at}`, { versions }]))
  const manyVersions = Object.fromEntries(Array.from({ length: 501 }, (_, at) => [`${at}`, { items: {} }]))
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['no JSON', 'words', /^malformed: The product list of com.example:stable:download is not JSON/],
    ['an index', JSON.stringify({ format: 'index:1.0', index: {} }), /^malformed/],
    ['no versions', productsOf({ a: {} }), /^malformed: .*versions/],
    ['a list of products', productsOf([1]), /^malformed/],
    ['the list of another stream', productsOf({}, { content_id: 'b' }), /^malformed: .*is that of b/],
    ['too many products', productsOf(manyProducts), /^too-large/],
    ['too many versions', productsOf({ a: { versions: manyVersions } }), /^too-large/],
  ]
  for (const [claim, text, because] of cases)
    t.match(
      told(() => readProducts(text, stream)),
      because,
      claim,
    )
})

t.test('a file of a version that cannot be used says why', async (t) => {
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ['no digest', { path: 'a', size: 1 }, /^malformed: .*sha256/],
    ['a digest of another kind', { path: 'a', size: 1, sha256: 'ab'.repeat(16) }, /^malformed: .*SHA-256/],
    ['no size', { path: 'a', sha256: digest }, /^malformed: .*size/],
    ['nothing in it', { path: 'a', sha256: digest, size: 0 }, /^malformed: .*size/],
    ['a size below nothing', { path: 'a', sha256: digest, size: -1 }, /^malformed: .*size/],
    ['a size beyond counting', { path: 'a', sha256: digest, size: 1e300 }, /^malformed: .*size/],
    ['a size as text', { path: 'a', sha256: digest, size: '1' }, /^malformed: .*size/],
    ['a path that leads out', { path: '../x', sha256: digest, size: 1 }, /^unsafe: .*leads out/],
    ['a path from the root', { path: '/x', sha256: digest, size: 1 }, /^unsafe: .*at the root/],
    ['no file', 'x', /^malformed/],
  ]
  for (const [claim, item, because] of cases) {
    const version = { name: '1', items: { kernel: item } }
    t.match(
      told(() => readItem(version, 'kernel', 'a')),
      because,
      claim,
    )
  }
  t.match(
    told(() => readItem({ name: '1', items: {} }, 'toString', 'a')),
    /^missing: a 1 has no toString/,
  )
})

t.test('names that mean something to JavaScript are names like any other', async (t) => {
  const text = productsOf({ a: { versions: {} } }).replace(
    '"a"',
    '"__proto__": {"arch": "evil", "versions": {"1": {"items": {}}}}, "a"',
  )
  const products = readProducts(text, stream)
  t.notOk(products.some(({ name, tags }) => name === 'a' && tags.has('arch')))
  t.equal(Reflect.get({}, 'arch'), undefined)
})
