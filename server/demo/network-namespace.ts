import { type ChildProcess, type SpawnOptions, execFile, spawn, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { isAlive } from './is-alive.ts'

const execute = promisify(execFile)

/** A network that exists only inside the namespace: a bridge, and the addresses that the box has on it. */
export type PrivateNetwork = {
  readonly name: string
  /** Addresses with their prefix, as in `10.77.0.1/24`; none for a network on which the box has no address. */
  readonly addresses: readonly string[]
}

/** The port of a bridge into which a virtual machine is plugged. */
export type Tap = { readonly device: string; readonly network: string }

/** What a command that has ended left behind. */
export type CommandEnd = { readonly stdout: string; readonly stderr: string }

/** A namespace of the kernel's network stack; nothing inside it can be reached from the host's networks. */
export type NetworkNamespace = AsyncDisposable & {
  readonly name: string
  /** The words that run a program inside the namespace; it is ended when its starter ends in any way. */
  readonly inside: (command: readonly string[]) => readonly [string, ...string[]]
  readonly run: (command: readonly string[]) => Promise<CommandEnd>
  readonly start: (command: readonly string[], options?: SpawnOptions) => ChildProcess
  readonly addTap: (network: string) => Promise<Tap>
  /**
   * A neighbour with a network stack of its own, plugged into the network by its interface `eth0`. Throws where another with this
   * address is still there: the bridge would send to the one or the other.
   */
  readonly addNeighbour: (network: string, options?: { readonly mac?: string }) => Promise<NetworkNamespace>
}

const prefix = 'ironwake'

/** A bridge that listens for groups joins one itself (RFC 4286), and so would send frames that nobody asked for. */
const quietBridge = ['forward_delay', '0', 'mcast_snooping', '0'] as const

/**
 * A bridge takes the lowest address of its ports, and nobody finds it who knew it by another: those of later ports are higher.
 * One that is given an address of its own has no carrier without a port, and so does not count as an interface.
 */
function portAddress(count: number): string {
  return `fe:00:00:00:${[count >> 8, count & 0xff].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`
}

const endings = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The kernel allows 15 characters for the name of an interface. */
const longestNetworkName = 15

/** The name of a namespace says which process owns it, so that one left by a killed process is recognised. */
export function namespaceName(owner: { readonly pid: number; readonly count: number }): string {
  return `${prefix}-${owner.pid}-${owner.count}`
}

/** The process that made the namespace of this name, or undefined when the name is not one of ours. */
export function ownerOf(namespace: string): number | undefined {
  const pid = new RegExp(`^${prefix}-([0-9]+)-[0-9]+$`).exec(namespace)?.[1]
  return pid === undefined ? undefined : Number(pid)
}

const open = new Set<string>()
let opened = 0
let watching = false

/** Makes a namespace with the networks asked for; needs root. */
export async function openNetworkNamespace(networks: readonly PrivateNetwork[]): Promise<NetworkNamespace> {
  for (const { name } of networks) {
    if (!/^[a-z][a-z0-9-]*$/.test(name) || name.length > longestNetworkName) {
      throw new Error(
        `A private network cannot be called '${name}'. Use at most 15 small letters and digits.`,
      )
    }
  }
  await removeAbandoned()
  const namespace = await makeNamespace()
  try {
    for (const { name, addresses } of networks) {
      await ip(['-n', namespace.name, 'link', 'add', name, 'type', 'bridge', ...quietBridge])
      for (const address of addresses)
        await ip(['-n', namespace.name, 'address', 'add', address, 'dev', name])
      await ip(['-n', namespace.name, 'link', 'set', name, 'up'])
    }
    return namespace
  } catch (error) {
    await namespace[Symbol.asyncDispose]()
    throw error
  }
}

async function makeNamespace(): Promise<NetworkNamespace> {
  const name = namespaceName({ pid: process.pid, count: ++opened })
  watchForTheEnd()
  await ip(['netns', 'add', name])
  open.add(name)
  const neighbours: NetworkNamespace[] = []
  const cards = new Set<string>()
  let taps = 0
  let ports = 0
  let plugged = 0

  // The death signal reaches the program even when this process is killed and cannot clean up.
  const inside = (command: readonly string[]) =>
    ['ip', 'netns', 'exec', name, 'setpriv', '--pdeathsig', 'KILL', ...command] as const
  const start = (command: readonly string[], options: SpawnOptions = {}) => {
    const [program, ...words] = inside(command)
    return spawn(program, words, options)
  }
  const run = async (command: readonly string[]) => {
    const [program, ...words] = inside(command)
    return execute(program, words, { maxBuffer: 64 * 1024 * 1024 })
  }

  const addTap = async (network: string) => {
    const device = `tap${taps++}`
    await ip(['-n', name, 'tuntap', 'add', 'dev', device, 'mode', 'tap'])
    await ip(['-n', name, 'link', 'set', device, 'address', portAddress(plugged++), 'master', network, 'up'])
    return { device, network }
  }

  const addNeighbour = async (network: string, options: { readonly mac?: string } = {}) => {
    const port = `port${ports++}`
    const card = options.mac === undefined ? port : `${network} ${options.mac}`
    if (cards.has(card)) {
      throw new Error(
        `${options.mac} is plugged into ${network} already; leave the scope of that neighbour first`,
      )
    }
    cards.add(card)
    const made = await makeNamespace()
    const neighbour: NetworkNamespace = {
      ...made,
      async [Symbol.asyncDispose]() {
        // At once: a namespace goes some time after it was removed.
        if (cards.delete(card)) await ip(['-n', name, 'link', 'delete', port])
        await made[Symbol.asyncDispose]()
      },
    }
    neighbours.push(neighbour)
    const address = options.mac === undefined ? [] : ['address', options.mac]
    const peer = ['peer', 'name', 'eth0', ...address, 'netns', neighbour.name]
    const link = ['link', 'add', port, 'address', portAddress(plugged++), 'type', 'veth', ...peer]
    await ip(['-n', name, ...link]).catch((error: unknown) => {
      cards.delete(card)
      throw error
    })
    await ip(['-n', name, 'link', 'set', port, 'master', network, 'up'])
    await ip(['-n', neighbour.name, 'link', 'set', 'eth0', 'up'])
    return neighbour
  }

  const dispose = async () => {
    for (const neighbour of neighbours.toReversed()) await neighbour[Symbol.asyncDispose]()
    removeNow(name)
  }
  const namespace = { name, inside, run, start, addTap, addNeighbour, [Symbol.asyncDispose]: dispose }
  try {
    await ip(['-n', name, 'link', 'set', 'lo', 'up'])
    return namespace
  } catch (error) {
    removeNow(name)
    throw error
  }
}

/** What still runs inside is ended with the namespace: it was started there, and by us. */
function removeNow(name: string): void {
  if (!open.delete(name)) return
  removeFromKernel(name)
}

function removeFromKernel(name: string): void {
  const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' })
  for (const pid of (stdout ?? '').split('\n').filter((line) => line !== '')) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has ended by itself in the meantime.
    }
  }
  spawnSync('ip', ['netns', 'delete', name])
}

