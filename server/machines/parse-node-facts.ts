import { parseIpv4 } from '../wire/ipv4.ts'
import { printable } from '../wire/text.ts'
import { parseUuid } from '../wire/uuid.ts'
import type { NodeFacts } from './node-facts.ts'

export type ParsedNodeFacts =
  | { readonly kind: 'facts'; readonly facts: NodeFacts }
  | { readonly kind: 'refused'; readonly because: string }

/** The first line: another form of the text counts this up. */
export const nodeFactsMark = 'ironwake-node 1'

/** Some twelve short lines. */
export const longestNodeFacts = 4_096

/** Reads what the program on a node posts before it joins: one fact a line, a word and what it says. Words that are not known here are passed over. */
export function parseNodeFacts(text: string): ParsedNodeFacts {
  if (text.length > longestNodeFacts) return refused(`it has more than ${longestNodeFacts} characters`)
  const [mark, ...lines] = text.replace(/\n$/, '').split('\n')
  if (mark !== nodeFactsMark) return refused(`its first line is not ${nodeFactsMark}`)
  const said = new Map<string, string>()
  for (const [index, line] of lines.entries()) {
    const [, word = '', value = ''] = /^([a-z][a-z-]{0,31})(?: ([\x20-\x7e]{0,200}))?$/.exec(line) ?? []
    if (word === '') return refused(`line ${index + 2} is not a word and what it says`)
    if (said.has(word)) return refused(`${word} is said twice`)
    said.set(word, value.trim())
  }
  const time = numberOf(said.get('time'))
  if (time === undefined || time > latestSeconds) return refused(lacks('time', 'seconds since 1970'))
  const cgroup = oneOf(said.get('cgroup'), ['v1', 'v2'])
  if (cgroup === undefined) return refused(lacks('cgroup', 'v1 or v2'))
  const swap = oneOf(said.get('swap'), ['on', 'off'])
  if (swap === undefined) return refused(lacks('swap', 'on or off'))
  const memoryBytes = numberOf(said.get('memory'))
  const diskFreeBytes = numberOf(said.get('disk-free'))
  if (memoryBytes === undefined) return refused(lacks('memory', 'a number of bytes'))
  if (diskFreeBytes === undefined) return refused(lacks('disk-free', 'a number of bytes'))
  const leftovers = oneOf(said.get('leftovers'), ['none', 'ours', 'foreign'])
  if (leftovers === undefined) return refused(lacks('leftovers', 'none, ours or foreign'))
  const modules = (said.get('modules') ?? '').split(' ').filter((name) => name !== '')
  return {
    kind: 'facts',
    facts: {
      time: time * 1_000,
      cgroup,
      swap,
      containerd: versionIn(said.get('containerd')),
      kubeadm: versionIn(said.get('kubeadm')),
      modules: modules.map((name) => printable(name, 40)),
      memoryBytes,
      diskFreeBytes,
      uuid: parseUuid(said.get('uuid') ?? ''),
      address: parseIpv4(said.get('address') ?? ''),
      leftovers,
    },
  }
}

/** The year 9999. */
const latestSeconds = 253_402_300_799

function numberOf(text = ''): number | undefined {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined
}

function oneOf<Word extends string>(text: string | undefined, words: readonly Word[]): Word | undefined {
  return words.find((word) => word === text)
}

/** With whatever a distribution adds behind its three numbers taken off: `2.2.0~ds1`. */
function versionIn(text = ''): string | undefined {
  return /^v?((?:0|[1-9][0-9]{0,3})(?:\.(?:0|[1-9][0-9]{0,3})){2})(?![0-9.])/.exec(text)?.[1]
}

function lacks(word: string, form: string): string {
  return `it does not say ${word} as ${form}`
}

function refused(because: string): ParsedNodeFacts {
  return { kind: 'refused', because }
}
