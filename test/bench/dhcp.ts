// Full exchanges (DISCOVER to ACK) a second: Ironwake, dnsmasq and Kea in turn, loaded by perfdhcp across a veth pair.
// By hand, as root: node test/bench/dhcp.ts [seconds per run, 5] [rounds, 3] [clients, 3000] [rates, 2000,5000,10000]
// Ironwake runs twice, with its probes of addresses (the default) and without. With as many clients as exchanges, no client
// comes twice and each needs a probe.
// Needs Debian's packages kea-dhcp4-server, kea-admin, dnsmasq-base.

import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openNetworkNamespace, type NetworkNamespace } from '../../server/demo/network-namespace.ts'

type Server = {
  readonly name: string
  readonly start: (box: NetworkNamespace, folder: string) => ChildProcess
}
type Run = {
  readonly acknowledged: number
  readonly lost: number
  readonly cpuSeconds: number
  readonly rss: number
}

const seconds = Number(process.argv[2] ?? 5)
const rounds = Number(process.argv[3] ?? 3)
const clients = Number(process.argv[4] ?? 3_000)
const rates = (process.argv[5] ?? '2000,5000,10000').split(',').map(Number)
/** Room for every client, and no more than that takes: a large range makes dnsmasq slow. */
const lastAddress = clients <= 10_000 ? '10.99.40.255' : '10.99.120.255'
const program = fileURLToPath(new URL('../../ironwake', import.meta.url))

const servers: readonly Server[] = [
  { name: 'ironwake', start: (box, folder) => ironwake(box, folder, 'probe: true') },
  { name: 'unprobed', start: (box, folder) => ironwake(box, folder, 'probe: false') },
  {
    name: 'dnsmasq',
    start(box, folder) {
      const words = ['--keep-in-foreground', '--port=0', '--conf-file=/dev/null', '--user=root', '--no-ping']
      const range = `--dhcp-range=10.99.1.0,${lastAddress},255.255.0.0,12h`
      const leases = [`--dhcp-leasefile=${join(folder, 'leases')}`, '--dhcp-lease-max=20000', '--quiet-dhcp']
      const pid = `--pid-file=${join(folder, 'pid')}`
      return box.start(['dnsmasq', ...words, range, ...leases, pid], { stdio: 'ignore' })
    },
  },
  {
    name: 'kea',
    start(box, folder) {
      const conf = join(folder, 'kea.json')
      mkdirSync('/run/kea', { recursive: true })
      const lease = { type: 'memfile', persist: true, name: join(folder, 'leases.csv'), 'lfc-interval': 0 }
      const subnet = { id: 1, subnet: '10.99.0.0/16', pools: [{ pool: `10.99.1.0 - ${lastAddress}` }] }
      const Dhcp4 = {
        'interfaces-config': { interfaces: ['lab'] },
        'lease-database': lease,
        'valid-lifetime': 43_200,
        subnet4: [subnet],
        loggers: [{ name: 'kea-dhcp4', severity: 'ERROR', output_options: [{ output: '/dev/null' }] }],
      }
      writeFileSync(conf, JSON.stringify({ Dhcp4 }))
      return box.start(['kea-dhcp4', '-c', conf], { stdio: 'ignore' })
    },
  },
]

function ironwake(box: NetworkNamespace, folder: string, more: string): ChildProcess {
  const settings = join(folder, 'ironwake.yaml')
  const words = `{name: lab, interface: lab, mode: full, authoritative: true, pool: 10.99.1.0-${lastAddress}, ${more}}`
  writeFileSync(settings, `data: ./data\nnetworks: [${words}]\n`)
  return box.start([program, 'serve', '--settings', settings], { stdio: 'ignore' })
}

const results = new Map<string, Run[]>()
for (let round = 0; round < rounds; round++) {
  for (const rate of rates) {
    for (const server of servers) {
      const run = await measured(server, rate)
      const key = `${server.name} ${rate}`
      results.set(key, [...(results.get(key) ?? []), run])
      console.error(`round ${round + 1}: ${key} offered, ${run.acknowledged} acknowledged a second`)
    }
  }
}

