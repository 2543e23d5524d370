// Images synced from nginx, by http and https, straight and through tinyproxy.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Upstream as CatalogueUpstream } from '../../server/images/catalogue.ts'
import type { BlobStore } from '../../server/images/blob-store.ts'
import { syncImages } from '../../server/images/sync-images.ts'
import type { SyncOutcome } from '../../server/images/sync-report.ts'
import { urlClient } from '../../server/listen/url-client.ts'
import type { Proxies } from '../../server/listen/way-to.ts'
import { aSigner } from '../images/a-signer.ts'
import { aStore, digestOf, someBytes } from '../images/a-store.ts'
import { catalogueOf, ephemeral, ephemeralStream, publishStreams } from '../images/a-stream.ts'
import { anUpstream } from '../images/an-upstream.ts'
import { until } from './a-box.ts'
import { needs } from './needs.ts'

const needed = needs('nginx', 'tinyproxy', 'openssl')
const name = 'ubuntu-24.04-amd64'
const squashfs = someBytes(6 * 1024 * 1024)

type Site = {
  readonly folder: string
  readonly http: number
  readonly https: number
  readonly proxy: number
  readonly certificate: string
  log(file: 'nginx' | 'tinyproxy'): string
  sync(
    t: Test,
    other: { readonly scheme: 'http' | 'https'; readonly proxies?: Proxies; readonly store?: BlobStore },
  ): Promise<SyncOutcome>
}

/** A mirror served by nginx, and a proxy that wants a name and a password. */
async function aSite(t: Test): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-site-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
  const signer = await aSigner('site')
  const catalogue = await publishedIn(join(folder, 'files'), signer)
  const [http, https, proxy] = [await freePort(), await freePort(), await freePort()]
  execFileSync('openssl', [
    ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=mirror'.split(
      ' ',
    ),
    '-addext',
    'subjectAltName=DNS:localhost',
    '-keyout',
    join(folder, 'key.pem'),
    '-out',
    join(folder, 'certificate.pem'),
  ])
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join(' ')
  writeFileSync(
    join(folder, 'nginx.conf'),
    [
      `user root; daemon off; error_log ${folder}/nginx-error.log; pid ${folder}/nginx.pid;`,
      'events { worker_connections 64; }',
      `http { ${temporary} access_log ${folder}/nginx.log; gzip on; gzip_types *; gzip_min_length 0;`,
      `server { listen 127.0.0.1:${http}; listen 127.0.0.1:${https} ssl; root ${folder}/files;`,
      `ssl_certificate ${folder}/certificate.pem; ssl_certificate_key ${folder}/key.pem; } }`,
    ].join('\n'),
  )
  writeFileSync(
    join(folder, 'tinyproxy.conf'),
    [
      `Port ${proxy}`,
      'Listen 127.0.0.1',
      'Allow 127.0.0.1',
      'BasicAuth site s3cret',
      `LogFile "${folder}/tinyproxy.log"`,
      'LogLevel Connect',
    ].join('\n'),
  )
  await running(
    t,
    spawn('nginx', ['-c', join(folder, 'nginx.conf'), '-e', '/dev/null'], { stdio: 'ignore' }),
    http,
  )
  await running(
    t,
    spawn('tinyproxy', ['-d', '-c', join(folder, 'tinyproxy.conf')], { stdio: 'ignore' }),
    proxy,
  )
  const certificate = readFileSync(join(folder, 'certificate.pem'), 'utf8')
  let stores = 0
  return {
    folder,
    http,
    https,
    proxy,
    certificate,
    log: (file) => readFileSync(join(folder, `${file}.log`), 'utf8'),
    async sync(t, { scheme, proxies = {}, store }) {
      const base = `${scheme}://localhost:${scheme === 'http' ? http : https}/` as CatalogueUpstream['base']
      const opened = store === undefined ? await aStore(join(folder, `store-${(stores += 1)}`)) : undefined
      if (opened !== undefined) t.teardown(() => opened[Symbol.dispose]())
      return await syncImages(
        { upstreams: [{ ...catalogue, base, files: base }], images: [name], versions: 1 },
        {
          store: store ?? opened ?? (await aStore(folder)),
          openUrl: urlClient({ userAgent: 'ironwake/test', proxies, authorities: [certificate] }),
          now: Date.now,
          wait: async () => {},
          chance: () => 0.5,
          over: new AbortController().signal,
          readKeyring: async () => signer.keyringFile,
          downloads: 3,
          rate: undefined,
          prepare: async (manifest) => manifest,
          report() {},
        },
      )
    },
  }
}

