import { Composer, CST, isAlias, isMap, isPair, isScalar, isSeq, LineCounter, Parser } from 'yaml'
import type { Document, Node, ParsedNode } from 'yaml'
import { pathText } from './mistake.ts'
import type { Finding, Mistake } from './mistake.ts'

/** A settings file has a few hundred lines; a thousand machines with their keys stay below this. */
const longestText = 1_048_576
/** The deepest setting lies six levels down. Deeper nesting would exhaust the stack of the YAML reader. */
const deepestNesting = 32
/** How often one anchor's content may be repeated in all, so that a small file cannot become a large value. */
const mostAliases = 100

export type ParsedYaml =
  | {
      readonly kind: 'yaml'
      /** `undefined` for a file without content. */
      readonly value: unknown
      /** Gives a finding its line. */
      readonly locate: (finding: Finding) => Mistake
    }
  | { readonly kind: 'mistakes'; readonly mistakes: readonly Mistake[] }

/** Reads a text as one YAML 1.2 document and remembers where each value stands. */
export function parseYaml(text: string, fileName: string): ParsedYaml {
  if (text.length > longestText) {
    return whole(`${fileName} has more than ${longestText} characters.`, 'Is it really the settings file?')
  }
  const lines = new LineCounter()
  const tokens = [...new Parser(lines.addNewLine).parse(text)]
  const flood = floodOf(tokens)
  if (flood !== undefined) {
    const { offset, because } = flood
    return { kind: 'mistakes', mistakes: [{ ...placeAt(lines, offset), path: '', because }] }
  }
  const documents = [...new Composer({ prettyErrors: false, uniqueKeys: true }).compose(tokens)]
  const [document] = documents
  const flaws = documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])
  const mistakes = flaws.map((flaw) => ({
    ...placeAt(lines, flaw.pos[0]),
    path: '',
    because: sentence(flaw.message),
    ...nextStepFor(flaw.code),
  }))
  if (documents.length > 1) mistakes.push(secondDocument(lines, documents[1]))
  if (mistakes.length > 0) return { kind: 'mistakes', mistakes }
  if (document === undefined || document.contents === null) {
    return { kind: 'yaml', value: undefined, locate: (finding) => located(finding, { line: 1, column: 1 }) }
  }
  const read = valueOf(document)
  if (read.kind === 'unreadable')
    return whole(read.because, 'Write the values out instead of repeating them by *name.')
  return {
    kind: 'yaml',
    value: read.value,
    locate: (finding) => located(finding, placeAt(lines, offsetOf(document, finding))),
  }
}

function whole(because: string, nextStep: string): ParsedYaml {
  return { kind: 'mistakes', mistakes: [{ line: 1, column: 1, path: '', because, nextStep }] }
}

function located(finding: Finding, place: Place): Mistake {
  const { at, because, nextStep } = finding
  return { ...place, path: pathText(at), because, ...(nextStep === undefined ? {} : { nextStep }) }
}

type Place = { readonly line: number; readonly column: number }

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(1, line), column: Math.max(1, col) }
}

type Flood = { readonly offset: number; readonly because: string }

/** What would cost the composer of YAML too much, found without recursion; `undefined` when nothing would. */
function floodOf(tokens: readonly CST.Token[]): Flood | undefined {
  const open = tokens.map((token) => ({ token, depth: 0 })).toReversed()
  let aliases = 0
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next
    const { offset } = token
    if (depth > deepestNesting) {
      return { offset, because: `Values are nested more than ${deepestNesting} deep here.` }
    }
    if (token.type === 'alias') aliases += 1
    if (aliases > mostAliases)
      return { offset, because: `More than ${mostAliases} values are repeated by *name.` }
    if (token.type === 'document' && token.value !== undefined) open.push({ token: token.value, depth })
    if (!CST.isCollection(token)) continue
    for (const { key, value } of token.items.toReversed()) {
      if (value !== undefined) open.push({ token: value, depth: depth + 1 })
      if (key !== undefined && key !== null) open.push({ token: key, depth: depth + 1 })
    }
  }
  return undefined
}

function valueOf(
  document: Document.Parsed,
):
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'unreadable'; readonly because: string } {
  try {
    return { kind: 'value', value: document.toJS({ maxAliasCount: mostAliases }) }
  } catch (error) {
    // Thrown for aliases of nothing, and for those that would unfold into too much.
    if (error instanceof ReferenceError) return { kind: 'unreadable', because: sentence(error.message) }
    throw error
  }
}

/** Follows a path as far as the file goes, so that what is missing is reported where it should stand. */
function offsetOf(document: Document.Parsed, finding: Finding): number {
  let node: Node | ParsedNode | null | undefined = document.contents
  let offset = startOf(node) ?? 0
  for (const [depth, step] of finding.at.entries()) {
    const isLast = depth === finding.at.length - 1
    const inside: Node | null | undefined = isAlias(node) ? node.resolve(document) : node
    const found = childOf(inside, step)
    if (found === undefined) return offset
    const keyOffset = startOf(found.key)
    const valueOffset = startOf(found.value)
    offset = (isLast && finding.on === 'key' ? keyOffset : (valueOffset ?? keyOffset)) ?? offset
    node = found.value
  }
  return offset
}

type Child = { readonly key: Node | undefined; readonly value: Node | undefined }

function childOf(node: Node | null | undefined, step: string | number): Child | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(step)]
    return item === undefined ? undefined : { key: undefined, value: asNode(item) }
  }
  if (!isMap(node)) return undefined
  for (const pair of node.items) {
    if (!isPair(pair) || !isScalar(pair.key) || String(pair.key.value) !== String(step)) continue
    return { key: pair.key, value: asNode(pair.value) }
  }
  return undefined
}

function asNode(value: unknown): Node | undefined {
  return isAlias(value) || isScalar(value) || isMap(value) || isSeq(value) ? value : undefined
}

function startOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0]
}

function secondDocument(lines: LineCounter, document: Document.Parsed | undefined): Mistake {
  const place = placeAt(lines, document?.range[0] ?? 0)
  return { ...place, path: '', because: 'A second document begins here.', nextStep: 'Remove the line `---`.' }
}

function nextStepFor(code: string): { readonly nextStep?: string } {
  if (code === 'TAB_AS_INDENT') return { nextStep: 'Indent with spaces.' }
  if (code === 'DUPLICATE_KEY') return { nextStep: 'Keep one of the two.' }
  return {}
}

function sentence(message: string): string {
  const line = message.split('\n')[0] ?? message
  return /[.!?]$/.test(line) ? line : `${line}.`
}
