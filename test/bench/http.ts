// Image delivery at 1, 16 and 64 clients: Ironwake and nginx with sendfile in turn, loaded by wrk across a veth pair.
// By hand, as root: node test/bench/http.ts [seconds per run, 5] [rounds, 3]
// Needs Debian's packages nginx and wrk; their programs are taken from PATH.

import type { ChildProcess } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openNetworkNamespace, type NetworkNamespace } from '../../server/demo/network-namespace.ts'

const seconds = Number(process.argv[2] ?? 5)
const rounds = Number(process.argv[3] ?? 3)
const clients = [1, 16, 64]
const imageBytes = 64 * 1024 * 1024
const program = fileURLToPath(new URL('../../ironwake', import.meta.url))

type Run = { readonly bytesPerSecond: number; readonly cpuPerGb: number; readonly peakMiB: number }
type Server = {
  readonly name: string
  readonly url: string
  readonly start: (box: NetworkNamespace, folder: string) => ChildProcess
  /** Words of the command line of the process that sends. */
  readonly sender: RegExp
}

const servers: readonly Server[] = [
  {
    name: 'ironwake',
    url: 'http://10.99.0.1:8081/images/bench/squashfs',
    sender: /deliver\.ts/,
    start(box, folder) {
      const settings = join(folder, 'ironwake.yaml')
      const network = '{name: lab, interface: lab, mode: full, pool: 10.99.0.100-10.99.0.200}'
      writeFileSync(
        settings,
        `data: ./data\nnetworks: [${network}]\nimages: [{name: bench, folder: ./bench}]\n`,
      )
      return box.start([program, 'serve', '--settings', settings], { stdio: 'ignore' })
    },
  },
  {
    name: 'nginx',
    url: 'http://10.99.0.1:8090/bench/squashfs',
    sender: /nginx: worker/,
    start(box, folder) {
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((name) => `${name}_temp_path ${folder}/${name};`)
        .join(' ')
      const conf = join(folder, 'nginx.conf')
      const lines = [
        'user root; daemon off; worker_processes 1; error_log /dev/null; events { worker_connections 1024; }',
        `pid ${folder}/nginx.pid;`,
        `http { access_log off; sendfile on; tcp_nopush on; ${temporary}`,
        `server { listen 10.99.0.1:8090; root ${folder}; } }`,
      ]
      writeFileSync(conf, lines.join('\n'))
      return box.start(['nginx', '-c', conf, '-e', '/dev/null'], { stdio: 'ignore' })
    },
  },
]

const results = new Map<string, Run[]>()
for (let round = 0; round < rounds; round++) {
  for (const count of clients) {
    for (const server of servers) {
      const run = await measured(server, count)
      const key = `${server.name} ${count}`
      results.set(key, [...(results.get(key) ?? []), run])
      console.error(`round ${round + 1}: ${key} clients, ${(run.bytesPerSecond / 1e6).toFixed(0)} MB/s`)
    }
  }
}

console.log(`an image of 64 MiB, ${seconds} s a run, median of ${rounds} rounds in turn\n`)
console.log('clients  server    MB/s  CPU s/GB  peak MiB')
for (const count of clients) {
  for (const { name } of servers) {
    const runs = results.get(`${name} ${count}`) ?? []
    const cells = [
      String(count).padStart(7),
      name.padEnd(8),
      (median(runs.map((run) => run.bytesPerSecond)) / 1e6).toFixed(0).padStart(5),
      median(runs.map((run) => run.cpuPerGb))
        .toFixed(3)
        .padStart(8),
      median(runs.map((run) => run.peakMiB))
        .toFixed(0)
        .padStart(8),
    ]
    console.log(cells.join('  '))
  }
}

async function measured(server: Server, count: number): Promise<Run> {
  await using box = await openNetworkNamespace([{ name: 'lab', addresses: ['10.99.0.1/24'] }])
  const client = await box.addNeighbour('lab')
  await client.run(['ip', 'address', 'add', '10.99.0.2/24', 'dev', 'eth0'])
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-bench-'))
  mkdirSync(join(folder, 'bench'))
  writeFileSync(join(folder, 'bench', 'squashfs'), randomFillSync(Buffer.allocUnsafe(imageBytes)))
  const child = server.start(box, folder)
  try {
    await answering(client, server.url)
    const pid = await senderIn(box, server.sender)
    const before = cpuSeconds(pid)
    const words = ['-t1', `-c${count}`, `-d${seconds}s`, '--timeout', '60s', server.url]
    const { stdout } = await client.run(['wrk', ...words])
    const bytesPerSecond = transferred(stdout)
    const used = cpuSeconds(pid) - before
    const peakMiB =
      Number(/VmHWM:\s+([0-9]+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
    return { bytesPerSecond, cpuPerGb: used / ((bytesPerSecond * seconds) / 1e9), peakMiB }
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    if (child.exitCode === null) child.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
}

async function answering(client: NetworkNamespace, url: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const said = await client.run(['curl', '-sfo', '/dev/null', '-m', '2', url]).catch(() => undefined)
    if (said !== undefined) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${url} does not answer`)
}

async function senderIn(box: NetworkNamespace, line: RegExp): Promise<number> {
  const { stdout } = await box.run(['ip', 'netns', 'pids', box.name])
  const pid = stdout
    .split('\n')
    .find((one) => one !== '' && line.test(readFileSync(`/proc/${one}/cmdline`, 'utf8')))
  if (pid === undefined) throw new Error(`no process ${line.source}`)
  return Number(pid)
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(stat[11]) + Number(stat[12])) / 100
}

/** wrk counts in 1024s, and the bytes of bodies that were still under way as well. */
function transferred(text: string): number {
  const [, amount = '', unit = ''] = /Transfer\/sec:\s+([0-9.]+)([KMGT]?)B/.exec(text) ?? []
  if (amount === '') throw new Error(`wrk said: ${text}`)
  return Number(amount) * 1024 ** ' KMGT'.indexOf(unit === '' ? ' ' : unit)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
