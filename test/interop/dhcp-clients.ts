import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'

const path = '/usr/sbin:/sbin:/usr/bin:/bin'

/** What a client told its script: `event`, and all the variables it was given. */
export type Told = { readonly event: string } & { readonly [name: string]: string | undefined }

export type Client = AsyncDisposable & {
  readonly pid: number
  readonly told: readonly Told[]
  /** All that it printed for people. */
  readonly log: () => string
  /** Resolves to the next of these events that was not awaited yet. */
  readonly next: (events: readonly string[], withinMs?: number) => Promise<Told>
  readonly signal: (name: 'SIGUSR1' | 'SIGUSR2' | 'SIGTERM' | 'SIGKILL') => void
  readonly ended: Promise<number | null>
}

/** Sets the address as a system does, then tells all variables. */
const udhcpcScript = `#!/bin/sh
case $1 in
  deconfig) ip -4 address flush dev "$interface"; ip link set "$interface" up ;;
  bound | renew) ip -4 address flush dev "$interface"; ip address add "$ip/$mask" broadcast + dev "$interface" ;;
esac
{ echo "@event=$1"; env | sed 's/^/@/'; echo '@@'; }
`

const dhclientScript = `#!/bin/sh
case $reason in
  PREINIT) ip link set "$interface" up ;;
  BOUND | REBOOT | RENEW | REBIND)
    ip -4 address flush dev "$interface"
    ip address add "$new_ip_address/$new_subnet_mask" broadcast + dev "$interface" ;;
  EXPIRE | FAIL | RELEASE | STOP) ip -4 address flush dev "$interface" ;;
esac
{ echo "@event=$reason"; env | sed 's/^/@/'; echo '@@'; }
`

/** Starts busybox's udhcpc on \`eth0\` of a neighbour. */
export async function udhcpc(neighbour: NetworkNamespace, words: readonly string[] = []): Promise<Client> {
  const folder = await mkdtemp(join(tmpdir(), 'udhcpc-'))
  const script = join(folder, 'script')
  await writeFile(script, udhcpcScript, { mode: 0o755 })
  return clientOf(neighbour, ['udhcpc', '-i', 'eth0', '-f', '-s', script, ...words], async () => {
    await rm(folder, { recursive: true, force: true, maxRetries: 10 })
  })
}

export type DhclientFiles = {
  readonly leases: string
  readonly pid: string
  readonly script: string
  readonly config: string
}

/** The files of a dhclient; its leases outlive it, as on a disk. */
export async function dhclientFiles(folder: string, config = ''): Promise<DhclientFiles> {
  const files = {
    leases: join(folder, 'dhclient.leases'),
    pid: join(folder, 'dhclient.pid'),
    script: join(folder, 'dhclient-script'),
    config: join(folder, 'dhclient.conf'),
  }
  await writeFile(files.script, dhclientScript, { mode: 0o755 })
  await writeFile(files.leases, '', { flag: 'a' })
  const patience = 'initial-delay 0; initial-interval 1; backoff-cutoff 2; timeout 30; retry 2; reboot 6;'
  await writeFile(
    files.config,
    `${patience}\nrequest subnet-mask, routers, domain-name-servers, domain-name, host-name;\n${config}\n`,
  )
  return files
}

/** Starts ISC dhclient on `eth0` of a neighbour, in the foreground. */
export function dhclient(
  neighbour: NetworkNamespace,
  { leases, pid, script, config }: DhclientFiles,
  words: readonly string[] = ['-d'],
): Client {
  const files = ['-lf', leases, '-pf', pid, '-sf', script, '-cf', config]
  return clientOf(neighbour, ['dhclient', '-4', '-v', ...words, ...files, 'eth0'], async () => {})
}

function clientOf(
  neighbour: NetworkNamespace,
  command: readonly string[],
  cleanUp: () => Promise<void>,
): Client {
  const child: ChildProcess = neighbour.start(command, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: path },
  })
  const told: Told[] = []
  const log: string[] = []
  let awaited = 0
  let wake = (): void => {}
  let variables: Record<string, string> = {}
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  if (child.stdout === null || child.stderr === null) throw new Error(`${command[0]} cannot be started`)
  createInterface(child.stdout).on('line', (line) => {
    if (line === '@@') {
      told.push(variables as Told)
      variables = {}
      wake()
    } else if (line.startsWith('@')) {
      const at = line.indexOf('=')
      if (at > 0) variables[line.slice(1, at)] ??= line.slice(at + 1)
    } else log.push(line)
  })
  createInterface(child.stderr).on('line', (line) => log.push(line))

  const found = (events: readonly string[]): Told | undefined => {
    while (awaited < told.length) {
      const one = told[awaited++]
      if (one !== undefined && events.includes(one.event)) return one
    }
    return undefined
  }
  return {
    pid: child.pid ?? 0,
    told,
    log: () => log.join('\n'),
    ended,
    signal: (name) => void child.kill(name),
    async next(events, withinMs = 60_000) {
      let late = false
      const timer = setTimeout(() => {
        late = true
        wake()
      }, withinMs)
      try {
        for (;;) {
          const one = found(events)
          if (one !== undefined) return one
          if (late) {
            const heard = told.map((one) => one.event).join(', ')
            throw new Error(
              `${events.join(' or ')} did not come within ${withinMs} ms; it told: ${heard}\n${log.join('\n')}`,
            )
          }
          await new Promise<void>((resolve) => (wake = resolve))
        }
      } finally {
        clearTimeout(timer)
      }
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
      await cleanUp()
    },
  }
}
