/** Summaries are made anew when something of them has changed, so that the text of one is right for as long as it is there. */
const texts = new WeakMap<object, string>()

/**
 * The JSON of a list, as `JSON.stringify` has it. Of a thousand machines few have changed since they were last listed, and only
 * those are written anew.
 */
export function machineListJson(list: readonly object[]): string {
  return `[${list.map(remembered).join(',')}]`
}

function remembered(summary: object): string {
  const known = texts.get(summary)
  if (known !== undefined) return known
  const text = JSON.stringify(summary)
  texts.set(summary, text)
  return text
}
