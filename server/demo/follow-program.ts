import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'

/** A program of this box, and what Debian calls the package that brings it. */
export type Tool = { readonly program: string; readonly debianPackage: string }

/** A plain login shell leaves out the folders of the system's own. */
const programFolders = [process.env['PATH'] ?? '', '/usr/sbin', '/usr/bin', '/sbin', '/bin'].join(delimiter)

/** Runs a long program, hands on its lines, and keeps the last of them for the error. */
export async function followProgram(
  command: readonly [string, ...string[]],
  about: {
    /** What is not done when it fails, as a sentence without its full stop. */
    readonly otherwise: string
    readonly nextStep: string
    readonly cwd?: string
    readonly environment?: Readonly<Record<string, string>>
    readonly onLine?: (line: string) => void
  },
): Promise<void> {
  const [program, ...words] = command
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...about.environment, LC_ALL: 'C', PATH: programFolders },
    ...(about.cwd === undefined ? {} : { cwd: about.cwd }),
  })
  const last: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      last.push(line)
      if (last.length > 15) last.shift()
      about.onLine?.(line)
    })
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code === 0) return
  throw new Error(
    `${program} failed, and ${about.otherwise}. Its last words:\n${last.join('\n')}\n${about.nextStep}`,
  )
}

/** Throws, with the package to install, where a program is missing. */
export async function needProgram(tool: Tool): Promise<void> {
  for (const folder of programFolders.split(delimiter)) {
    const found = await access(join(folder, tool.program), constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return
  }
  throw new Error(`The program ${tool.program} is missing. Install the package ${tool.debianPackage}.`)
}
