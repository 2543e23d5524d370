import { isUnicastMac, parseMac, type Mac } from '../wire/mac.ts'
import { printable } from '../wire/text.ts'
import { tpms, type Disk, type Inventory, type Tpm } from './inventory.ts'

export type ParsedInventory =
  | { readonly kind: 'inventory'; readonly inventory: Inventory }
  | { readonly kind: 'refused'; readonly because: string }

/** A storage server with sixty disks of many partitions tells some 60 kB. */
const longestText = 200_000
const longestLine = 400
const longestValue = 200
const most = { disks: 512, cards: 128, notes: 64 }
/** The kernel counts sectors of a disk in 63 bits; beyond this no number is exact. */
const largestNumber = Number.MAX_SAFE_INTEGER

/** The first line: another form of the text counts this up. */
export const inventoryMark = 'ironwake-inventory 1'

type Draft = {
  firmware: Inventory['firmware'] | undefined
  firmwareVersion: string | undefined
  tpm: Tpm | undefined
  processors: number | undefined
  processorModel: string | undefined
  memoryBytes: number | undefined
  cards: { name: string; mac: Mac }[]
  disks: DiskDraft[]
}

type DiskDraft = { -readonly [key in keyof Disk]: Disk[key] } & { usedBy: string[]; holds: string[] }

/**
 * Reads what the program on the machine posts: one fact a line, a word and what it says. A line with `disk` begins a disk,
 * and what follows is of it. Whoever is on the wire may post one, so that nothing in it is taken on trust but its form.
 */
export function parseInventory(text: string): ParsedInventory {
  if (text.length > longestText) return refused(`it has more than ${longestText} characters`)
  const [mark, ...lines] = text.split('\n')
  if (mark !== inventoryMark) return refused(`its first line is not ${inventoryMark}`)
  if (lines.pop() !== '' || lines.pop() !== 'end') return refused('its last line is not: end')
  const draft: Draft = {
    firmware: undefined,
    firmwareVersion: undefined,
    tpm: undefined,
    processors: undefined,
    processorModel: undefined,
    memoryBytes: undefined,
    cards: [],
    disks: [],
  }
  for (const [index, line] of lines.entries()) {
    const because = line.length > longestLine ? 'it is too long' : take(draft, line)
    if (because !== undefined) return refused(`line ${index + 2}: ${because}`)
  }
  const { firmware, firmwareVersion, tpm, processors, memoryBytes, processorModel, cards, disks } = draft
  if (firmware === undefined) return refused('it does not say by which firmware the machine started')
  if (processors === undefined || memoryBytes === undefined) {
    return refused('it does not say how many processors and how much memory there are')
  }
  const sizeless = disks.find(({ bytes }) => Number.isNaN(bytes))
  if (sizeless !== undefined) return refused(`it does not say how large ${sizeless.name} is`)
  const inventory = {
    firmware,
    ...(firmwareVersion === undefined ? {} : { firmwareVersion }),
    ...(tpm === undefined ? {} : { tpm }),
    processors,
    processorModel,
    memoryBytes,
    cards,
    disks,
  }
  return { kind: 'inventory', inventory }
}

/** Takes a line into the draft, or says why it cannot be. */
function take(draft: Draft, line: string): string | undefined {
  const at = line.indexOf(' ')
  const word = at === -1 ? line : line.slice(0, at)
  const value = at === -1 ? '' : line.slice(at + 1).trim()
  switch (word) {
    case 'firmware':
      if (value !== 'bios' && value !== 'uefi') return 'the firmware is neither bios nor uefi'
      draft.firmware = value
      return undefined
    case 'firmware-version':
      draft.firmwareVersion = textOf(value)
      return undefined
    case 'tpm':
      draft.tpm = tpms.find((known) => known === value)
      return draft.tpm === undefined ? 'there is no such TPM' : undefined
    case 'processors':
      draft.processors = numberOf(value)
      return draft.processors === undefined ? notNumber : undefined
    case 'processor-model':
      draft.processorModel = textOf(value)
      return undefined
    case 'memory': {
      draft.memoryBytes = numberOf(value)
      return draft.memoryBytes === undefined ? notNumber : undefined
    }
    case 'card': {
      const [name = '', address = '', ...rest] = value.split(' ')
      const mac = parseMac(address)
      if (!isKernelName(name) || mac === undefined || rest.length > 0) return 'it names no network card'
      if (!isUnicastMac(mac)) return undefined
      if (draft.cards.length >= most.cards) return `there are more than ${most.cards} network cards`
      draft.cards.push({ name, mac })
      return undefined
    }
    case 'disk':
      if (!isKernelName(value)) return 'this is not the name of a disk'
      if (draft.disks.some(({ name }) => name === value)) return `${value} comes twice`
      if (draft.disks.length >= most.disks) return `there are more than ${most.disks} disks`
      draft.disks.push(blankDisk(value))
      return undefined
    default: {
      const disk = draft.disks.at(-1)
      return disk === undefined ? 'no disk was named before' : takeOfDisk(disk, word, value)
    }
  }
}

function takeOfDisk(disk: DiskDraft, word: string, value: string): string | undefined {
  switch (word) {
    case 'bytes':
      disk.bytes = numberOf(value) ?? Number.NaN
      return Number.isNaN(disk.bytes) ? notNumber : undefined
    case 'serial':
    case 'wwn':
    case 'path':
    case 'model':
      disk[word] = textOf(value)
      return undefined
    case 'udev-serial': {
      const udevSerial = textOf(value)
      if (udevSerial !== undefined) disk.udevSerial = udevSerial
      return undefined
    }
    case 'removable':
      disk.isRemovable = true
      return undefined
    case 'read-only':
      disk.isReadOnly = true
      return undefined
    case 'used-by':
    case 'holds': {
      const notes = word === 'holds' ? disk.holds : disk.usedBy
      // More says nothing more, and the disk is no less full.
      if (notes.length < most.notes) notes.push(textOf(value) ?? 'something without a name')
      return undefined
    }
    default:
      return `nothing is called ${printable(word, 40)}`
  }
}

const notNumber = 'this is not a number'

function blankDisk(name: string): DiskDraft {
  return {
    name,
    bytes: Number.NaN,
    serial: undefined,
    wwn: undefined,
    path: undefined,
    model: undefined,
    isRemovable: false,
    isReadOnly: false,
    usedBy: [],
    holds: [],
  }
}

function numberOf(text: string): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return undefined
  const value = Number(text)
  return value <= largestNumber ? value : undefined
}

/** `undefined` for a text without anything to see in it. */
function textOf(text: string): string | undefined {
  const clean = printable(text.toWellFormed(), longestValue).trim()
  return clean === '' ? undefined : clean
}

/** What the kernel calls devices; a slash in a name (cciss/c0d0) is an exclamation mark in /sys. */
function isKernelName(text: string): boolean {
  return /^[a-z0-9][a-z0-9_.!:-]{0,63}$/i.test(text)
}

function refused(because: string): ParsedInventory {
  return { kind: 'refused', because }
}
