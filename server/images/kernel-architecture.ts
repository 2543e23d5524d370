import type { Architecture } from './manifest.ts'

/** The architecture that a kernel is for, by its head; `undefined` where it does not say. */
export function kernelArchitecture(head: Uint8Array): Architecture | undefined {
  if (textAt(head, 0x202) === 'HdrS') return 'amd64' // Documentation/arch/x86/boot.rst
  if (textAt(head, 0x38) === 'ARMd') return 'arm64' // Documentation/arch/arm64/booting.rst
  return machineOfPe(head)
}

/** Kernels that unpack themselves are programs for UEFI: the PE header names the machine (PE/COFF §3.3). */
function machineOfPe(head: Uint8Array): Architecture | undefined {
  if (textAt(head, 0).slice(0, 2) !== 'MZ' || head.length < 0x40) return undefined
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const at = view.getUint32(0x3c, true)
  if (at + 6 > head.length || textAt(head, at) !== 'PE\0\0') return undefined
  return machines.get(view.getUint16(at + 4, true))
}

const machines: ReadonlyMap<number, Architecture> = new Map([
  [0x8664, 'amd64'],
  [0xaa64, 'arm64'],
])

function textAt(head: Uint8Array, at: number): string {
  return String.fromCharCode(...head.subarray(at, at + 4))
}
