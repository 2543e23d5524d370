import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const folders = `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter)

/**
 * The options of a test that needs root, network namespaces and these programs: empty where they are there, with the
 * reason to skip where something is missing. In CI what is missing is a failure.
 */
export function needs(...programs: readonly string[]): { readonly skip?: string } {
  const missing = ['ip', 'setpriv', ...programs].filter((program) => !isInstalled(program))
  const because = [
    ...(process.getuid?.() === 0 ? [] : ['it must run as root']),
    ...missing.map((program) => `${program} is not installed`),
  ].join(', ')
  if (because === '') return {}
  if (process.env['CI'] === 'true')
    throw new Error(`This test cannot run here, and in CI it must: ${because}.`)
  return { skip: because }
}

/** A program by its name, or a file by its path. */
function isInstalled(program: string): boolean {
  if (program.startsWith('/')) return existsSync(program)
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
