import { whyNotLabelKey, whyNotLabelValue } from './node-label.ts'

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const

export type Taint = {
  readonly key: string
  readonly value?: string
  readonly effect: (typeof effects)[number]
}

/** Reads a taint as kubectl writes it: `dedicated=gpu:NoSchedule`, `dedicated:NoExecute`. */
export function parseTaint(text: string): Taint | undefined {
  const [, key = '', value, ending] = /^([^=:]{1,317})(?:=([^=:]{0,63}))?:([A-Za-z]{1,16})$/.exec(text) ?? []
  const effect = effects.find((one) => one === ending)
  if (effect === undefined || whyNotLabelKey(key) !== undefined) return undefined
  if (value !== undefined && whyNotLabelValue(value) !== undefined) return undefined
  return { key, ...(value === undefined || value === '' ? {} : { value }), effect }
}
