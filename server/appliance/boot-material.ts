import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { programNames } from '../boot/programs.ts'
import { templateNames, type Templates } from '../ipxe-scripts/templates.ts'

/** Boot programs by file name, whole, in memory: they are small and asked for by every machine that starts. */
export type Programs = ReadonlyMap<string, Uint8Array>

/** More is no boot program. */
const programLimitBytes = 16 * 1024 * 1024

/** Reads the boot programs of the folders; a file in an earlier folder hides its namesake in a later one. */
export function readPrograms(folders: readonly string[]): Programs {
  const found = new Map<string, Uint8Array>()
  for (const folder of folders) {
    for (const file of filesIn(folder)) {
      if (!programNames.includes(file) || found.has(file)) continue
      const bytes = readFileSync(join(folder, file))
      if (bytes.length > 0 && bytes.length <= programLimitBytes) found.set(file, bytes)
    }
  }
  return found
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    // A folder of the defaults that this box has not; `check` says which programs are missing.
    return []
  }
}

const templateFolder = new URL('../../ipxe-scripts/', import.meta.url)

/** The cloud-config that all machines of the method `ram` have in common. */
export function readRamVendorData(): string {
  return readFileSync(new URL('../../cloud-init/ram/vendor-data.yaml', import.meta.url), 'utf8')
}

export function readTemplates(): Templates {
  const texts = templateNames.map((name) => [
    name,
    readFileSync(new URL(`${name}.ipxe`, templateFolder), 'utf8'),
  ])
  return Object.fromEntries(texts) as Templates
}
