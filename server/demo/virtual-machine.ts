import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, constants, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { boards, type Firmware } from './boards.ts'
import { needProgram } from './follow-program.ts'

export type VirtualMachinePlan = {
  /** Holds the serial log and the firmware's variables, which it keeps when it is switched on again; made when it is missing. */
  readonly folder: string
  readonly firmware: Firmware
  readonly mac: string
  /** The tap it is plugged into. */
  readonly tap: string
  /** The words that run a program where the tap is, as `NetworkNamespace` gives them. */
  readonly inside: (command: readonly string[]) => readonly [string, ...string[]]
  readonly uuid: string
  readonly serialNumber: string
  readonly manufacturer?: string
  readonly product?: string
  /** A raw disk image, tried after the network. */
  readonly disk?: string
  readonly memoryMiB?: number
  readonly processors?: number
  /** Whether an IPv6 router stands on the wire; a silent wire costs old boot programs 15 s. */
  readonly ipv6Router?: 'answers' | 'silent'
  readonly extraWords?: readonly string[]
}

/** How QEMU went away. */
export type PowerLoss = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

/** A machine that is switched on; leaving its scope pulls the plug. */
export type VirtualMachine = AsyncDisposable & {
  readonly pid: number
  readonly serialLog: string
  /** When it was powered on, in the sense of `performance.now()`. */
  readonly poweredOnAt: number
  readonly ended: Promise<PowerLoss>
  readonly serialText: () => Promise<string>
  /** Resolves to the milliseconds from power-on until the text stood on the serial console. */
  readonly waitForSerial: (text: string | RegExp, limit: { readonly withinMs: number }) => Promise<number>
  readonly reset: () => void
  /** Presses the power button; the system may take its time, or not listen. */
  readonly pressPowerButton: () => void
  readonly pullPlug: () => Promise<PowerLoss>
}

/**
 * iPXE of the distributions waits 15 s for an IPv6 router before it acts on what it heard by DHCP. QEMU's own network
 * stack, wired beside the tap, is such a router: it leads nowhere and knows nothing of IPv4.
 */
const ipv6Router = [
  '-netdev',
  'user,id=router,ipv4=off,ipv6=on,restrict=on',
  '-netdev',
  'hubport,id=plug0,hubid=0,netdev=net0',
  '-netdev',
  'hubport,id=plug1,hubid=0,netdev=router',
  '-netdev',
  'hubport,id=card,hubid=0',
] as const

/**
 * The root file system lies in memory twice over: as the squashfs, and as what has been read of it. With 768 MiB the
 * demo image boots; 1 GiB leaves room for what a seed asks for.
 */
const defaultMemoryMiB = 1024

/** Emulated, so that it works everywhere. */
const emulation = ['-accel', 'tcg,thread=multi,tb-size=512']

/** The words that start QEMU for this plan. */
export function qemuWords(plan: VirtualMachinePlan): readonly string[] {
  const { qemu, machine, model, flash, networkRom, words } = boards[plan.firmware]
  const firmware =
    flash === undefined
      ? []
      : [
          '-drive',
          `if=pflash,unit=0,format=raw,readonly=on,file=${escaped(flash.code)}`,
          '-drive',
          `if=pflash,unit=1,format=raw,file=${escaped(variablesOf(plan))}`,
        ]
  const disk =
    plan.disk === undefined
      ? []
      : [
          '-drive',
          `if=none,id=disk0,format=raw,cache=unsafe,file=${escaped(plan.disk)}`,
          '-device',
          'virtio-blk-pci,drive=disk0,bootindex=2',
        ]
  const rom = networkRom === 'none' ? ',romfile=' : ''
  const system = [
    `manufacturer=${escaped(plan.manufacturer ?? 'Ironwake')}`,
    `product=${escaped(plan.product ?? 'Virtual machine')}`,
    `serial=${escaped(plan.serialNumber)}`,
    `uuid=${plan.uuid}`,
  ]
  // Orders come in by standard input.
  const orders = ['-chardev', 'stdio,id=orders', '-mon', 'chardev=orders,mode=control']
  const network = [
    '-netdev',
    `tap,id=net0,ifname=${plan.tap},script=no,downscript=no`,
    '-device',
    `virtio-net-pci,netdev=${plan.ipv6Router === 'silent' ? 'net0' : 'card'},mac=${plan.mac},bootindex=1${rom}`,
    ...(plan.ipv6Router === 'silent' ? [] : ipv6Router),
  ]
  return [
    `${qemu.program} -nodefaults -no-user-config -display none -machine ${machine}`.split(' '),
    [...emulation, '-cpu', model],
    ['-smp', String(plan.processors ?? 2), '-m', `${plan.memoryMiB ?? defaultMemoryMiB}M`],
    ['-serial', `file:${join(plan.folder, 'serial.log')}`],
    orders,
    ['-smbios', `type=1,${system.join(',')}`],
    firmware,
    words,
    network,
    disk,
    plan.extraWords ?? [],
  ].flat()
}

