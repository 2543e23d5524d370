import { isAbsolute, join, normalize } from 'node:path'
import { parseYaml } from './parse-yaml.ts'
import { settingsSchema } from './settings-schema.ts'

/**
 * The data folder that a settings file names, or the default where it names none, whatever else stands in it; `undefined` where the file is
 * no YAML, or names none that can be. Relative ones start at `folder`, the absolute path of the folder the file lies in.
 */
export function readDataFolder(text: string, folder: string): string | undefined {
  const yaml = parseYaml(text, 'the settings')
  if (yaml.kind === 'mistakes') return undefined
  const { value } = yaml
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const named: unknown = 'data' in value ? (value.data ?? undefined) : undefined
  const read = settingsSchema.shape.data.safeParse(named)
  if (!read.success) return undefined
  return normalize(isAbsolute(read.data) ? read.data : join(folder, read.data))
}
