import { duration, size } from '../events/sentence.ts'
import type { Work, WorkStep } from '../images/work.ts'
import type { Call } from './call.ts'

const steps: {
  readonly [step in WorkStep]: { readonly doing: string; readonly counts: 'bytes' | 'percent' }
} = {
  download: { doing: 'Fetching', counts: 'bytes' },
  check: { doing: 'Checking', counts: 'bytes' },
  copy: { doing: 'Copying', counts: 'bytes' },
  convert: { doing: 'Converting', counts: 'percent' },
  compress: { doing: 'Packing', counts: 'bytes' },
  unpack: { doing: 'Reading the archive', counts: 'bytes' },
}

const drawEveryMs = 200
/** Where there is no terminal to draw on, a line now and then. */
const lineEveryMs = 10_000
const upAndClear = '\u001b[1A\u001b[2K'

/** Shows how far some work is: on a terminal by a line that moves, and that `done` replaces; else line by line. */
export function workPrinter(
  call: Pick<Call, 'remark' | 'isTerminal' | 'now' | 'stop'>,
): Work & { readonly done: (line: string) => void } {
  const { remark, isTerminal, now, stop } = call
  let current: WorkStep | undefined
  let beganAt = 0
  let saidAt = Number.NEGATIVE_INFINITY
  let isDrawn = false

  function say(line: string): void {
    remark(isDrawn ? `${upAndClear}${line}` : line)
    isDrawn = isTerminal
  }

  return {
    stop,
    progress(step, done, total) {
      const at = now()
      if (step !== current) {
        current = step
        beganAt = at
        saidAt = isTerminal ? Number.NEGATIVE_INFINITY : at
      }
      if (at - saidAt < (isTerminal ? drawEveryMs : lineEveryMs)) return
      saidAt = at
      say(lineOf(step, done, total, at - beganAt))
    },
    done(line) {
      say(line)
      isDrawn = false
    },
  }
}

function lineOf(step: WorkStep, done: number, total: number | undefined, elapsedMs: number): string {
  const { doing, counts } = steps[step]
  const percent = total === undefined || total === 0 ? '' : ` ${Math.floor((done / total) * 100)} %`
  const bytes =
    counts === 'percent' ? '' : `, ${size(done)}${total === undefined ? '' : ` of ${size(total)}`}`
  const isEarly = done === 0 || elapsedMs < 2_000
  const left =
    total === undefined || isEarly || done >= total
      ? ''
      : `, ${duration(Math.ceil(((elapsedMs / done) * (total - done)) / 1000))} left`
  return `${doing}${percent}${bytes}${left}`
}
