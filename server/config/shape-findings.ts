import type { z } from 'zod'
import { closest } from './closest.ts'
import type { Finding, SettingsPath } from './mistake.ts'
import { kindOf, knownKeys } from './settings-schema.ts'

type Issue = z.core.$ZodIssue

/** What the schema found, in sentences; absent, it is that of the settings. */
export function shapeFindings(
  issues: readonly Issue[],
  settings: unknown,
  schema?: z.ZodType,
): readonly Finding[] {
  return issues.flatMap((issue) => findingsOf(issue, settings, schema))
}

function findingsOf(issue: Issue, settings: unknown, schema: z.ZodType | undefined): readonly Finding[] {
  const at = issue.path.map((step) => (typeof step === 'number' ? step : String(step)))
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey([...at, key], knownKeys(at, schema)))
  }
  const value = valueAt(settings, at)
  if (value === undefined) {
    return [{ at, on: 'value', because: `${String(at.at(-1) ?? 'This')} is missing here.` }]
  }
  const nextStep = issue.code === 'custom' ? nextStepOf(issue) : undefined
  const because = sentenceOf(issue, value)
  return [{ at, on: 'value', because, ...(nextStep === undefined ? {} : { nextStep }) }]
}

function unknownKey(at: SettingsPath, known: readonly string[]): Finding {
  const key = String(at.at(-1))
  const meant = closest(key, known)
  const because = `There is no setting ${JSON.stringify(key)} here.`
  // Of settings that come in several kinds it is not told which kind was meant.
  if (known.length === 0) return { at, on: 'key', because }
  const nextStep = meant === undefined ? `Known here: ${known.join(', ')}.` : `Did you mean ${meant}?`
  return { at, on: 'key', because, nextStep }
}

function nextStepOf(issue: Extract<Issue, { code: 'custom' }>): string | undefined {
  const nextStep: unknown = issue.params?.['nextStep']
  return typeof nextStep === 'string' ? nextStep : undefined
}

function sentenceOf(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return `This must be ${wanted[issue.expected] ?? issue.expected}, it is ${kindOf(value)}.`
    case 'invalid_value':
      return `This must be ${issue.values.map((allowed) => `\`${String(allowed)}\``).join(' or ')}.`
    case 'too_small':
      return `This must be at least ${issue.minimum}.`
    case 'too_big':
      return issue.origin === 'array'
        ? `At most ${issue.maximum} may be listed here.`
        : `This must be at most ${issue.maximum}.`
    case 'custom':
    case 'invalid_format':
    case 'invalid_key':
    case 'invalid_element':
    case 'invalid_union':
    case 'not_multiple_of':
    case 'unrecognized_keys':
      return issue.message
  }
}

const wanted: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  array: 'a list',
  object: 'a group of settings',
}

function valueAt(settings: unknown, path: SettingsPath): unknown {
  let value = settings
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = Reflect.get(value, step)
  }
  return value
}
