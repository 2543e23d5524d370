import { printable } from '../wire/text.ts'

/** One step of cloud-init or curtin, as its webhook tells it. */
export type Report = {
  /** `cloudinit`, or `curtin` for the installer. */
  readonly origin: string
  /** `modules-final`, or with its parent `modules-final/config-phone_home`. */
  readonly name: string
  readonly description: string
  /** By the machine's own clock, which may be wrong. Milliseconds since 1970-01-01 UTC. */
  readonly at: number | undefined
} & (
  | { readonly kind: 'start' }
  | { readonly kind: 'finish'; readonly result: ReportResult }
  /** curtin's `info`, `warning` and the like. */
  | { readonly kind: 'note'; readonly eventType: string }
)

export const reportResults = ['SUCCESS', 'WARN', 'FAIL'] as const
export type ReportResult = (typeof reportResults)[number]

type Refusal = { readonly kind: 'refused'; readonly because: string }

export type ParsedReport = { readonly kind: 'report'; readonly report: Report } | Refusal

/** Reports may carry log files in base64, which nothing here reads. */
const longestBody = 1_048_576
const longestName = 200
const longestDescription = 500
/** Later than this a number is no time in seconds: the year 9999. */
const latestSeconds = 253_402_300_799

/** Reads the body of a report (cloud-init `WebHookHandler`, curtin likewise), whatever content type it came with. */
export function parseReport(body: string): ParsedReport {
  if (body.length > longestBody) return refused(`it has more than ${longestBody} characters`)
  const value = parseJson(body)
  if (value === undefined) return refused('it is not JSON')
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refused('it is not a JSON object')
  const fields = new Map<string, unknown>(Object.entries(value))
  const [name, eventType] = [fields.get('name'), fields.get('event_type')]
  if (typeof name !== 'string' || name === '') return refused('it has no name')
  if (typeof eventType !== 'string' || eventType === '') return refused('it has no event_type')
  const told = {
    origin: textOf(fields.get('origin'), longestName),
    name: textOf(name, longestName),
    description: textOf(fields.get('description'), longestDescription),
    at: timeOf(fields.get('timestamp')),
  }
  if (eventType === 'start') return { kind: 'report', report: { kind: 'start', ...told } }
  if (eventType !== 'finish') {
    return { kind: 'report', report: { kind: 'note', eventType: textOf(eventType, longestName), ...told } }
  }
  const result = reportResults.find((word) => word === fields.get('result'))
  if (result === undefined) return refused('it ends without a result of SUCCESS, WARN or FAIL')
  return { kind: 'report', report: { kind: 'finish', result, ...told } }
}

function timeOf(seconds: unknown): number | undefined {
  const isTime = typeof seconds === 'number' && seconds >= 0 && seconds <= latestSeconds
  return isTime ? Math.round(seconds * 1_000) : undefined
}

function textOf(value: unknown, limit: number): string {
  return typeof value === 'string' ? printable(value.toWellFormed(), limit) : ''
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function refused(because: string): Refusal {
  return { kind: 'refused', because }
}
