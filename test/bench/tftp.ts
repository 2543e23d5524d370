import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/*
 * Ironwake's TFTP beside tftpd-hpa, atftpd and dnsmasq, on loopback, asked in turn in each round; prints medians in MB/s.
 * Run by hand, as root (port 69), with tftpd-hpa and dnsmasq installed; atftpd, whose package excludes tftpd-hpa's, is
 * unpacked into a folder. The client is tftp-client.ts.
 *
 *   node test/bench/tftp.ts [--rounds 3] [--only 1428] [--long] [--loss]
 *
 * `--only` takes one block size, `--long` instead measures 500 clients with 20 MB each, `--loss` only the lossy part.
 */
type Server = {
  readonly name: string
  readonly address: string
  readonly windows: boolean
  readonly child: ChildProcess
}
type Case = {
  readonly block: number
  readonly window: number
  readonly clients: number
  readonly file: string
}
type Outcome = {
  readonly ms: number
  readonly complete: number
  readonly duplicates: number
  readonly granted: string
}

const megabyte = 1_000_000
const sizes: { readonly [file: string]: number } = { one: megabyte, twenty: 20 * megabyte }
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'ironwake-tftp-'))
const flag = (name: string) => process.argv.includes(name)
const numberAfter = (name: string) =>
  flag(name) ? Number(process.argv[process.argv.indexOf(name) + 1]) : undefined
const rounds = numberAfter('--rounds') ?? 3
const only = numberAfter('--only')

try {
  const files = join(folder, 'files')
  execFileSync('mkdir', [files])
  for (const [name, size] of Object.entries(sizes)) writeFileSync(join(files, name), randomBytes(size))
  const servers = start(files)
  try {
    await sleep(1_500)
    if (!flag('--loss')) await speed(servers, files)
    await loss(servers, files)
  } finally {
    for (const { child } of servers) child.kill('SIGTERM')
    for (const { child } of servers)
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
} finally {
  rmSync(folder, { recursive: true })
}

function start(files: string): readonly Server[] {
  const server = (
    name: string,
    last: number,
    windows: boolean,
    program: string,
    words: readonly string[],
  ): Server => {
    // The death signal ends it even when this program is cut off.
    const child = spawn('setpriv', ['--pdeathsig', 'TERM', program, ...words], { stdio: 'ignore' })
    return { name, address: `127.0.0.${last}`, windows, child }
  }
  const log = join(folder, 'dnsmasq.log')
  return [
    server('tftpd-hpa', 11, false, 'in.tftpd', [
      '--foreground',
      '--listen',
      '--secure',
      '--user=root',
      '--address=127.0.0.11:69',
      files,
    ]),
    server('atftpd', 12, true, atftpd(), [
      '--daemon',
      '--no-fork',
      '--bind-address=127.0.0.12',
      '--port=69',
      '--maxthread=2000',
      '--user=root',
      '--group=root',
      `--logfile=${join(folder, 'atftpd.log')}`,
      '--verbose=3',
      files,
    ]),
    server('dnsmasq', 13, false, 'dnsmasq', [
      '--no-daemon',
      '--port=0',
      '--enable-tftp',
      `--tftp-root=${files}`,
      '--tftp-max=2000',
      '--user=root',
      '--listen-address=127.0.0.13',
      '--bind-interfaces',
      `--log-facility=${log}`,
      '--conf-file=/dev/null',
    ]),
    server('ironwake', 14, true, process.execPath, [
      here('../interop/tftp-program.ts'),
      'lo',
      '127.0.0.14',
      files,
    ]),
  ]
}

function atftpd(): string {
  const installed = '/usr/sbin/atftpd'
  if (existsSync(installed)) return installed
  execFileSync('apt-get', ['download', 'atftpd'], { cwd: folder, stdio: 'ignore' })
  const archive = readdirSync(folder).find((name) => name.endsWith('.deb')) ?? ''
  execFileSync('dpkg-deb', ['-x', join(folder, archive), join(folder, 'atftpd')])
  return join(folder, 'atftpd/usr/sbin/atftpd')
}

async function speed(servers: readonly Server[], files: string): Promise<void> {
  const cases: Case[] = []
  const load = flag('--long')
    ? [{ clients: 500, file: 'twenty' }]
    : [
        { clients: 1, file: 'one' },
        { clients: 1, file: 'twenty' },
        { clients: 500, file: 'one' },
      ]
  for (const { clients, file } of load) {
    for (const block of only === undefined ? [512, 1428, 1468] : [only]) {
      for (const window of flag('--long') ? [4, 16] : [1, 4, 16]) cases.push({ clients, file, block, window })
    }
  }
  print(['clients', 'MB', 'block', 'window', ...servers.map(({ name }) => name)])
  for (const each of cases) {
    const figures = new Map(servers.map((server) => [server, [] as number[]]))
    for (let round = 0; round < (each.clients > 1 ? 1 : rounds); round++) {
      for (const server of servers) {
        if (each.window > 1 && !server.windows) continue
        const { ms, complete } = await fetchFrom(server, files, each, 0)
        const bytes = complete * (sizes[each.file] ?? 0)
        figures.get(server)?.push(complete === each.clients ? bytes / 1_000 / ms : Number.NaN)
      }
    }
    const row = servers.map((server) => figureOf(figures.get(server) ?? []))
    print([each.clients, (sizes[each.file] ?? 0) / megabyte, each.block, each.window, ...row])
  }
}

async function loss(servers: readonly Server[], files: string): Promise<void> {
  process.stdout.write('\nEight clients at once, 1 MB, block 1428, 2 % lost each way: completed, seconds\n')
  print(['', '', '', 'window', ...servers.map(({ name }) => name)])
  for (const window of [1, 4, 16]) {
    const row: string[] = []
    for (const server of servers) {
      if (window > 1 && !server.windows) row.push('-')
      else {
        const outcome = await fetchFrom(server, files, { clients: 8, file: 'one', block: 1428, window }, 20)
        row.push(`${outcome.complete}/8 ${(outcome.ms / 1_000).toFixed(2)}`)
      }
    }
    print(['', '', '', window, ...row])
  }
}

async function fetchFrom(
  { address }: Server,
  files: string,
  { block, window, clients, file }: Case,
  lossPerMille: number,
): Promise<Outcome> {
  const words = [
    here('tftp-client.ts'),
    address,
    '69',
    file,
    join(files, file),
    block,
    window,
    clients,
    lossPerMille,
  ]
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', process.execPath, ...words.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (part: Buffer) => (text += part.toString()))
  await once(child, 'exit')
  return text === '' ? { ms: 0, complete: 0, duplicates: 0, granted: '' } : (JSON.parse(text) as Outcome)
}

function figureOf(figures: readonly number[]): string {
  if (figures.length === 0) return '-'
  if (figures.some(Number.isNaN)) return 'failed'
  return (figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? 0).toFixed(1)
}

function print(cells: readonly (string | number)[]): void {
  process.stdout.write(`${cells.map((cell) => String(cell).padStart(10)).join('')}\n`)
}