/** A process that was killed leaves its namespaces behind; whoever comes next removes them. */
async function removeAbandoned(): Promise<void> {
  const { stdout } = await ip(['netns', 'list'])
  for (const line of stdout.split('\n')) {
    const name = line.split(' ')[0] ?? ''
    const owner = ownerOf(name)
    if (owner !== undefined && !isAlive(owner)) removeFromKernel(name)
  }
}

/** Namespaces outlive the process that made them, so every way out of it has to pass here. */
function watchForTheEnd(): void {
  if (watching) return
  watching = true
  process.on('exit', () => {
    for (const name of open) removeNow(name)
  })
  for (const signal of endings) {
    const listener = () => {
      // Where someone else listens too, that listener decides how the process ends.
      if (process.listenerCount(signal) > 1) return
      for (const name of open) removeNow(name)
      process.removeListener(signal, listener)
      process.kill(process.pid, signal)
    }
    process.on(signal, listener)
  }
}

async function ip(words: readonly string[]): Promise<CommandEnd> {
  try {
    return await execute('ip', words)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if ('code' in error && error.code === 'ENOENT') {
      throw new Error("The program 'ip' is missing. Install the package iproute2.", { cause: error })
    }
    const said = 'stderr' in error ? String(error.stderr).trim() : error.message
    throw new Error(
      `A private network cannot be made: 'ip ${words.join(' ')}' says: ${said}. Run as root, on Linux, outside of containers that forbid it.`,
      { cause: error },
    )
  }
}
