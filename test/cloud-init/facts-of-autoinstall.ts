/** What is known of a value, as in `test/fixtures/autoinstall/keys.json`; the README there tells how to read it. */
export type Fact =
  | 'string'
  | 'integer'
  | 'boolean'
  | { readonly 'one-of': readonly unknown[] }
  | { readonly list: Fact }
  | { readonly each: Fact }
  | {
      readonly group: Readonly<Record<string, Fact>>
      readonly needs?: readonly string[]
      readonly open?: boolean
    }

/** Why a value is not as the facts say, with the way to the place; `undefined` when it is. */
export function whyNotFact(fact: Fact, value: unknown, at = 'it'): string | undefined {
  if (fact === 'integer') return Number.isInteger(value) ? undefined : `${at} is no integer`
  if (typeof fact === 'string') return typeof value === fact ? undefined : `${at} is no ${fact}`
  if ('one-of' in fact) return fact['one-of'].includes(value) ? undefined : `${at} is none of what it may be`
  if ('list' in fact) {
    if (!Array.isArray(value)) return `${at} is no list`
    return first(value.map((item, index) => whyNotFact(fact.list, item, `${at}[${index}]`)))
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return `${at} is no group`
  const entries = Object.entries(value)
  if ('each' in fact)
    return first(entries.map(([key, inner]) => whyNotFact(fact.each, inner, `${at}.${key}`)))
  const missing = (fact.needs ?? []).find((key) => !Object.hasOwn(value, key))
  if (missing !== undefined) return `${at} has no ${missing}`
  return first(
    entries.map(([key, inner]) => {
      const known = Object.hasOwn(fact.group, key) ? fact.group[key] : undefined
      if (known !== undefined) return whyNotFact(known, inner, `${at}.${key}`)
      return fact.open === true ? undefined : `${at} may not have ${key}`
    }),
  )
}

function first(reasons: readonly (string | undefined)[]): string | undefined {
  return reasons.find((because) => because !== undefined)
}
