import { textUpToNul } from '../wire/text.ts'

/** What the bytes at the beginning of a file say it is; names of files say nothing. */
export type ToldForm =
  | { readonly kind: 'form'; readonly form: 'qcow2' | 'squashfs' | 'iso' | 'gzip' | 'raw' }
  | { readonly kind: 'refused'; readonly because: string; readonly nextStep?: string }

/** As much of a file as tells every form: the first descriptor of an ISO lies 32 KiB in. */
export const tellingBytes = 64 * 1024

/** Tells the form of a file by its first `tellingBytes`, or all of it when it is shorter. */
export function tellForm(head: Uint8Array): ToldForm {
  if (starts(head, 'QFI\u{fb}')) return { kind: 'form', form: 'qcow2' }
  if (starts(head, 'hsqs')) return { kind: 'form', form: 'squashfs' }
  if (startsWith(head, [0x1f, 0x8b])) return { kind: 'form', form: 'gzip' }
  // Before the partition table, which an ISO for USB sticks has as well (ECMA-119 §8.1).
  if (textAt(head, isoDescriptorAt + 1, 5) === 'CD001') return { kind: 'form', form: 'iso' }
  if (hasPartitions(head)) return { kind: 'form', form: 'raw' }
  return whatElse(head)
}

const isoDescriptorAt = 16 * 2048

/** A GPT of a disk with sectors of 512 or 4096 bytes (UEFI 2.10 §5.3.2), or an MBR with a partition in it (§5.2.1). */
function hasPartitions(head: Uint8Array): boolean {
  if (textAt(head, 512, 8) === 'EFI PART' || textAt(head, 4096, 8) === 'EFI PART') return true
  if (head[510] !== 0x55 || head[511] !== 0xaa) return false
  const entries = [446, 462, 478, 494].map((at) => head.subarray(at, at + 16))
  const isUsed = (entry: Uint8Array): boolean => entry[4] !== 0
  const isSound = (entry: Uint8Array): boolean => entry[0] === 0 || entry[0] === 0x80
  return entries.some(isUsed) && entries.every(isSound)
}

function whatElse(head: Uint8Array): ToldForm {
  if (head.length === 0) return { kind: 'refused', because: 'the file is empty' }
  for (const { magic, what, nextStep } of known) {
    if (startsWith(head, magic)) return { kind: 'refused', because: `this is ${what}`, nextStep }
  }
  if (/^\s*</.test(textUpToNul(head.subarray(0, 64)))) {
    const nextStep = 'A server that has no such file, or a proxy, often sends one in its place; look into it.'
    return { kind: 'refused', because: 'this is a web page', nextStep }
  }
  return {
    kind: 'refused',
    because: 'this is neither a disk image (raw with partitions, or qcow2) nor a squashfs, tar.gz or ISO',
    nextStep: 'See what it is with: file FILE',
  }
}

const unpack = (tool: string): string => `Unpack it first: ${tool}`
const convert = 'Convert it first: qemu-img convert -O qcow2 FILE IMAGE.qcow2'
const known: readonly {
  readonly magic: readonly number[]
  readonly what: string
  readonly nextStep: string
}[] = [
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], what: 'packed with xz', nextStep: unpack('xz -dk FILE') },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], what: 'packed with zstd', nextStep: unpack('zstd -d FILE') },
  { magic: [0x42, 0x5a, 0x68], what: 'packed with bzip2', nextStep: unpack('bunzip2 -k FILE') },
  { magic: [0x04, 0x22, 0x4d, 0x18], what: 'packed with lz4', nextStep: unpack('lz4 -d FILE') },
  { magic: [0x50, 0x4b, 0x03, 0x04], what: 'a zip archive', nextStep: unpack('unzip FILE') },
  { magic: [0x4b, 0x44, 0x4d, 0x56], what: 'a VMDK disk', nextStep: convert },
  { magic: [0x76, 0x68, 0x64, 0x78], what: 'a VHDX disk', nextStep: convert },
  { magic: [0x3c, 0x3c, 0x3c, 0x20], what: 'a VDI disk', nextStep: convert },
]

function starts(head: Uint8Array, text: string): boolean {
  return startsWith(
    head,
    Array.from(text, (letter) => letter.charCodeAt(0)),
  )
}

function startsWith(head: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, at) => head[at] === byte)
}

function textAt(head: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...head.subarray(at, at + length))
}
