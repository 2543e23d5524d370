import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** How a process is, seen from outside. */
export type Vitals = { readonly atMs: number; readonly residentBytes: number; readonly descriptors: number }

export function vitalsOf(pid: number): Vitals {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const resident = /^VmRSS:\s+([0-9]+) kB$/m.exec(status)?.[1]
  if (resident === undefined) throw new Error(`the process ${pid} has ended`)
  return {
    atMs: performance.now(),
    residentBytes: Number(resident) * 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  }
}

export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** The processes that a process has started and that still run. */
export function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    childrenOfThread(`/proc/${pid}/task/${thread}/children`)
      .split(' ')
      .filter((word) => word !== '')
      .map(Number),
  )
}

function childrenOfThread(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // The thread has ended since it was listed.
    return ''
  }
}

/** All that lies in a folder, in bytes. */
export function folderBytes(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => {
    const found = statSync(join(folder, name), { throwIfNoEntry: false })
    return sum + (found?.size ?? 0)
  }, 0)
}

/** What waits to be read at these ports by a process, in bytes: at the one where it is most. */
export function waitingAt(pid: number, ports: readonly number[]): number {
  return Math.max(...queuesOf(pid, ports).map(({ waiting }) => waiting))
}

/** What waits in the receive queues of these ports, in bytes, and what found no room in them (proc(5), /proc/net/udp). */
export function queuesOf(
  pid: number,
  ports: readonly number[],
): readonly { readonly waiting: number; readonly dropped: number }[] {
  const lines = readFileSync(`/proc/${pid}/net/udp`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  return ports.map((port) => {
    const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
    const columns = lines.find((words) => words[1]?.endsWith(end))
    if (columns === undefined) throw new Error(`nobody listens at port ${port}`)
    return { waiting: Number.parseInt(columns[4]?.split(':')[1] ?? '', 16), dropped: Number(columns[12]) }
  })
}

/** Looks at the processes a few times a second until it is disposed of. */
export class Watch implements Disposable {
  readonly samples: Vitals[] = []
  readonly #timer: NodeJS.Timeout

  constructor(pid: number) {
    this.samples.push(vitalsOf(pid))
    this.#timer = setInterval(() => this.samples.push(vitalsOf(pid)), 250)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  /**
   * How much the memory grew from half of the time to its end: the median of some samples there and there, in bytes. The
   * bounded tables and the heap fill up in the first half; what leaks goes on growing in the second.
   */
  growth(): number {
    const { length } = this.samples
    const some = Math.max(3, Math.floor(length / 10))
    const early = this.samples.slice(Math.floor(length / 2)).slice(0, some)
    return medianResident(this.samples.slice(-some)) - medianResident(early)
  }

  text(): string {
    const megabytes = this.samples.map(({ residentBytes }) => Math.round(residentBytes / 1e6))
    const tenth = Math.max(1, Math.floor(megabytes.length / 10))
    return `MB resident: ${megabytes.filter((_, index) => index % tenth === 0).join(' ')} ${megabytes.at(-1)}`
  }
}

function medianResident(samples: readonly Vitals[]): number {
  const sorted = samples.map(({ residentBytes }) => residentBytes).sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}

/** Does something so many times a second, a few at once, and comes back when all of it is done. */
export async function paced(count: number, perSecond: number, act: (index: number) => void): Promise<void> {
  const began = performance.now()
  for (let done = 0; done < count;) {
    const due = Math.min(count, Math.ceil(((performance.now() - began) / 1000) * perSecond))
    for (; done < due; done++) act(done)
    await pause(5)
  }
}
