const machines = { x86_64: 0x8664, arm64: 0xaa64 } as const

/** The header of an EFI program, with as much behind it as a signature needs. */
export function aPortableExecutable({
  cpu,
  signature,
}: {
  readonly cpu: keyof typeof machines
  readonly signature: 'carried' | 'none'
}): Buffer {
  const bytes = Buffer.alloc(0x400)
  const start = 0x80
  bytes.write('MZ', 'latin1')
  bytes.writeUInt32LE(start, 0x3c)
  bytes.write('PE\0\0', start, 'latin1')
  bytes.writeUInt16LE(machines[cpu], start + 4)
  const optional = start + 24
  bytes.writeUInt16LE(0x020b, optional)
  bytes.writeUInt32LE(16, optional + 108)
  if (signature === 'carried') {
    bytes.writeUInt32LE(0x300, optional + 112 + 32)
    bytes.writeUInt32LE(0x100, optional + 112 + 36)
  }
  return bytes
}
