import type { Cpu } from '../dhcp/architectures.ts'

/** What the header of an EFI program says of it. */
export type PortableExecutable = {
  readonly cpu: Cpu
  /** Whether it carries a signature. Whose it is, and whether it is right, only the firmware and shim can say. */
  readonly signature: 'carried' | 'none'
}

/** Numbers of the field Machine (Microsoft, "PE Format", Machine Types). */
const machines: ReadonlyMap<number, Cpu> = new Map([
  [0x014c, 'x86'],
  [0x8664, 'x86_64'],
  [0xaa64, 'arm64'],
  [0x5064, 'riscv64'],
  [0x6264, 'loongarch64'],
])

const newHeaderAt = 0x3c
const peMark = 0x00004550
/** The optional header follows the mark and the file header; its first field tells 32 bits from 64. */
const optionalHeaderAfter = 24
const directoriesAfter: ReadonlyMap<number, number> = new Map([
  [0x010b, 96],
  [0x020b, 112],
])
/** The Attribute Certificate Table is the fifth of the data directories, each of eight bytes. */
const certificateTable = 4

/** Reads the header, from the beginning of a file of `size` bytes; `undefined` when it is no EFI program. */
export function readPortableExecutable(
  bytes: Uint8Array,
  size: number = bytes.length,
): PortableExecutable | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const u16 = (at: number) => (at + 2 <= view.byteLength ? view.getUint16(at, true) : undefined)
  const u32 = (at: number) => (at + 4 <= view.byteLength ? view.getUint32(at, true) : undefined)
  const start = u32(newHeaderAt)
  if (start === undefined || u32(start) !== peMark) return undefined
  const optional = start + optionalHeaderAfter
  const directories = directoriesAfter.get(u16(optional) ?? 0)
  if (directories === undefined) return undefined
  const count = u32(optional + directories - 4) ?? 0
  const entry = optional + directories + certificateTable * 8
  const [at = 0, length = 0] = count > certificateTable ? [u32(entry), u32(entry + 4)] : []
  const isCarried = length > 0 && at + length <= size
  return {
    cpu: machines.get(u16(start + 4) ?? 0) ?? 'unknown',
    signature: isCarried ? 'carried' : 'none',
  }
}