function variablesOf(plan: VirtualMachinePlan): string {
  return join(plan.folder, 'uefi-variables.fd')
}

/** QEMU ends a value at a comma; a doubled comma is a comma. */
function escaped(value: string): string {
  return value.replaceAll(',', ',,')
}

/** Switches a virtual machine on. */
export async function powerOn(plan: VirtualMachinePlan): Promise<VirtualMachine> {
  await mkdir(plan.folder, { recursive: true })
  const serialLog = join(plan.folder, 'serial.log')
  await writeFile(serialLog, '')
  const { qemu, flash, parts } = boards[plan.firmware]
  await needProgram(qemu)
  for (const part of parts) await need(part.file, part.debianPackage)
  if (flash !== undefined) await keepOrCopy(flash.variables, variablesOf(plan))

  const [program, ...words] = plan.inside(qemuWords(plan))
  const poweredOnAt = performance.now()
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'] })
  let complaint = ''
  child.stdout.resume()
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-4_000)
  })
  // A write to a machine that has just gone is no news.
  child.stdin.on('error', () => {})
  await once(child, 'spawn')
  const ended = endOf(child)
  const give = (order: string) => child.stdin.write(`${JSON.stringify({ execute: order })}\n`)
  give('qmp_capabilities')

  const serialText = async () => readFile(serialLog, 'latin1')
  const isOver = () => child.exitCode !== null || child.signalCode !== null
  const waitForSerial = async (text: string | RegExp, limit: { readonly withinMs: number }) => {
    const end = performance.now() + limit.withinMs
    for (;;) {
      const over = isOver()
      const soFar = await serialText()
      if (typeof text === 'string' ? soFar.includes(text) : text.test(soFar))
        return performance.now() - poweredOnAt
      if (over) {
        throw new Error(
          `The virtual machine went off before '${text}' stood on its console. See ${serialLog}. ${complaint}`.trim(),
        )
      }
      if (performance.now() > end) {
        throw new Error(
          `'${text}' did not stand on the console within ${limit.withinMs / 1_000} s. See ${serialLog}. ${complaint}`.trim(),
        )
      }
      await sleep(20)
    }
  }
  const pullPlug = async () => {
    if (!isOver()) child.kill('SIGKILL')
    return ended
  }
  return {
    pid: child.pid ?? 0,
    serialLog,
    poweredOnAt,
    ended,
    serialText,
    waitForSerial,
    reset: () => give('system_reset'),
    pressPowerButton: () => give('system_powerdown'),
    pullPlug,
    [Symbol.asyncDispose]: async () => {
      await pullPlug()
    },
  }
}

async function endOf(child: ChildProcess): Promise<PowerLoss> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
}

async function keepOrCopy(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

async function need(file: string, debianPackage: string): Promise<void> {
  try {
    await access(file)
  } catch (error) {
    throw new Error(`The file ${file} is missing. Install the package ${debianPackage}.`, { cause: error })
  }
}
