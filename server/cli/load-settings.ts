import { readFileSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { formatMistakes } from '../config/format-mistakes.ts'
import { readConfig } from '../config/read-config.ts'
import type { Settings } from './call.ts'
import { Sorry } from './sorry.ts'

const usualFile = 'ironwake.yaml'
const sizeLimitBytes = 4 * 1024 * 1024

/**
 * The settings of the file that was named, or of `ironwake.yaml` here, or the defaults where neither is. All mistakes in
 * a file are told at once.
 */
export function loadSettings(named: string | undefined, dataFolder: string | undefined): Settings {
  const file = resolve(named ?? usualFile)
  const text = textOf(file, named !== undefined)
  const name = text === undefined ? usualFile : basename(file)
  const read = readConfig(text ?? '', name, dirname(file))
  if (read.kind === 'mistakes') {
    const count = read.mistakes.length === 1 ? 'a mistake' : `${read.mistakes.length} mistakes`
    throw new Sorry(`the settings have ${count}:\n${formatMistakes(text ?? '', name, read.mistakes)}`)
  }
  const config = dataFolder === undefined ? read.config : { ...read.config, dataFolder: resolve(dataFolder) }
  return { config, file: text === undefined ? undefined : file }
}

function textOf(file: string, mustExist: boolean): string | undefined {
  try {
    if (statSync(file).size > sizeLimitBytes) throw new Sorry(`${file} is too large to be a settings file`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Sorry) throw error
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && !mustExist) return undefined
    if (code === 'ENOENT')
      throw new Sorry(`there is no settings file ${file}`, 'ironwake.example.yaml shows what one holds.')
    throw new Sorry(`${file} cannot be read: ${message}`)
  }
}
