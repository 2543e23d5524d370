import { isInvited } from './ask-box.ts'
import { fetchSeed, ordersIn, runCloudInit, type SeedTexts } from './cloud-init.ts'
import { Lost, type Course } from './course.ts'
import { fetchFile } from './fetch-file.ts'
import type { RackMachine, RackMethod } from './rack.ts'
import { runInstaller } from './run-installer.ts'
import { takeLease } from './take-lease.ts'
import { writeDisk } from './write-disk.ts'

const initrdAgent = 'Wget'

/** What a system in memory came to. */
export type SystemEnd =
  | { readonly kind: 'up' }
  /** It has written the disk of its machine, with this seed on it, and restarts. */
  | { readonly kind: 'written'; readonly by: RackMethod; readonly seed: SeedTexts }

/** The system that the kernel command line describes: initrd, image, and cloud-init with what it runs. */
export function* runSystem(
  machine: RackMachine,
  commandLine: readonly string[],
  chance: () => number,
): Course<SystemEnd> {
  const iso = wordBehind(commandLine, 'iso-url=')
  const root = iso ?? wordBehind(commandLine, 'root=squash:')
  const seedUrl = wordBehind(commandLine, 'ds=nocloud;s=')
  const hostname = wordBehind(commandLine, 'ip=')?.split(':')[4]
  if (root === undefined || seedUrl === undefined) {
    throw new Lost(
      'its kernel command line names no image (root=squash: or iso-url=) or no seed (ds=nocloud;s=)',
    )
  }
  yield { kind: 'enter', phase: 'image' }
  yield* takeLease(machine, 'system', chance, hostname)
  const image = yield* fetchFile(machine, root, { userAgent: initrdAgent, resumes: true })
  if (image.kind === 'failed') throw new Lost(image.because)

  yield { kind: 'enter', phase: 'cloud-init' }
  const orders = ordersIn(yield* fetchSeed(seedUrl))
  const invited = isInvited(orders.writes)
  if (iso !== undefined) {
    if (orders.autoinstall === undefined) throw new Lost('the seed of its installer has no autoinstall')
    // Subiquity waits for cloud-init to end.
    yield* runCloudInit(orders, orders.hostname)
    const seed = yield* runInstaller(machine, orders.autoinstall, { invited })
    return { kind: 'written', by: 'autoinstall', seed }
  }
  const [, , box] = orders.runs.find(([, program]) => program?.endsWith('/write-disk') === true) ?? []
  if (box === undefined) {
    yield* runCloudInit(orders, hostname)
    return { kind: 'up' }
  }
  // Whoever writes the disk restarts the machine in the middle of this stage.
  const ended = yield* runCloudInit(orders, hostname, function* (): Course<SystemEnd> {
    return { kind: 'written', by: 'disk', seed: yield* writeDisk(machine, box, { invited }) }
  })
  return ended === 'over' ? { kind: 'up' } : ended
}

/** The system on the disk of a machine, which finds its seed there. */
export function* runOwnSystem(machine: RackMachine, seed: SeedTexts, chance: () => number): Course<void> {
  const orders = ordersIn(seed)
  yield* takeLease(machine, 'system', chance, orders.hostname)
  yield* runCloudInit(orders, orders.hostname)
}

function wordBehind(words: readonly string[], beginning: string): string | undefined {
  return words.find((word) => word.startsWith(beginning))?.slice(beginning.length)
}
