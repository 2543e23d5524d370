import { printable } from '../wire/text.ts'
import type { Mistake } from './mistake.ts'

/** The part of a long line that is shown. */
const widestLine = 100

/** The mistakes as a terminal shows them: each with its line of the file and a caret below the place. */
export function formatMistakes(text: string, fileName: string, mistakes: readonly Mistake[]): string {
  const lines = text.split('\n')
  const count = mistakes.length === 1 ? 'one mistake' : `${mistakes.length} mistakes`
  const blocks = mistakes.map((mistake) => formatMistake(lines[mistake.line - 1] ?? '', fileName, mistake))
  return [`${printable(fileName)} has ${count}:`, ...blocks].join('\n\n') + '\n'
}

function formatMistake(line: string, fileName: string, mistake: Mistake): string {
  const { column, path, because, nextStep } = mistake
  const place = `${printable(fileName)}:${mistake.line}:${column}`
  const from = Math.max(0, column - widestLine)
  const shown = printable(line.trimEnd().slice(from, from + widestLine + 20))
  const gutter = `  ${mistake.line} | `
  return [
    `${place}${path === '' ? '' : ` ${printable(path)}`}`,
    `${gutter}${shown}`,
    `${' '.repeat(gutter.length - 2)}| ${' '.repeat(column - 1 - from)}^`,
    `  ${printable(because, 400)}`,
    ...(nextStep === undefined ? [] : [`  ${printable(nextStep, 400)}`]),
  ].join('\n')
}
