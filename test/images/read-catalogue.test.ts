import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { matchTemplate } from '../../server/images/image-template.ts'
import { readCatalogue } from '../../server/images/read-catalogue.ts'
import { readKeyring } from '../../server/images/keyring.ts'
import { wishesOf } from '../../server/images/wish.ts'

const catalogue = new URL('../../images/catalogue/', import.meta.url)
const keyrings = fileURLToPath(new URL('../../images/keyrings/', import.meta.url))

const upstreams = readdirSync(catalogue).map((file) => {
  const read = readCatalogue(readFileSync(new URL(file, catalogue), 'utf8'), file, keyrings)
  if (read.kind === 'mistakes') throw new Error(`${file}: ${JSON.stringify(read.mistakes)}`)
  return read.upstream
})

t.test('each upstream of the catalogue is read, by https, with keys that its keyring holds', async (t) => {
  t.strictSame(upstreams.map(({ name }) => name).toSorted(), [
    'cdimage.ubuntu.com',
    'cloud-images.ubuntu.com',
    'images.maas.io',
    'releases.ubuntu.com',
  ])
  for (const { name, base, files, keyring } of upstreams) {
    t.match(base, /^https:/, name)
    t.match(files, /^https:/, name)
    t.ok(existsSync(keyring.file), keyring.file)
    const ring = await readKeyring(readFileSync(keyring.file), keyring.file, keyring.fingerprints)
    t.equal(ring.keys.length, keyring.fingerprints.length)
    t.ok(ring.keys.length > 0)
  }
})

t.test('Ubuntu of today and of later is in it, for both architectures, with each kernel', async (t) => {
  const kernels = ['', '-hwe', '-realtime']
  for (const release of ['22.04', '24.04', '26.04', '28.04', '26.10']) {
    for (const arch of ['amd64', 'arm64']) {
      const names = [...kernels, '-disk', '-iso'].map((what) => `ubuntu-${release}${what}-${arch}`)
      for (const name of [...names, `bootloaders-${arch}`]) t.equal(wishesOf(name, upstreams).length, 1, name)
    }
  }
  for (const name of ['ubuntu-22.04-lowlatency-amd64', 'ubuntu-24.04-hwe-lowlatency-arm64'])
    t.equal(wishesOf(name, upstreams).length, 1, name)
  t.equal(wishesOf('ubuntu-24.04-iso-*', upstreams).length, 2, 'from two upstreams')
})

t.test('the documentation lists every name', async (t) => {
  const text = readFileSync(new URL('../../docs/image-sync.md', import.meta.url), 'utf8')
  for (const { name } of upstreams.flatMap(({ images }) => images)) {
    t.ok(text.includes(`\`${name.replace('{release}', 'RELEASE').replace('{arch}', 'ARCH')}\``), name)
  }
  for (const { name } of upstreams) t.ok(text.includes(name), name)
})

t.test('a name is read as one of its template, and of no other', async (t) => {
  const [ga, hwe, boot] = ['ubuntu-{release}-{arch}', 'ubuntu-{release}-hwe-{arch}', 'bootloaders-{arch}']
  const cases: readonly (readonly [string, string, unknown])[] = [
    [ga, 'ubuntu-24.04-amd64', { release: '24.04', architecture: 'amd64' }],
    [ga, 'ubuntu-*-arm64', { release: 'any', architecture: 'arm64' }],
    [ga, 'ubuntu-24.04-*', { release: '24.04', architecture: 'any' }],
    [ga, 'ubuntu-24.04-hwe-amd64', undefined],
    [ga, 'ubuntu-24.05-amd64', undefined],
    [ga, 'ubuntu-24x04-amd64', undefined],
    [ga, 'ubuntu-noble-amd64', undefined],
    [ga, 'xubuntu-24.04-amd64', undefined],
    [ga, 'ubuntu-24.04-amd64\n', undefined],
    [hwe, 'ubuntu-*-hwe-*', { release: 'any', architecture: 'any' }],
    [hwe, 'ubuntu-24.04-amd64', undefined],
    [boot, 'bootloaders-amd64', { release: undefined, architecture: 'amd64' }],
  ]
  for (const [template, name, filling] of cases) t.strictSame(matchTemplate(template, name), filling, name)
})

const fixture = new URL('../fixtures/images/catalogue_invalid.txt', import.meta.url)
const [, good = '', ...cases] = readFileSync(fixture, 'utf8').split(/^=== /m)

t.test('each mistake of a catalogue is told with its line, its reason and what to do', async (t) => {
  const text = good.slice('good\n'.length).trimEnd() + '\n'
  t.equal(readCatalogue(text, 'mirror.yaml', '/keys').kind, 'upstream', 'without a mistake it is read')
  t.ok(cases.length > 20, `${cases.length} cases`)
  for (const one of cases) {
    const [name = '', ...lines] = one.trimEnd().split('\n')
    const part = (mark: string) => lines.find((line) => line.startsWith(mark))?.slice(4) ?? ''
    t.ok(text.includes(part('<<<')), `${name}: the good file has what is replaced`)
    const read = readCatalogue(text.replace(part('<<<'), part('>>>')), 'mirror.yaml', '/keys')
    const told = read.kind === 'mistakes' ? read.mistakes : []
    const written = told.map(({ line, column, path, because, nextStep }) =>
      [`${line}:${column} ${path}`, because, ...(nextStep === undefined ? [] : [nextStep])].join(' | '),
    )
    const wanted = lines.filter((line) => line.startsWith('--- ')).map((line) => line.slice(4))
    t.strictSame(written, wanted, name)
  }
})
