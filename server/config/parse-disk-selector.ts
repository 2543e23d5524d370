/** Which of a machine's disks is meant: all terms fit it, and of those that fit, the order may choose one. */
export type DiskSelector = {
  /** As a person wrote it. */
  readonly text: string
  readonly terms: readonly DiskTerm[]
  readonly order?: 'smallest' | 'largest'
}

export type DiskTerm =
  | { readonly kind: 'serial' | 'wwn' | 'by-path'; readonly value: string }
  | { readonly kind: 'size'; readonly compare: SizeComparison; readonly bytes: number }

export type SizeComparison = '=' | '<' | '<=' | '>' | '>='

export type ParsedDiskSelector =
  | { readonly kind: 'selector'; readonly selector: DiskSelector }
  | { readonly kind: 'refused'; readonly because: string; readonly nextStep: string }

const howTo =
  'Write serial=…, wwn=…, by-path=…, size>=400G, smallest or largest, or several of them with a space between.'

const longest = 400
const mostTerms = 8

/** Makers count in thousands, systems in 1024s: `G` is a maker's gigabyte, `GiB` a system's. */
const units: Readonly<Record<string, number>> = {
  M: 1e6,
  MB: 1e6,
  MiB: 2 ** 20,
  G: 1e9,
  GB: 1e9,
  GiB: 2 ** 30,
  T: 1e12,
  TB: 1e12,
  TiB: 2 ** 40,
}

/** Reads `serial=S3Z9NX0M`, `size>=400G smallest` and the like. */
export function parseDiskSelector(text: string): ParsedDiskSelector {
  if (text.length > longest) return refused(`it has more than ${longest} characters`)
  const words = text.trim().split(/[\s,]+/)
  if (words.length > mostTerms) return refused(`it has more than ${mostTerms} parts`)
  const terms: DiskTerm[] = []
  let order: DiskSelector['order']
  for (const word of words) {
    if (word === 'smallest' || word === 'largest') {
      if (order !== undefined && order !== word) return refused('no disk is the smallest and the largest')
      order = word
      continue
    }
    const read = readTerm(word)
    if (read.kind === 'refused') return read
    terms.push(read.term)
  }
  return {
    kind: 'selector',
    selector: { text: words.join(' '), terms, ...(order === undefined ? {} : { order }) },
  }
}

function readTerm(word: string): { readonly kind: 'term'; readonly term: DiskTerm } | Refusal {
  if (/^(?:\/dev\/(?!disk\/)|(?:name|disk)=)|^(?:[shv]d[a-z]+|nvme[0-9]+n[0-9]+|mmcblk[0-9]+)$/.test(word)) {
    return {
      ...refused('kernel names such as sda or nvme0n1 move from disk to disk between boots'),
      nextStep: howTo,
    }
  }
  const [, key = '', compare = '', value = ''] = /^([a-z-]+)(>=|<=|=|<|>)(.+)$/.exec(word) ?? []
  if (key === 'size') {
    const [, amount = '', unit = ''] = /^([1-9][0-9]{0,6}(?:\.[0-9]{1,3})?)([MGT](?:i?B)?)$/.exec(value) ?? []
    const each = units[unit]
    if (each === undefined) return refused(`${quoted(value)} is not a size, as 400G or 1.92T`)
    const bytes = Math.round(Number(amount) * each)
    return { kind: 'term', term: { kind: 'size', compare: compare as SizeComparison, bytes } }
  }
  if ((key !== 'serial' && key !== 'wwn' && key !== 'by-path') || compare !== '=') {
    return refused(`${quoted(word)} says nothing that a disk is known by`)
  }
  return { kind: 'term', term: { kind: key, value: value.replace(/^\/dev\/disk\/by-[a-z]+\//, '') } }
}

type Refusal = Extract<ParsedDiskSelector, { kind: 'refused' }>

function refused(because: string): Refusal {
  return { kind: 'refused', because, nextStep: howTo }
}

function quoted(text: string): string {
  return text.length <= 40 ? `"${text}"` : `"${text.slice(0, 39)}…"`
}
