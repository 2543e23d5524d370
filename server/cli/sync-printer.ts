import { duration, size } from '../events/sentence.ts'
import type { SyncProgress, SyncStep } from '../images/sync-report.ts'
import { printable } from '../wire/text.ts'
import type { Call } from './call.ts'
import { progressLine } from './progress-line.ts'

/** Where there is no terminal to draw on, a line now and then. */
const lineEveryMs = 10_000
/** The rate is that of the last few seconds. */
const rateOverMs = 5_000

const upAndClear = '\u001b[1A\u001b[2K'

/** Tells a person what a sync does: on a terminal with a line that moves, else line by line. */
export function syncPrinter(call: Pick<Call, 'remark' | 'isTerminal' | 'now'>): (step: SyncStep) => void {
  const { remark, isTerminal, now } = call
  let marks: readonly { readonly at: number; readonly byteCount: number }[] = []
  let isDrawn = false
  let saidAt = Number.NEGATIVE_INFINITY

  function say(line: string): void {
    remark(isDrawn ? `${upAndClear}${line}` : line)
    isDrawn = false
  }

  function draw(progress: SyncProgress): void {
    const at = now()
    const { byteCount } = progress
    marks = [...marks.filter((mark) => at - mark.at <= rateOverMs), { at, byteCount }]
    const [first] = marks
    const elapsed = first === undefined ? 0 : at - first.at
    const rate = first === undefined || elapsed === 0 ? 0 : ((byteCount - first.byteCount) / elapsed) * 1000
    const line = progressLine(progress, Math.max(0, rate))
    if (isTerminal) {
      say(line)
      isDrawn = true
    } else if (at - saidAt >= lineEveryMs) {
      saidAt = at
      say(line)
    }
  }

  return (step) => {
    switch (step.kind) {
      case 'asking':
        return say(`Asking ${step.upstream} (${step.url})`)
      case 'planned':
        return say(
          step.files === 0
            ? 'Nothing to fetch.'
            : `To fetch: ${step.images.join(', ')} (${step.files} files, ${size(step.byteCount)})`,
        )
      case 'progress':
        return draw(step)
      case 'fetched':
        return say(`  ${step.url}  ${size(step.byteCount)} in ${duration(Math.ceil(step.tookMs / 1000))}`)
      case 'preparing':
        return undefined
      case 'published':
        return say(`${step.image} is here.`)
      case 'refused':
        say(`${step.image} was not fetched: ${printable(step.because, 1_000)}`)
        if (step.nextStep !== undefined) say(`  ${step.nextStep}`)
    }
  }
}
