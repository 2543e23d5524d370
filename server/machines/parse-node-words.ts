type Refusal = { readonly kind: 'refused'; readonly because: string }

export type ParsedWords<Word extends string> =
  { readonly kind: 'words'; readonly words: { readonly [word in Word]: string } } | Refusal

/** What a program of ours sends: a first line that names its form, then each word once, a blank, and its value. */
export function parseNodeWords<Word extends string>(
  body: string,
  form: string,
  wanted: readonly Word[],
): ParsedWords<Word> {
  const [first, ...lines] = body.replace(/\n$/, '').split('\n')
  if (first !== form) return refused(`its first line is not “${form}”`)
  if (lines.length !== wanted.length) return refused(`it has not the lines ${wanted.join(', ')}, each once`)
  const found = new Map<string, string>()
  for (const line of lines) {
    const [, word = '', value = ''] = /^([a-z-]+) ([\x21-\x7e]+)$/.exec(line) ?? []
    if (!wanted.some((one) => one === word)) return refused(`it has a line other than ${wanted.join(', ')}`)
    found.set(word, value)
  }
  const missing = wanted.find((word) => !found.has(word))
  if (missing !== undefined) return refused(`it has no line ${missing}`)
  return { kind: 'words', words: Object.fromEntries(found) as { readonly [word in Word]: string } }
}

function refused(because: string): Refusal {
  return { kind: 'refused', because }
}
