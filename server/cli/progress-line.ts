import { duration, size } from '../events/sentence.ts'

export type Progress = {
  readonly byteCount: number
  readonly of: number
  readonly filesDone: number
  readonly files: number
}

/** Wide enough to be seen move, narrow enough for a terminal of 80 columns. */
const barWidth = 20

/** How far downloads have come, in one line: a bar, bytes, files, and how long it will still take at this rate. */
export function progressLine(progress: Progress, bytesPerSecond: number): string {
  const { byteCount, of, filesDone, files } = progress
  const part = of === 0 ? 1 : Math.min(1, byteCount / of)
  const filled = Math.floor(part * barWidth)
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(barWidth - filled)}]`
  const percent = `${Math.floor(part * 100)} %`.padStart(5)
  const left =
    bytesPerSecond > 0 && byteCount < of
      ? `, ${duration(Math.ceil((of - byteCount) / bytesPerSecond))} left`
      : ''
  return `${bar} ${percent}  ${size(byteCount)} of ${size(of)}, ${filesDone} of ${files} files, ${size(bytesPerSecond)}/s${left}`
}
