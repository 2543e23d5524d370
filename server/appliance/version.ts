import { readFileSync } from 'node:fs'

/** The version of this program, as its package says. */
export const version: string = versionOf(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

function versionOf(packageText: string): string {
  const { version } = JSON.parse(packageText) as { version: string }
  return version
}
