import { z } from 'zod'
import { ImageFault } from './image-fault.ts'
import { readQcow2Header } from './qcow2-header.ts'
import { readHead } from './read-head.ts'
import { runTool, type ToolOrder } from './run-tool.ts'
import { tellingBytes } from './tell-form.ts'
import type { Work } from './work.ts'

export type Qcow2Facts = {
  /** The size of the disk. */
  readonly virtualBytes: number
  /** What it takes up as a file with holes. */
  readonly allocatedBytes: number
}

const gibibyte = 1024 ** 3
/** The address space that qemu-img and its libraries take before they read a byte is half of the first. */
const limits = {
  look: { memoryBytes: gibibyte, cpuSeconds: 30 },
  convert: { memoryBytes: 2 * gibibyte, cpuSeconds: 4 * 3600 },
} as const

const infoSchema = z.looseObject({
  format: z.literal('qcow2'),
  'virtual-size': z.int().min(1),
  encrypted: z.literal(false).optional(),
  'backing-filename': z.undefined().optional(),
  'full-backing-filename': z.undefined().optional(),
  'format-specific': z
    .looseObject({
      data: z
        .looseObject({ 'data-file': z.undefined().optional(), corrupt: z.literal(false).optional() })
        .optional(),
    })
    .optional(),
})

/** Looks whether a qcow2 file may be read: first by its own bytes, then by qemu-img's word. */
export async function inspectQcow2(path: string, stop: AbortSignal): Promise<Qcow2Facts> {
  const header = readQcow2Header(await readHead(path, tellingBytes))
  if (header.kind === 'refused') {
    const { because, nextStep } = header
    throw new ImageFault('unsafe', because, nextStep === undefined ? {} : { nextStep })
  }
  const order: ToolOrder = { package: 'qemu-utils', limits: limits.look, stop }
  const words = ['--output=json', '-f', 'qcow2', path]
  const info = infoSchema.safeParse(JSON.parse(await runTool('qemu-img', ['info', ...words], order)))
  if (!info.success || info.data['virtual-size'] !== header.virtualBytes) {
    const what = info.success ? 'another size' : (info.error.issues[0]?.path.join('.') ?? '')
    throw new ImageFault('unsafe', `qemu-img tells of the qcow2 file what its header does not: ${what}`)
  }
  // For raw it measures the whole disk, holes and all; for qcow2 what is in use, and a little more.
  const measured = await runTool('qemu-img', ['measure', '-O', 'qcow2', ...words], order)
  const { required } = z.looseObject({ required: z.int().min(0) }).parse(JSON.parse(measured))
  return { virtualBytes: header.virtualBytes, allocatedBytes: required }
}

/** Writes the disk of an inspected qcow2 file into a file with holes. */
export async function qcow2ToRaw(from: string, to: string, work: Work): Promise<void> {
  await runTool('qemu-img', ['convert', '-p', '-f', 'qcow2', '-O', 'raw', from, to], {
    package: 'qemu-utils',
    limits: limits.convert,
    stop: work.stop,
    // It prints (12.34/100%) over and over.
    heard(text) {
      const percent = [...text.matchAll(/\(([0-9.]+)\/100%\)/g)].at(-1)?.[1]
      if (percent !== undefined) work.progress('convert', Number(percent), 100)
    },
  })
}