/** Writes what a test upstream would serve into a folder. */
async function publishedIn(
  folder: string,
  signer: Awaited<ReturnType<typeof aSigner>>,
): Promise<CatalogueUpstream> {
  await using upstream = await anUpstream()
  const files = { kernel: someBytes(90_000), initrd: someBytes(80_000), squashfs }
  const products = ephemeral('24.04', 'amd64', 'ga-24.04', { '20250709': files })
  await publishStreams(upstream, signer, { [ephemeralStream]: products })
  for (const path of upstream.paths()) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), upstream.bytesOf(path))
  }
  return catalogueOf('images-maas-io', upstream, signer)
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('it listens on a port')
  return address.port
}

async function running(t: Test, child: ChildProcess, port: number): Promise<void> {
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  for (let attempt = 0; attempt < 1_200 && child.exitCode === null; attempt++) {
    const socket = connect(port, '127.0.0.1')
    const isThere = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (isThere === true) return
    await pause(50)
  }
  throw new Error(`nobody listens on port ${port}`)
}

t.test('images come from nginx, by every way', needed, async (t) => {
  const site = await aSite(t)
  const proxy = `http://site:s3cret@127.0.0.1:${site.proxy}`
  for (const scheme of ['http', 'https'] as const) {
    for (const proxies of [{}, { http: proxy, https: proxy }]) {
      const way = `by ${scheme}, ${'http' in proxies ? 'through tinyproxy' : 'straight'}`
      const outcome = await site.sync(t, { scheme, proxies })
      t.strictSame(outcome.refused, [], way)
      t.match(outcome.published, [{ name, version: '20250709' }], way)
    }
  }
  for (const asked of [/GET http:\/\/localhost:[0-9]+\/streams\/v1\/index.sjson/, /CONNECT localhost:[0-9]+/])
    await until(`tinyproxy has written ${asked}`, () => asked.test(site.log('tinyproxy')))
})

t.test('nginx goes on where an earlier run stopped', needed, async (t) => {
  const site = await aSite(t)
  using store = await aStore(join(site.folder, 'store'))
  const receiving = await store.receive({ sha256: digestOf(squashfs), byteCount: squashfs.length })
  await receiving.write(squashfs.subarray(0, 5_000_000))
  await receiving.pause()
  t.equal((await site.sync(t, { scheme: 'http', store })).published.length, 1)
  const rest = squashfs.length - 5_000_000
  // It writes that down when it has sent the last byte.
  const line = `GET /noble/amd64/20250709/squashfs HTTP/1.1" 206 ${rest} `
  await until('the rest alone was asked for', () => site.log('nginx').includes(line))
})

t.test('a proxy that is not told its password is told of', needed, async (t) => {
  const site = await aSite(t)
  const proxy = `http://127.0.0.1:${site.proxy}`
  const byHttp = await site.sync(t, { scheme: 'http', proxies: { http: proxy } })
  t.match(byHttp.refused, [{ because: /The proxy does not let the box through \(407\)/ }])
  const byHttps = await site.sync(t, { scheme: 'https', proxies: { https: proxy } })
  t.match(byHttps.refused, [{ because: /The proxy does not lead to localhost:[0-9]+: it answers with 407/ }])
})
