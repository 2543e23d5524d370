import { whyNotDomain } from './hostname.ts'

/** kubernetes.io/docs/concepts/overview/working-with-objects/labels: a name, after a domain where there is one. */
export function whyNotLabelKey(key: string): string | undefined {
  const [first = '', second, ...more] = key.split('/')
  const name = second ?? first
  if (more.length > 0 || !labelText.test(name)) return 'a key is not that of a label'
  return second === undefined || whyNotDomain(first) === undefined
    ? undefined
    : 'a key has no domain before its /'
}

const labelText = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/

export function whyNotLabelValue(value: string): string | undefined {
  return value === '' || labelText.test(value) ? undefined : 'a value is not that of a label'
}
