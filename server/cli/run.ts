import { parseArgs } from 'node:util'
import { loadSettings } from './load-settings.ts'
import type { Call, Command } from './call.ts'
import { check } from './check.ts'
import { demo } from './demo.ts'
import { events } from './events.ts'
import { machines } from './machines.ts'
import { serve } from './serve.ts'
import { Sorry } from './sorry.ts'
import { version } from '../appliance/version.ts'

const commands: { readonly [name: string]: Command } = { demo, serve, check, machines, events }

const common = {
  settings: { type: 'string', about: 'the settings file (default: ironwake.yaml here, if there is one)' },
  data: { type: 'string', about: 'the data folder, in place of the one the settings name' },
  output: { type: 'string', about: 'table for people (default), json for programs' },
  help: { type: 'boolean', about: 'say what the command does, with examples' },
} as const

/** Runs what was typed and gives the exit code: 0 well, 1 not well, 2 wrongly called. */
export async function run(words: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = words
  if (name === '--version') {
    terminal.print(`ironwake ${version}`)
    return 0
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    terminal.print(overview())
    return name === undefined ? 2 : 0
  }
  const command = commands[name]
  if (command === undefined) {
    terminal.remark(
      `ironwake: there is no command ${name}. The commands: ${Object.keys(commands).join(', ')}.`,
    )
    return 2
  }
  let call: Call | undefined
  try {
    call = callOf(command, rest, terminal)
  } catch (error) {
    terminal.remark(`ironwake ${name}: ${error instanceof Error ? error.message : String(error)}`)
    terminal.remark(`See: ironwake ${name} --help`)
    return 2
  }
  if (call.options['help'] === true) {
    terminal.print(helpOf(command))
    return 0
  }
  try {
    return await command.run(call)
  } catch (error) {
    if (!(error instanceof Sorry)) throw error
    terminal.remark(`ironwake ${name}: ${error.message}`)
    if (error.nextStep !== undefined) terminal.remark(error.nextStep)
    return 1
  }
}

/** Where a command prints, and how it learns that it should stop. */
export type Terminal = Pick<Call, 'print' | 'remark' | 'stop' | 'isTerminal' | 'now'>

function callOf(command: Command, rest: readonly string[], terminal: Terminal): Call {
  const options = { ...common, ...command.options }
  const { values, positionals } = parseArgs({
    args: [...rest],
    options,
    allowPositionals: true,
    strict: true,
  })
  const output = values.output ?? 'table'
  if (output !== 'table' && output !== 'json') throw new Error(`--output is table or json, not ${output}`)
  let settings: ReturnType<Call['settings']> | undefined
  return {
    ...terminal,
    words: positionals,
    options: values,
    output,
    settings: () => (settings ??= loadSettings(values.settings, values.data)),
  }
}

function overview(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length))
  return [
    'ironwake: turns bare servers into Kubernetes nodes',
    '',
    ...Object.entries(commands).map(([name, command]) => `  ${name.padEnd(width)}  ${command.summary}`),
    '',
    'ironwake COMMAND --help says more, with examples. ironwake --version prints the version.',
  ].join('\n')
}

function helpOf(command: Command): string {
  const options = Object.entries({ ...command.options, ...common })
  const width = Math.max(...options.map(([name]) => name.length))
  return [
    command.usage,
    '',
    command.about,
    '',
    'options:',
    ...options.map(([name, option]) => `  --${name.padEnd(width)}  ${option.about}`),
    '',
    'examples:',
    ...command.examples.map((example) => `  ${example}`),
  ].join('\n')
}
