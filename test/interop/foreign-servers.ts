import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'

/** A DHCP server that is not ours, on `eth0` of a neighbour. Leaving its scope stops it. */
export type ForeignServer = AsyncDisposable & { readonly log: () => string }

export type ForeignPlan = {
  /** Of the server, with its prefix, as `10.86.0.2/24`. */
  readonly address: string
  readonly first: string
  readonly last: string
  /** Whether it looks first whether an address is in use: unless told otherwise dnsmasq does, for 3 s, and dhcpd, for 1 s. */
  readonly ping?: boolean
  /** What it tells clients to load, as a router does that was set up for another purpose. */
  readonly bootFile?: string
}

export type StartForeign = (neighbour: NetworkNamespace, plan: ForeignPlan) => Promise<ForeignServer>

export const startDnsmasq: StartForeign = async (neighbour, plan) =>
  await started(neighbour, plan, 'DHCP, IP range', async (folder) => [
    ...'dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --port=0 --interface=eth0'.split(
      ' ',
    ),
    '--user=root',
    '--log-dhcp',
    `--pid-file=${join(folder, 'pid')}`,
    `--dhcp-leasefile=${join(folder, 'leases')}`,
    `--dhcp-range=${plan.first},${plan.last},255.255.255.0,1h`,
    ...(plan.ping === true ? [] : ['--no-ping']),
    ...(plan.bootFile === undefined ? [] : [`--dhcp-boot=${plan.bootFile}`]),
  ])

export const startKea: StartForeign = async (neighbour, plan) =>
  await started(neighbour, plan, 'DHCP4_STARTED', async (folder) => {
    const config = join(folder, 'kea.json')
    const subnet = plan.address.replace(/\.[0-9]+\//, '.0/')
    const settings = {
      Dhcp4: {
        'interfaces-config': { interfaces: ['eth0'] },
        'lease-database': { type: 'memfile', persist: false },
        subnet4: [{ id: 1, subnet, pools: [{ pool: `${plan.first} - ${plan.last}` }] }],
        loggers: [{ name: 'kea-dhcp4', output_options: [{ output: 'stdout' }], severity: 'INFO' }],
      },
    }
    await writeFile(config, JSON.stringify(settings))
    const own = { KEA_PIDFILE_DIR: folder, KEA_LOCKFILE_DIR: folder }
    return [
      'env',
      ...Object.entries(own).map(([name, value]) => `${name}=${value}`),
      'kea-dhcp4',
      '-c',
      config,
    ]
  })

/** ISC's dhcpd. */
export const startDhcpd: StartForeign = async (neighbour, plan) =>
  await started(neighbour, plan, 'Server starting service.', async (folder) => {
    const [config, leases] = [join(folder, 'dhcpd.conf'), join(folder, 'leases')]
    const lines = [
      'authoritative;',
      'ddns-update-style none;',
      `ping-check ${plan.ping === true};`,
      `subnet ${plan.address.replace(/\.[0-9]+\/24$/, '.0')} netmask 255.255.255.0 {`,
      `  range ${plan.first} ${plan.last};`,
      '}',
      '',
    ]
    await writeFile(config, lines.join('\n'))
    await writeFile(leases, '')
    return [...'dhcpd -4 -f -d --no-pid -cf'.split(' '), config, '-lf', leases, 'eth0']
  })

const patienceMs = 60_000

async function started(
  neighbour: NetworkNamespace,
  { address }: ForeignPlan,
  ready: string,
  words: (folder: string) => Promise<readonly string[]>,
): Promise<ForeignServer> {
  const folder = await mkdtemp(join(tmpdir(), 'foreign-'))
  await neighbour.run(['ip', 'address', 'add', address, 'dev', 'eth0'])
  const env = { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' }
  const child = neighbour.start(await words(folder), { stdio: ['ignore', 'pipe', 'pipe'], env })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (log += text))
  }
  const end = performance.now() + patienceMs
  while (!log.includes(ready)) {
    if (performance.now() > end || child.exitCode !== null) throw new Error(`it did not start:\n${log}`)
    await pause(20)
  }
  return {
    log: () => log,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill('SIGKILL')
      await ended
      await rm(folder, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}
