import { spawn } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { printable } from '../wire/text.ts'
import { ImageFault } from './image-fault.ts'

export type ToolOrder = {
  /** The Debian package that brings it, for the sentence when it is missing. */
  readonly package: string
  /** What it may use at most, so that a file made to hurt it hurts nothing else. */
  readonly limits: { readonly memoryBytes: number; readonly cpuSeconds: number }
  readonly stop: AbortSignal
  /** Hears what it prints while it runs. */
  readonly heard?: (text: string) => void
}

/** More is printed by no tool that is used here. */
const mostOutput = 1024 * 1024

/** Runs a program of the distribution and gives what it printed; rejects with a sentence when it is missing or fails. */
export async function runTool(name: string, words: readonly string[], order: ToolOrder): Promise<string> {
  const path = await found(name)
  const limiter = await found('prlimit')
  if (path === undefined || limiter === undefined) {
    throw new ImageFault('tool-missing', `${path === undefined ? name : 'prlimit'} is not on this box`, {
      nextStep: `Install it: apt-get install ${path === undefined ? order.package : 'util-linux'}`,
    })
  }
  order.stop.throwIfAborted()
  const { memoryBytes, cpuSeconds } = order.limits
  const limits = [`--as=${memoryBytes}`, `--cpu=${cpuSeconds}`, '--core=0']
  const child = spawn(limiter, [...limits, '--', path, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Its complaints are shown to people and read by nobody else, its results are looked at by us.
    env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' },
    signal: order.stop,
    killSignal: 'SIGKILL',
  })
  let printed = ''
  let complaints = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    order.heard?.(text)
    if (printed.length < mostOutput) printed += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (complaints.length < mostOutput) complaints += text
  })
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve([code, signal]))
  })
  if (code === 0) return printed
  const said = printable(complaints.trim().replaceAll(/\s+/g, ' '), 300)
  throw new ImageFault('tool-failed', `${name} ended with ${signal ?? code}: ${said}`)
}

/** Where a program lies; the folders of system programs count also for who has them not in their PATH. */
async function found(name: string): Promise<string | undefined> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/bin', '/usr/sbin', '/sbin']
  for (const folder of folders.filter((one) => one !== '')) {
    const path = join(folder, name)
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isThere) return path
  }
  return undefined
}
