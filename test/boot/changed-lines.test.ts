import { deepStrictEqual } from 'node:assert'
import * as fc from 'fast-check'
import t from 'tap'
import { changedLines } from '../../server/boot/changed-lines.ts'

t.test('what goes and what comes is told in order, and what stays is not', (t) => {
  t.strictSame(changedLines('a\nb\nc\n', 'a\nx\nc\nd\n'), ['- b', '+ x', '+ d'])
  t.strictSame(changedLines('a\n', 'a'), [])
  t.strictSame(changedLines('', 'a\n'), ['+ a'])
  t.strictSame(changedLines('a\n', ''), ['- a'])
  t.end()
})

t.test('texts too long to compare are told as wholes', (t) => {
  const long = 'x\n'.repeat(2_000)
  t.strictSame(changedLines(long, long), [])
  t.strictSame(changedLines(long, 'x\n'), ['- 2000 lines', '+ 1 lines'])
  t.end()
})

t.test(
  'the old text with its changes is the new text, and no line that both have is told without need',
  (t) => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 })
    fc.assert(
      fc.property(text, text, (before, after) => {
        // A text ends with a line feed; without one line it is empty.
        const whole = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('')
        const changes = changedLines(whole(before), whole(after))
        const gone = changes.filter((line) => line.startsWith('- ')).map((line) => line.slice(2))
        const come = changes.filter((line) => line.startsWith('+ ')).map((line) => line.slice(2))
        deepStrictEqual([...without(before, gone), ...come].toSorted(), [...after].toSorted())
        if (whole(before) === whole(after)) deepStrictEqual(changes, [])
      }),
    )
    t.end()
  },
)

function without(all: readonly string[], some: readonly string[]): readonly string[] {
  const rest = [...all]
  for (const one of some) rest.splice(rest.indexOf(one), 1)
  return rest
}
