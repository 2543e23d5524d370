import type { Config } from '../config/config.ts'

/** A command as it was typed, and the terminal it was typed at. */
export type Call = {
  /** Words after the command's own, without options. */
  readonly words: readonly string[]
  readonly options: {
    readonly [name: string]: string | boolean | readonly (string | boolean)[] | undefined
  }
  readonly output: 'table' | 'json'
  /** Reads the settings when a command needs them; mistakes in them end the command. */
  readonly settings: () => Settings
  /** Where the box that runs here is asked; mistakes elsewhere in the settings are only told. */
  readonly dataFolder: () => string
  readonly print: (line: string) => void
  /** For what is not the result: progress, hints, warnings. */
  readonly remark: (line: string) => void
  /** Aborted by SIGINT, SIGTERM and SIGHUP. */
  readonly stop: AbortSignal
  readonly isTerminal: boolean
  readonly now: () => number
}

export type Settings = {
  readonly config: Config
  /** The file they came from; `undefined` where there was none and the defaults hold. */
  readonly file: string | undefined
}

export type Command = {
  readonly usage: string
  readonly about: string
  readonly options: {
    readonly [name: string]: {
      readonly type: 'string' | 'boolean'
      /** It may be given several times. */
      readonly multiple?: true
      readonly about: string
    }
  }
  readonly examples: readonly string[]
  /** The exit code: 0 well, 1 not well. */
  readonly run: (call: Call) => Promise<number>
}
