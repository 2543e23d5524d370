import { randomUUID } from 'node:crypto'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Diagnosis } from '../../server/boot/doctor.ts'
import type { MachineSummary } from '../../server/http/api-app.ts'
import { makeBootableDisk } from '../../server/demo/bootable-disk.ts'
import { debianImage } from '../../server/demo/debian-image.ts'
import { openNetworkNamespace, type NetworkNamespace } from '../../server/demo/network-namespace.ts'
import { serveIn, settingsFileIn, type ServedAppliance } from '../../server/demo/served-appliance.ts'
import { boards, type Firmware } from '../../server/demo/boards.ts'
import { powerOn, type VirtualMachine, type VirtualMachinePlan } from '../../server/demo/virtual-machine.ts'
import type { ApplianceEvent, EventKind, RecordedEvent } from '../../server/events/event.ts'
import { syncImage } from './sync-image.ts'

/** Shared with the demo: the same image. */
export const imageCache = fileURLToPath(new URL('../../.cache/demo', import.meta.url))
const keptLogs = fileURLToPath(new URL('../../.cache/boot-logs', import.meta.url))
const program = fileURLToPath(new URL('../../server/main.ts', import.meta.url))

export const mac = '52:54:00:b0:07:01'

/** Emulated firmware beside other work; a boot takes a sixth of it on an idle machine. */
export const patience = { withinMs: 10 * 60_000 }

export type Rig = AsyncDisposable & {
  /** As it was started last. */
  readonly appliance: ServedAppliance
  /** What it printed as events, and before it what those did that were killed. */
  readonly happened: readonly RecordedEvent[]
  /** What the appliance of now had printed when the machine was switched on; nothing, where it was started later. */
  readonly past: ReadonlySet<RecordedEvent>
  /** As it was switched on last. */
  readonly machine: VirtualMachine
  /** What a command of the command line printed. */
  readonly ironwake: (...words: readonly string[]) => Promise<string>
  /** Takes the power from the machine, and gives it back: the same variables of its firmware, and the same disks unless other words for QEMU say so. */
  readonly cycleMachine: (machineWords?: readonly string[]) => Promise<void>
  /** Ends the box with `kill -9`, and starts it again. */
  readonly cycleBox: () => Promise<void>
  /** What `ironwake machines show` says. */
  readonly record: () => Promise<
    MachineSummary & { readonly diagnosis: Diagnosis; readonly timeline: readonly RecordedEvent[] }
  >
}

/** The setting by which the kernel starts on this board, and writes to the serial port. */
export function kernelOn(firmware: Firmware): string {
  return `defaults: {kernel-parameters: ${JSON.stringify(boards[firmware].kernelParameters)}}`
}

const ownsAddresses = 'mode: full, pool: 10.78.0.100-10.78.0.120'

