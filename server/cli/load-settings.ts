import { fileTrouble } from '../wire/file-trouble.ts'
import { readFileSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { formatMistakes } from '../config/format-mistakes.ts'
import { readConfig } from '../config/read-config.ts'
import { readDataFolder } from '../config/read-data-folder.ts'
import type { Mistake } from '../config/mistake.ts'
import type { Settings } from './call.ts'
import { Sorry } from './sorry.ts'

const usualFile = 'ironwake.yaml'
const sizeLimitBytes = 4 * 1024 * 1024

/**
 * The settings of the file that was named, or of `ironwake.yaml` here, or the defaults where neither is. All mistakes in
 * a file are told at once.
 */
export function loadSettings(named: string | undefined, dataFolder: string | undefined): Settings {
  const { file, text, name, read } = readFrom(named)
  if (read.kind === 'mistakes') throw mistaken(text ?? '', name, read.mistakes)
  const config = dataFolder === undefined ? read.config : { ...read.config, dataFolder: resolve(dataFolder) }
  return { config, file: text === undefined ? undefined : file }
}

/**
 * The data folder alone, which is all that is needed to ask a box that runs: mistakes elsewhere in the settings are only told by `warn`.
 */
export function loadDataFolder(
  named: string | undefined,
  dataFolder: string | undefined,
  warn: (line: string) => void,
): string {
  if (dataFolder !== undefined) return resolve(dataFolder)
  const { file, text, name, read } = readFrom(named)
  if (read.kind === 'config') return read.config.dataFolder
  const found = readDataFolder(text ?? '', dirname(file))
  if (found === undefined) throw mistaken(text ?? '', name, read.mistakes)
  warn(
    `The settings have ${counted(read.mistakes)}, which \`ironwake check\` tells; their data folder is used all the same.`,
  )
  return found
}

function readFrom(named: string | undefined) {
  const file = resolve(named ?? usualFile)
  const text = textOf(file, named !== undefined)
  const name = text === undefined ? usualFile : basename(file)
  return { file, text, name, read: readConfig(text ?? '', name, dirname(file)) }
}

function mistaken(text: string, name: string, mistakes: readonly Mistake[]): Sorry {
  return new Sorry(`the settings have ${counted(mistakes)}:\n${formatMistakes(text, name, mistakes)}`)
}

function counted(mistakes: readonly Mistake[]): string {
  return mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`
}

function textOf(file: string, mustExist: boolean): string | undefined {
  try {
    if (statSync(file).size > sizeLimitBytes) throw new Sorry(`${file} is too large to be a settings file`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Sorry) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && !mustExist) return undefined
    if (code === 'ENOENT')
      throw new Sorry(`there is no settings file ${file}`, 'ironwake.example.yaml shows what one holds.')
    throw new Sorry(
      `${file} cannot be read: ${fileTrouble(error)}`,
      'Name the settings file with --settings; ironwake.example.yaml shows what one holds.',
    )
  }
}
