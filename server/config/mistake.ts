/** One thing wrong in the settings file, told so that a person can mend it. */
export type Mistake = {
  /** Counted from 1. */
  readonly line: number
  /** Counted from 1, in UTF-16 units. */
  readonly column: number
  /** Where in the settings, as `networks[0].pool`; empty for the file as a whole. */
  readonly path: string
  readonly because: string
  readonly nextStep?: string
}

/** Where a value or key stands among the settings: `['networks', 0, 'pool']`. */
export type SettingsPath = readonly (string | number)[]

/** A mistake that knows its place among the settings, but not yet its line. */
export type Finding = {
  readonly at: SettingsPath
  /** Whether the key itself is wrong, or what stands behind it. */
  readonly on: 'key' | 'value'
  readonly because: string
  readonly nextStep?: string
}

/** The path as people write it. */
export function pathText(path: SettingsPath): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    if (typeof step === 'string') text += text === '' ? step : `.${step}`
  }
  return text
}