console.log(`${clients} clients, ${seconds} s a run, median of ${rounds} rounds in turn\n`)
console.log('offered/s  server    ACKs/s   lost %  CPU µs/exchange  RSS MB')
for (const rate of rates) {
  for (const { name } of servers) {
    const runs = results.get(`${name} ${rate}`) ?? []
    const done = median(runs.map((run) => run.acknowledged))
    const cpu = median(runs.map((run) => (run.cpuSeconds / Math.max(1, run.acknowledged * seconds)) * 1e6))
    const cells = [
      String(rate).padStart(9),
      name.padEnd(8),
      String(done).padStart(7),
      median(runs.map((run) => run.lost))
        .toFixed(1)
        .padStart(7),
      cpu.toFixed(0).padStart(16),
      (median(runs.map((run) => run.rss)) / 1024).toFixed(0).padStart(7),
    ]
    console.log(cells.join('  '))
  }
}

async function measured(server: Server, rate: number): Promise<Run> {
  await using box = await openNetworkNamespace([{ name: 'lab', addresses: ['10.99.0.1/16'] }])
  const client = await box.addNeighbour('lab')
  await client.run(['ip', 'address', 'add', '10.99.0.2/16', 'dev', 'eth0'])
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-bench-'))
  const child = server.start(box, folder)
  try {
    await answering(client)
    const before = await usage(box)
    const count = String(rate * seconds)
    const words = [
      '-4',
      '-l',
      'eth0',
      '-r',
      String(rate),
      '-R',
      String(clients),
      '-n',
      count,
      '-W',
      '1000000',
    ]
    const said = await perfdhcp(client, words)
    const after = await usage(box)
    return { ...counted(said.stdout), cpuSeconds: after.cpuSeconds - before.cpuSeconds, rss: after.rss }
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    if (child.exitCode === null) child.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Waits until one exchange goes through. */
async function answering(client: NetworkNamespace): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const words = ['-4', '-l', 'eth0', '-r', '10', '-R', '1', '-n', '5', '-W', '500000']
    const said = await perfdhcp(client, words).catch(() => undefined)
    if (said !== undefined && counted(said.stdout).lost < 100) return
  }
  throw new Error('the server did not answer')
}

async function perfdhcp(client: NetworkNamespace, words: readonly string[]): Promise<{ stdout: string }> {
  return await client.run(['timeout', '60', 'perfdhcp', ...words]).catch((error: unknown) => {
    // Exit status 3: some exchanges were not completed, which is what is counted.
    if (typeof error === 'object' && error !== null && 'stdout' in error)
      return { stdout: String(error.stdout) }
    throw error
  })
}

/** ACKs a second of the whole run, and the share of exchanges that did not come to one. */
function counted(text: string): { acknowledged: number; lost: number } {
  const [, exchanges = ''] = text.split('***Statistics for: REQUEST-ACK***')
  const received = Number(/received packets: ([0-9]+)/.exec(exchanges)?.[1] ?? 0)
  const [, discovers = ''] = text.split('***Statistics for: DISCOVER-OFFER***')
  const sent = Number(/sent packets: ([0-9]+)/.exec(discovers)?.[1] ?? 0)
  const rate = Number(/Rate: ([0-9.]+)/.exec(text)?.[1] ?? 0)
  return { acknowledged: Math.round(rate), lost: sent === 0 ? 100 : (1 - received / sent) * 100 }
}

/** CPU time and memory of everything that runs in the namespace but the measuring itself. */
async function usage(box: NetworkNamespace): Promise<{ cpuSeconds: number; rss: number }> {
  const { stdout } = await box.run(['ip', 'netns', 'pids', box.name])
  let [cpuSeconds, rss] = [0, 0]
  for (const pid of stdout.split('\n').filter((line) => line !== '')) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ')
      cpuSeconds += (Number(stat[11]) + Number(stat[12])) / 100
      rss = Math.max(
        rss,
        Number(/VmRSS:\s+([0-9]+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
      )
    } catch {
      // It has ended in the meantime.
    }
  }
  return { cpuSeconds, rss }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
