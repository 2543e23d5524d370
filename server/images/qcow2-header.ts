/** What the header of a qcow2 file says (docs/interop/qcow2.txt of QEMU). */
export type Qcow2Header =
  | { readonly kind: 'header'; readonly virtualBytes: number }
  | { readonly kind: 'refused'; readonly because: string; readonly nextStep?: string }

/** A disk in a rack can be larger; an image of one is not. */
export const mostDiskBytes = 2 * 1024 ** 4

const incompatible = { dirty: 1n << 0n, corrupt: 1n << 1n, externalData: 1n << 2n }
const knownIncompatible = 0b11111n
const extensions = { end: 0, backingFormat: 0xe2792aca, externalDataName: 0x44415441 }

/**
 * Reads the header before any program opens the file: a file that names another one would have that read, or written, in its
 * place (CVE-2024-4467), with the rights of whoever imports it.
 */
export function readQcow2Header(head: Uint8Array): Qcow2Header {
  if (head.length < 104) return { kind: 'refused', because: 'the qcow2 file ends within its header' }
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const version = view.getUint32(4)
  if (version !== 2 && version !== 3) {
    return { kind: 'refused', because: `qcow2 of version ${version} is not known`, nextStep: rebuild }
  }
  if (view.getBigUint64(8) !== 0n || view.getUint32(16) !== 0) return backed
  if (view.getUint32(32) !== 0) {
    return { kind: 'refused', because: 'the qcow2 file is encrypted', nextStep: rebuild }
  }
  const features = version === 2 ? 0n : view.getBigUint64(72)
  if ((features & incompatible.externalData) !== 0n) return external
  if ((features & incompatible.corrupt) !== 0n) {
    const nextStep = 'Repair it with: qemu-img check -r all FILE'
    return { kind: 'refused', because: 'the qcow2 file is marked as damaged', nextStep }
  }
  if ((features & incompatible.dirty) !== 0n) {
    const nextStep = 'Stop the machine that uses it, or repair it with: qemu-img check -r all FILE'
    return { kind: 'refused', because: 'the qcow2 file is in use, or was not closed', nextStep }
  }
  if ((features & ~knownIncompatible) !== 0n) {
    return { kind: 'refused', because: 'the qcow2 file has features that are not known', nextStep: rebuild }
  }
  const refusal = refusalIn(view, version === 2 ? 72 : view.getUint32(100))
  if (refusal !== undefined) return refusal
  const virtualBytes = view.getBigUint64(24)
  if (virtualBytes > BigInt(mostDiskBytes)) {
    return {
      kind: 'refused',
      because: `its disk has ${virtualBytes} bytes, and ${mostDiskBytes} are the most`,
    }
  }
  if (virtualBytes === 0n) return { kind: 'refused', because: 'its disk has no bytes' }
  return { kind: 'header', virtualBytes: Number(virtualBytes) }
}

/** Extensions follow the header, each filled up to eight bytes. */
function refusalIn(view: DataView, headerBytes: number): Qcow2Header | undefined {
  for (let at = headerBytes; at + 8 <= view.byteLength;) {
    const type = view.getUint32(at)
    if (type === extensions.end) return undefined
    if (type === extensions.backingFormat) return backed
    if (type === extensions.externalDataName) return external
    at += 8 + Math.ceil(view.getUint32(at + 4) / 8) * 8
  }
  return { kind: 'refused', because: 'the header of the qcow2 file has no end' }
}

const rebuild = 'Write it anew with: qemu-img convert -O qcow2 FILE IMAGE.qcow2'
const backed: Qcow2Header = {
  kind: 'refused',
  because: 'the qcow2 file rests on another file (backing file), which would be read in its place',
  nextStep: `Where you trust both, w${rebuild.slice(1)}`,
}
const external: Qcow2Header = {
  kind: 'refused',
  because: 'the qcow2 file keeps its content in another file (external data file)',
  nextStep: `Where you trust both, w${rebuild.slice(1)}`,
}
