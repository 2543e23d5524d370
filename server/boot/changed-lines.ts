/** More lines than any script or seed of ours has; beyond, the texts are told as wholes. */
const mostLines = 1_000

/** What must be taken from one text, and put into it, for it to become the other: `- line` and `+ line`, in order. */
export function changedLines(before: string, after: string): readonly string[] {
  const [old, now] = [linesOf(before), linesOf(after)]
  if (old.length > mostLines || now.length > mostLines) {
    return before === after ? [] : [`- ${old.length} lines`, `+ ${now.length} lines`]
  }
  const common = commonLengths(old, now)
  const changed: string[] = []
  let [i, j] = [0, 0]
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      i++
      j++
    } else if (j >= now.length || (i < old.length && at(common, i + 1, j) >= at(common, i, j + 1))) {
      changed.push(`- ${old[i++]}`)
    } else changed.push(`+ ${now[j++]}`)
  }
  return changed
}

/** A line feed ends a line; it does not begin another. */
function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n')
}

/** For each pair of places the length of the longest common sequence of lines from there on. */
function commonLengths(old: readonly string[], now: readonly string[]): readonly (readonly number[])[] {
  const common = Array.from({ length: old.length + 1 }, () => Array.from({ length: now.length + 1 }, () => 0))
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      const row = common[i]
      if (row === undefined) continue
      row[j] =
        old[i] === now[j]
          ? at(common, i + 1, j + 1) + 1
          : Math.max(at(common, i + 1, j), at(common, i, j + 1))
    }
  }
  return common
}

function at(common: readonly (readonly number[])[], i: number, j: number): number {
  return common[i]?.[j] ?? 0
}
