import type { Diagnosis } from '../boot/doctor.ts'
import { ago } from './table.ts'

/** What the boot doctor says, for a terminal. */
export function verdictLines(diagnosis: Diagnosis, now: number): readonly string[] {
  const { meaning, because, causes, nextStep, before } = diagnosis
  const lines = [headline(diagnosis, now), `  ${meaning}`, `  because: ${because}`]
  if (before !== undefined)
    lines.push(`  the boot before: ${before.verdict}. ${before.meaning}`, `    ${before.because}`)
  for (const cause of [...(before?.causes ?? []), ...causes]) lines.push(`  perhaps: ${cause}`)
  for (const step of [before?.nextStep, nextStep]) if (step !== undefined) lines.push(`  next step: ${step}`)
  return lines
}

const outlooks = { well: 'well', 'under-way': 'under way', waits: 'waiting', fault: 'FAULT' } as const

function headline({ verdict, outlook, since }: Diagnosis, now: number): string {
  const name = outlook === 'under-way' ? '' : ` (${verdict})`
  return `verdict: ${outlooks[outlook]}${name}, last sign ${ago(now - since)} ago`
}
