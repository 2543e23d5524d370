import { fileOfTrouble, fileTrouble } from '../wire/file-trouble.ts'
import { parseArgs } from 'node:util'
import { closest } from '../config/closest.ts'
import { printable } from '../wire/text.ts'
import { loadDataFolder, loadSettings } from './load-settings.ts'
import type { Call, Command } from './call.ts'
import { Sorry } from './sorry.ts'
import { Stopped } from './stopped.ts'
import { WronglyCalled } from './wrongly-called.ts'
import { version } from '../appliance/version.ts'

/** Loaded when asked for: who lists machines need not wait for a whole appliance to be read. */
const commands: ReadonlyMap<string, { readonly summary: string; readonly load: () => Promise<Command> }> =
  new Map([
    [
      'demo',
      {
        summary: 'boot a virtual machine with an empty disk, and watch',
        load: async () => (await import('./demo.ts')).demo,
      },
    ],
    [
      'serve',
      {
        summary: 'run the appliance until it is stopped',
        load: async () => (await import('./serve.ts')).serve,
      },
    ],
    ['check', { summary: 'is this box fit to serve?', load: async () => (await import('./check.ts')).check }],
    [
      'machines',
      {
        summary: 'the machines on record, and one with its timeline',
        load: async () => (await import('./machines.ts')).machines,
      },
    ],
    [
      'images',
      {
        summary: 'the images that machines can be given: bring, keep, remove, verify',
        load: async () => (await import('./images.ts')).images,
      },
    ],
    [
      'clusters',
      {
        summary: 'the clusters that machines join: create, add, kubeconfig',
        load: async () => (await import('./clusters.ts')).clusters,
      },
    ],
    [
      'events',
      {
        summary: 'what happened, and what happens now',
        load: async () => (await import('./events.ts')).events,
      },
    ],
    [
      'tokens',
      {
        summary: 'who may come in over the network: make and revoke tokens',
        load: async () => (await import('./tokens.ts')).tokens,
      },
    ],
    [
      'audit',
      {
        summary: 'who did what by the API, and whether that record is whole',
        load: async () => (await import('./audit.ts')).audit,
      },
    ],
    [
      'ca',
      {
        summary: 'the certificate authority of the box, by which others know it',
        load: async () => (await import('./ca.ts')).ca,
      },
    ],
    [
      'simulate',
      {
        summary: 'boot a rack of virtual machines, and measure',
        load: async () => (await import('./simulate.ts')).simulate,
      },
    ],
  ])

const common = {
  settings: { type: 'string', about: 'the settings file (default: ironwake.yaml here, if there is one)' },
  data: { type: 'string', about: 'the data folder, in place of the one the settings name' },
  output: {
    type: 'string',
    about: 'table for people (default), or json for programs: one document; of events, one a line',
  },
  help: { type: 'boolean', short: 'h', about: 'say what the command does, with examples' },
} as const

/** As shells tell of what Ctrl-C ended: 128 and the number of SIGINT. */
const stoppedCode = 130

/** Runs what was typed and gives the exit code: 0 well, 1 not well, 2 wrongly called, 130 stopped while it waited for a box. */
export async function run(words: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = words
  const [about] = rest
  if (name === 'help' && about !== undefined) return await run([about, '--help'], terminal)
  if (name === '--version' || name === '-v' || name === 'version') {
    terminal.print(`ironwake ${version}`)
    return 0
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    terminal.print(overview())
    return name === undefined ? 2 : 0
  }
  const known = commands.get(name)
  if (known === undefined && name.startsWith('-')) {
    terminal.remark(`ironwake: ${printable(name)} stands before the command; options stand behind it.`)
    terminal.remark('As in: ironwake machines list --settings FILE. See: ironwake --help')
    return 2
  }
  if (known === undefined) {
    terminal.remark(`ironwake: there is no command ${printable(name)}.${meant(name, commands.keys(), '')}`)
    terminal.remark(`The commands: ${[...commands.keys()].join(', ')}. See: ironwake --help`)
    return 2
  }
  const command = await known.load()
  try {
    const call = callOf(command, rest, terminal)
    if (call.options['help'] === true) {
      terminal.print(helpOf(command))
      return 0
    }
    return await command.run(call)
  } catch (error) {
    if (error instanceof WronglyCalled) {
      terminal.remark(`ironwake ${name}: ${error.message}`)
      terminal.remark(`See: ironwake ${name} --help`)
      return 2
    }
    if (error instanceof Stopped) return stoppedCode
    const file = fileOfTrouble(error)
    if (file !== undefined) {
      terminal.remark(`ironwake ${name}: ${file} cannot be used: ${fileTrouble(error)}`)
      terminal.remark(
        'See whether it is the one that is meant, in the settings too (data, images, boot-programs).',
      )
      return 1
    }
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
  const { values, positionals } = parsed(rest, options)
  const output = values.output ?? 'table'
  if (output !== 'table' && output !== 'json')
    throw new WronglyCalled(`--output is table or json, not ${output}`)
  let dataFolder: string | undefined
  let settings: ReturnType<Call['settings']> | undefined
  return {
    ...terminal,
    words: positionals,
    options: values,
    output,
    dataFolder: () => (dataFolder ??= loadDataFolder(values.settings, values.data, terminal.remark)),
    settings: () => (settings ??= loadSettings(values.settings, values.data)),
  }
}

function parsed(words: readonly string[], options: typeof common & Command['options']) {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true, strict: true })
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error
    const [, dashes = '', unknown] = /^Unknown option '(-*)([^']*)'/.exec(error.message) ?? []
    if (unknown === undefined) throw new WronglyCalled(error.message, { cause: error })
    const hint = meant(unknown, Object.keys(options), '--')
    throw new WronglyCalled(`there is no option ${dashes}${printable(unknown)}.${hint}`, { cause: error })
  }
}

/** ` Did you mean …?` where a word is nearly one that is known. */
function meant(word: string, known: Iterable<string>, prefix: string): string {
  const near = closest(word, known)
  return near === undefined ? '' : ` Did you mean ${prefix}${near}?`
}

function overview(): string {
  const width = Math.max(...[...commands.keys()].map((name) => name.length))
  return [
    'ironwake: turns bare servers into Kubernetes nodes',
    '',
    ...[...commands].map(([name, command]) => `  ${name.padEnd(width)}  ${command.summary}`),
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