/** An appliance and one machine on a private network; the machine is powered on. */
export async function startRig(plan: {
  /** Of the serial log and the list of events that outlive the test. */
  readonly name: string
  readonly firmware: Firmware
  /** Lines of YAML that say who is approved, and what the machine gets. */
  readonly settings: readonly string[]
  readonly disk: 'empty' | 'bootable'
  /** A folder with another image that runs in memory. */
  readonly imageFolder?: string
  /** Where the image comes from; left out, a folder of the settings. */
  readonly image?: 'folder' | 'synced'
  /** What the box does on the network; left out, it owns the addresses. */
  readonly network?: string
  /** Who else is on the network before the machine is powered on. */
  readonly others?: (box: NetworkNamespace) => Promise<AsyncDisposable>
  /** What the network has beside that, as YAML between braces. */
  readonly alsoNetwork?: string
  /** Folders of boot programs in place of this box's own. */
  readonly bootPrograms?: readonly string[]
  /** Puts into the data folder what the appliance is to find there. */
  readonly stock?: (dataFolder: string) => Promise<void>
  readonly memoryMiB?: number
  /** More words for QEMU. */
  readonly machineWords?: readonly string[]
}): Promise<Rig> {
  await using started = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-boot-'))
  started.defer(() => rmSync(folder, { recursive: true, force: true }))
  const { processor } = boards[plan.firmware]
  const { folder: usualFolder } = await debianImage({ cacheFolder: imageCache, processor })
  const imageFolder = plan.imageFolder ?? usualFolder
  const box = started.use(await openNetworkNamespace([{ name: 'lab', addresses: ['10.78.0.1/24'] }]))
  const also = plan.alsoNetwork === undefined ? '' : `, ${plan.alsoNetwork}`
  const settings = [
    'data: ./data',
    `networks: [{name: lab, interface: lab, ${plan.network ?? ownsAddresses}, domain: lab.example${also}}]`,
    ...(plan.image === 'synced' ? [] : [`images: [{name: debian, folder: ${JSON.stringify(imageFolder)}}]`]),
    ...(plan.bootPrograms === undefined ? [] : [`boot-programs: ${JSON.stringify(plan.bootPrograms)}`]),
    ...plan.settings,
  ]
  writeFileSync(settingsFileIn(folder), `${settings.join('\n')}\n`)
  if (plan.image === 'synced') await syncImage(imageFolder, join(folder, 'data'))
  await plan.stock?.(join(folder, 'data'))
  if (plan.others !== undefined) started.use(await plan.others(box))
  // What is under way now; what was before is over.
  let appliance = await serveIn(box, settingsFileIn(folder))
  const served = [appliance]
  const happened = () => served.flatMap((one) => one.happened)
  started.defer(async () => await appliance[Symbol.asyncDispose]())
  const { device } = await box.addTap('lab')
  const disk = join(folder, 'disk.img')
  if (plan.disk === 'bootable') await makeBootableDisk(disk)
  const machinePlan: VirtualMachinePlan = {
    folder: join(folder, 'machine'),
    firmware: plan.firmware,
    mac,
    tap: device,
    inside: box.inside,
    uuid: randomUUID(),
    serialNumber: 'TEST-1',
    manufacturer: 'Ironwake tests',
    ...(plan.disk === 'bootable' ? { disk } : {}),
    ...(plan.memoryMiB === undefined ? {} : { memoryMiB: plan.memoryMiB }),
    extraWords: plan.machineWords ?? [],
  }
  let past = new Set(appliance.happened)
  let machine = await powerOn(machinePlan)
  let latestPlan = machinePlan
  started.defer(async () => await machine[Symbol.asyncDispose]())
  let pastSerial = ''
  started.defer(async () => {
    keepLogs(plan.name, pastSerial + (await machine.serialText()), happened())
  })
  const ironwake = async (...words: readonly string[]) => {
    const all = [program, ...words, '--settings', settingsFileIn(folder)]
    const { stdout } = await promisify(execFile)(process.execPath, all, { maxBuffer: 64 * 1024 * 1024 })
    return stdout
  }
  const parts = started.move()
  return {
    get appliance() {
      return appliance
    },
    get happened() {
      return happened()
    },
    get past() {
      return past
    },
    get machine() {
      return machine
    },
    ironwake,
    async cycleMachine(words) {
      await machine.pullPlug()
      pastSerial += await machine.serialText()
      if (words !== undefined) latestPlan = { ...machinePlan, extraWords: words }
      past = new Set(appliance.happened)
      machine = await powerOn(latestPlan)
    },
    async cycleBox() {
      await appliance.kill()
      appliance = await serveIn(box, settingsFileIn(folder))
      past = new Set()
      served.push(appliance)
    },
    async record() {
      const text = await ironwake('machines', 'show', mac, '--output', 'json')
      return JSON.parse(text) as Awaited<ReturnType<Rig['record']>>
    },
    [Symbol.asyncDispose]: async () => await parts.disposeAsync(),
  }
}

function keepLogs(name: string, serial: string, happened: readonly RecordedEvent[]): void {
  mkdirSync(keptLogs, { recursive: true })
  writeFileSync(join(keptLogs, `${name}.serial.log`), serial, 'latin1')
  const lines = happened.map((event) => JSON.stringify(event))
  writeFileSync(join(keptLogs, `${name}.events.jsonl`), `${lines.join('\n')}\n`)
}

/** A step of a timeline: the kind of its event, and what of it matters. */
export type Step = {
  readonly [Kind in EventKind]: { readonly kind: Kind } & Partial<Extract<ApplianceEvent, { kind: Kind }>>
}[EventKind]

/** The first step that does not follow the ones before it; `undefined` when all of them stand there in this order. */
export function missingStep(timeline: readonly RecordedEvent[], steps: readonly Step[]): Step | undefined {
  let at = 0
  for (const step of steps) {
    const found = timeline.findIndex(({ event }, index) => index >= at && fits(event, step))
    if (found === -1) return step
    at = found + 1
  }
  return undefined
}

function fits(event: ApplianceEvent, step: Step): boolean {
  const fields = new Map<string, unknown>(Object.entries(event))
  return Object.entries(step).every(([name, value]) => fields.get(name) === value)
}
