// How fast an image is synced, beside curl and sha256sum with the same file from the same server, and how much memory a
// large one takes. By hand: node test/bench/sync.ts [MiB, 1024] [rounds, 3] [GiB of the large one, 10] [folder, /tmp]
// Needs Debian's packages nginx, curl and openssl. The folder needs room for twice the file, and for the large one.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  createReadStream,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { syncFromUpstreams } from '../../server/appliance/sync-from-upstreams.ts'
import { openBlobStore } from '../../server/images/open-blob-store.ts'
import { parseUpstreamBase } from '../../server/config/upstream-base.ts'
import { lockFile } from '../../server/store/file-lock.ts'
import { aConfig } from '../appliance/a-config.ts'
import { aSigner } from '../images/a-signer.ts'

const stream = 'com.ubuntu.maas:stable:v3:download'
const image = 'ubuntu-24.04-amd64'
const self = fileURLToPath(import.meta.url)

type Ended = { readonly seconds: number; readonly peakMiB: number; readonly cpuSeconds: number }

if (process.argv[2] === 'child') await synced(process.argv[3] ?? '', process.argv[4] ?? '')
else await measured()

/** The part that runs as a process of its own: one sync into an empty store. */
async function synced(url: string, folder: string): Promise<void> {
  const base = parseUpstreamBase(url)
  if (base === undefined) throw new Error('this is a base')
  const config = aConfig()
  using store = await openBlobStore(join(folder, 'store'), { lock: lockFile })
  const began = performance.now()
  const outcome = await syncFromUpstreams(
    {
      ...config,
      imageSync: {
        ...config.imageSync,
        images: [image],
        mirrors: [{ of: 'images.maas.io', base, files: base, keyring: join(folder, 'keyring.gpg') }],
      },
    },
    {
      store,
      prepare: async (manifest) => manifest,
      report() {},
      over: new AbortController().signal,
      environment: {},
    },
  )
  if (outcome.published.length !== 1) throw new Error(JSON.stringify(outcome.refused))
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage()
  const peakMiB = Number(/VmHWM:\s+([0-9]+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024
  const ended: Ended = { seconds, peakMiB, cpuSeconds: (user + system) / 1e6 }
  console.log(JSON.stringify(ended))
}

async function measured(): Promise<void> {
  const [mebibytes = 1024, rounds = 3, gibibytes = 10] = process.argv.slice(2, 5).map(Number)
  const folder = mkdtempSync(join(process.argv[5] ?? tmpdir(), 'ironwake-sync-'))
  try {
    const { url, secureUrl, server } = await upstreamIn(folder)
    try {
      await throughput(folder, url, mebibytes, rounds)
      if (gibibytes > 0) {
        await memory(folder, url, gibibytes)
        await memory(folder, secureUrl, gibibytes)
      }
    } finally {
      server.kill()
      await once(server, 'exit')
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function throughput(folder: string, url: string, mebibytes: number, rounds: number): Promise<void> {
  await put(folder, await randomFile(join(folder, 'files', 'squashfs'), mebibytes))
  const file = `${url}squashfs`
  const out = join(folder, 'curl')
  const ways: readonly (readonly [string, () => Promise<number>])[] = [
    [
      'sync',
      async () => {
        const { seconds, cpuSeconds, peakMiB } = await child(url, folder)
        console.error(`  ${cpuSeconds.toFixed(2)} s of processor time, peak ${peakMiB.toFixed(0)} MiB`)
        return seconds
      },
    ],
    ['curl, then sha256sum', async () => shell(`curl -sfo ${out} ${file} && sha256sum ${out}`, out)],
    [
      'the same, then fsync',
      async () => shell(`curl -sfo ${out} ${file} && sha256sum ${out} && sync ${out}`, out),
    ],
    ['curl | tee | sha256sum', async () => shell(`curl -sf ${file} | tee ${out} | sha256sum`, out)],
  ]
  const seconds = new Map<string, number[]>()
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of ways) {
      const took = await run()
      seconds.set(name, [...(seconds.get(name) ?? []), took])
      console.error(`round ${round + 1}: ${name}, ${took.toFixed(2)} s`)
    }
  }
  console.log(`one file of ${mebibytes} MiB by http over loopback, ${rounds} rounds in turn; MB/s\n`)
  console.log('                         median   best   sync is so much of it, in each round')
  const own = seconds.get('sync') ?? []
  for (const [name, all] of seconds) {
    const rate = (took: number): string => ((mebibytes * 1.048576) / took).toFixed(0)
    const ratios = all.map((took, round) => took / (own[round] ?? took))
    const said = `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`
    console.log(
      `${name.padEnd(24)} ${rate(median(all)).padStart(6)} ${rate(Math.min(...all)).padStart(6)}   ${said}`,
    )
  }
}

async function memory(folder: string, url: string, gibibytes: number): Promise<void> {
  await put(folder, await sparseFile(join(folder, 'files', 'squashfs'), gibibytes * 1024 ** 3))
  const { seconds, peakMiB, cpuSeconds } = await child(url, folder)
  const rate = (gibibytes * 1024 ** 3) / 1e6 / seconds
  console.log(
    `\na file of ${gibibytes} GiB by ${new URL(url).protocol} ${rate.toFixed(0)} MB/s, peak ${peakMiB.toFixed(0)} MiB, ${cpuSeconds.toFixed(0)} s of processor time`,
  )
}

type Content = { readonly sha256: string; readonly size: number }

async function randomFile(path: string, mebibytes: number): Promise<Content> {
  await using file = await open(path, 'w')
  const hash = createHash('sha256')
  for (let at = 0; at < mebibytes; at++) {
    const bytes = randomBytes(1024 * 1024)
    hash.update(bytes)
    await file.write(bytes)
  }
  return { sha256: hash.digest('hex'), size: mebibytes * 1024 * 1024 }
}

async function sparseFile(path: string, size: number): Promise<Content> {
  rmSync(path, { force: true })
  writeFileSync(path, '')
  truncateSync(path, size)
  const hash = createHash('sha256')
  for await (const bytes of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(bytes)
  return { sha256: hash.digest('hex'), size }
}

/** Kernel and initrd are small; the squashfs is what takes time. */
async function put(folder: string, squashfs: Content): Promise<void> {
  const signer = await aSigner('bench')
  writeFileSync(join(folder, 'keyring.gpg'), signer.keyringFile)
  const small = (name: string): object => {
    const bytes = Buffer.from(name)
    writeFileSync(join(folder, 'files', name), bytes)
    return { path: name, sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length }
  }
  const items = {
    'boot-kernel': small('kernel'),
    'boot-initrd': small('initrd'),
    squashfs: { path: 'squashfs', ...squashfs },
  }
  const product = {
    os: 'ubuntu',
    arch: 'amd64',
    version: '24.04',
    subarch: 'ga-24.04',
    versions: { '1': { items } },
  }
  const path = 'streams/v1/list.sjson'
  const documents = {
    'index.sjson': { format: 'index:1.0', index: { [stream]: { path } } },
    'list.sjson': { format: 'products:1.0', content_id: stream, products: { noble: product } },
  }
  mkdirSync(join(folder, 'files', 'streams', 'v1'), { recursive: true })
  for (const [name, value] of Object.entries(documents)) {
    writeFileSync(join(folder, 'files', 'streams', 'v1', name), await signer.clearSign(JSON.stringify(value)))
  }
}

async function child(url: string, folder: string): Promise<Ended> {
  const running = spawn(process.execPath, [self, 'child', url, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'certificate.pem') },
  })
  const parts: Buffer[] = []
  for await (const part of running.stdout) parts.push(part)
  if (running.exitCode === null) await once(running, 'exit')
  rmSync(join(folder, 'store'), { recursive: true, force: true })
  return JSON.parse(Buffer.concat(parts).toString()) as Ended
}

function shell(command: string, out: string): number {
  const began = performance.now()
  execFileSync('sh', ['-c', `set -e; ${command} >/dev/null`])
  const seconds = (performance.now() - began) / 1000
  rmSync(out, { force: true })
  return seconds
}

async function upstreamIn(
  folder: string,
): Promise<{ readonly url: string; readonly secureUrl: string; readonly server: ChildProcess }> {
  const [port, securePort] = [await freePort(), await freePort()]
  mkdirSync(join(folder, 'files'))
  execFileSync(
    'openssl',
    [
      ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x'.split(' '),
      ...'-addext subjectAltName=DNS:localhost -keyout key.pem -out certificate.pem'.split(' '),
    ],
    { cwd: folder, stdio: 'ignore' },
  )
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ')
  const conf = join(folder, 'nginx.conf')
  const lines = [
    'user root; daemon off; worker_processes 1; error_log /dev/null; events { worker_connections 64; }',
    `pid ${folder}/nginx.pid;`,
    `http { access_log off; sendfile on; tcp_nopush on; ${temporary}`,
    `server { listen 127.0.0.1:${port}; listen 127.0.0.1:${securePort} ssl; root ${folder}/files;`,
    `ssl_certificate ${folder}/certificate.pem; ssl_certificate_key ${folder}/key.pem; } }`,
  ]
  writeFileSync(conf, lines.join('\n'))
  const server = spawn('nginx', ['-c', conf, '-e', '/dev/null'], { stdio: 'ignore' })
  const url = `http://localhost:${port}/`
  execFileSync('curl', [
    '-so',
    '/dev/null',
    '--retry',
    '20',
    '--retry-delay',
    '1',
    '--retry-connrefused',
    url,
  ])
  return { url, secureUrl: `https://localhost:${securePort}/`, server }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
