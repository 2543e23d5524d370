import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'
import { socketName } from '../../server/appliance/appliance.ts'
import { ask } from '../../server/cli/api-client.ts'
import {
  openNetworkNamespace,
  type NetworkNamespace,
  type PrivateNetwork,
} from '../../server/demo/network-namespace.ts'
import { serveIn, settingsFileIn, type ServedAppliance } from '../../server/demo/served-appliance.ts'
import type { EventKind, RecordedEvent } from '../../server/events/event.ts'
import type { MachineSummary } from '../../server/http/api-app.ts'

export type CliEnd = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

/** A box with networks of its own, and `ironwake serve` on it as a process of its own. Leaving its scope removes all of it. */
export type Box = AsyncDisposable & {
  readonly namespace: NetworkNamespace
  /** A folder for the settings, the data, and what the test puts there. */
  readonly folder: string
  readonly dataFolder: string
  readonly settingsFile: string
  /** The appliance that runs now. */
  readonly appliance: ServedAppliance
  /** Starts it again, after its end, on the same data. */
  readonly start: () => Promise<void>
  /** Cuts it off as a power failure would, and waits until it is gone. */
  readonly kill: () => Promise<void>
  /** Asks it to stop, as Ctrl-C does, and waits. */
  readonly stop: () => Promise<void>
  /** Asks its API, by the socket of its data folder, as the CLI does. */
  readonly ask: (path: string) => Promise<unknown>
  readonly machines: () => Promise<readonly MachineSummary[]>
  readonly events: (kind?: EventKind) => Promise<readonly RecordedEvent[]>
  /** Runs `ironwake` with these words and this box's settings, as a user at the terminal. */
  readonly cli: (...words: readonly string[]) => Promise<CliEnd>
  /** A machine on one of the networks, with a network stack of its own; its interface is `eth0`. */
  readonly addNeighbour: NetworkNamespace['addNeighbour']
}

export const ironwake = fileURLToPath(new URL('../../ironwake', import.meta.url))

export type BoxPlan = {
  readonly networks: readonly PrivateNetwork[]
  /** `ironwake.yaml` without its `data`. */
  readonly settings: string
  /** Absent, the data lies beside the settings. */
  readonly dataFolder?: string
}

/** Makes the networks and starts `ironwake serve` on them; needs root. */
export async function openBox({ networks, settings, dataFolder: given }: BoxPlan): Promise<Box> {
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'ironwake-box-'))
  opened.defer(async () => await rm(folder, { recursive: true, force: true, maxRetries: 10 }))
  const namespace = opened.use(await openNetworkNamespace(networks))
  const dataFolder = given ?? join(folder, 'data')
  const settingsFile = settingsFileIn(folder)
  await writeFile(settingsFile, `data: ${JSON.stringify(dataFolder)}\n${settings}`)
  let appliance = await serveIn(namespace, settingsFile)
  opened.defer(async () => await appliance[Symbol.asyncDispose]())
  const askApi = async (path: string): Promise<unknown> =>
    await ask({ socket: join(dataFolder, socketName) }, 'GET', path)

  const parts = opened.move()
  return {
    namespace,
    folder,
    dataFolder,
    settingsFile,
    get appliance() {
      return appliance
    },
    start: async () => void (appliance = await serveIn(namespace, settingsFile)),
    kill: async () => await appliance.kill(),
    stop: async () => await appliance[Symbol.asyncDispose](),
    ask: askApi,
    machines: async () => (await askApi('/api/v1/machines')) as MachineSummary[],
    events: async (kind) => {
      const all = (await askApi('/api/v1/events?limit=10000')) as RecordedEvent[]
      return kind === undefined ? all : all.filter((recorded) => recorded.event.kind === kind)
    },
    cli: async (...words) => await runCli(...words, '--settings', settingsFile),
    addNeighbour: namespace.addNeighbour,
    [Symbol.asyncDispose]: async () => await parts.disposeAsync(),
  }
}

/** Runs `ironwake` to its end. */
export async function runCli(...words: readonly string[]): Promise<CliEnd> {
  const child = spawn(ironwake, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return { code, stdout, stderr }
}

/** Looks every now and then until it holds; throws when the time is over, which is long enough for a machine with much else to do. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = 120_000,
): Promise<void> {
  const end = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${withinMs} ms`)
    await pause(20)
  }
}

/** A box that the tests of a file share: made when the first of them asks, gone after the last. */
export function sharedBox(
  t: { readonly teardown: (end: () => Promise<void>) => void },
  plan: BoxPlan,
): () => Promise<Box> {
  let box: Promise<Box> | undefined
  t.teardown(async () => {
    if (box !== undefined) await (await box)[Symbol.asyncDispose]()
  })
  return async () => await (box ??= openBox(plan))
}
