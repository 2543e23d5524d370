import { rename, writeFile } from 'node:fs/promises'

/** What a machine that has reached this disk says on its console, from BIOS and from UEFI alike, x64 and arm64. */
export const diskBootedText = 'IRONWAKE-DISK-BOOTED'

const sector = 512
const text = `\r\n${diskBootedText}\r\n`

/** A file system of 4 MiB lies behind the first MiB, where partitions start since disks have sectors of 4 KiB. */
const partitionStart = 2_048
const partitionSectors = 8_192

/**
 * Writes the image of a disk that holds just enough to boot: it says one line on the console and stops there. It
 * stands for a machine with an installed system.
 */
export async function makeBootableDisk(path: string): Promise<void> {
  const part = `${path}.part`
  await writeFile(part, bootableDisk())
  await rename(part, path)
}

/** The bytes of the disk: a master boot record whose one partition is an EFI system partition. */
export function bootableDisk(): Buffer {
  const disk = Buffer.alloc((partitionStart + partitionSectors) * sector)
  masterBootRecord().copy(disk, 0)
  efiSystemPartition([
    { name: 'BOOTX64 EFI', bytes: efiProgram(x64) },
    { name: 'BOOTAA64EFI', bytes: efiProgram(arm64) },
  ]).copy(disk, partitionStart * sector)
  return disk
}

/** The BIOS loads this sector to 0x7c00 and jumps there, in 16-bit mode. */
function masterBootRecord(): Buffer {
  const record = Buffer.alloc(sector)
  const code = bytes(`
    fa              #       cli
    fc              #       cld
    31 c0           #       xor ax, ax
    8e d8           #       mov ds, ax
    be 22 7c        #       mov si, text
    ac              # next: lodsb
    84 c0           #       test al, al
    74 11           #       jz stop
    88 c4           #       mov ah, al
    ba fd 03        #       mov dx, 0x3fd   the line status of the first serial port
    ec              # wait: in al, dx
    a8 20           #       test al, 0x20   is there room for one more byte?
    74 fb           #       jz wait
    b2 f8           #       mov dl, 0xf8    its data
    88 e0           #       mov al, ah
    ee              #       out dx, al
    eb ea           #       jmp next
    f4              # stop: hlt
    eb fd           #       jmp stop
                    # text:`)
  code.copy(record)
  record.write(`${text}\0`, code.length, 'latin1')

  // The one partition: active, type 0xef (UEFI 2.10 §5.2.2), cylinders and heads left at "beyond their reach".
  const entry = 446
  record.writeUInt8(0x80, entry)
  Buffer.from([0xfe, 0xff, 0xff]).copy(record, entry + 1)
  record.writeUInt8(0xef, entry + 4)
  Buffer.from([0xfe, 0xff, 0xff]).copy(record, entry + 5)
  record.writeUInt32LE(partitionStart, entry + 8)
  record.writeUInt32LE(partitionSectors, entry + 12)
  record.writeUInt16LE(0xaa55, 510)
  return record
}

/** The text follows at once. */
const x64 = {
  machine: 0x8664,
  code: bytes(`
    48 83 ec 28             #       sub rsp, 40       the callee's shadow space
    48 8b 4a 40             #       mov rcx, [rdx+64] EFI_SYSTEM_TABLE.ConOut
    48 8d 15 07 00 00 00    #       lea rdx, [text]
    ff 51 08                #       call [rcx+8]      OutputString
    f4                      # stop: hlt
    eb fd                   #       jmp stop
    cc                      #       (characters lie at even addresses)
                            # text:`),
}
const arm64 = {
  machine: 0xaa64,
  code: bytes(`
    20 20 40 f9 #       ldr x0, [x1, #64]   EFI_SYSTEM_TABLE.ConOut
    a1 00 00 10 #       adr x1, text
    08 04 40 f9 #       ldr x8, [x0, #8]    OutputString
    00 01 3f d6 #       blr x8
    7f 20 03 d5 # stop: wfi
    ff ff ff 17 #       b stop
                # text:`),
}

/** A PE32+ program of one section (Microsoft's PE format, and UEFI 2.10 §2.1.1): it writes the line and halts. */
function efiProgram({ machine, code }: { readonly machine: number; readonly code: Buffer }): Buffer {
  const alignment = 0x200
  const sectionAt = 0x1000
  const section = Buffer.alloc(alignment)
  code.copy(section)
  section.write(`${text}\0`, code.length, 'utf16le')

  const header = Buffer.alloc(alignment)
  const signatureAt = 0x80
  header.write('MZ', 0, 'latin1')
  header.writeUInt32LE(signatureAt, 0x3c)
  header.write('PE\0\0', signatureAt, 'latin1')

  const file = signatureAt + 4
  const optionalSize = 0x70 + 16 * 8
  header.writeUInt16LE(machine, file)
  header.writeUInt16LE(1, file + 2) // NumberOfSections
  header.writeUInt16LE(optionalSize, file + 16) // SizeOfOptionalHeader
  header.writeUInt16LE(0x0022, file + 18) // Characteristics: executable, large addresses

  const optional = file + 20
  header.writeUInt16LE(0x020b, optional) // Magic: PE32+
  header.writeUInt32LE(alignment, optional + 4) // SizeOfCode
  header.writeUInt32LE(sectionAt, optional + 16) // AddressOfEntryPoint
  header.writeUInt32LE(sectionAt, optional + 20) // BaseOfCode
  header.writeBigUInt64LE(0x400000n, optional + 24) // ImageBase
  header.writeUInt32LE(0x1000, optional + 32) // SectionAlignment
  header.writeUInt32LE(alignment, optional + 36) // FileAlignment
  header.writeUInt32LE(sectionAt + 0x1000, optional + 56) // SizeOfImage
  header.writeUInt32LE(alignment, optional + 60) // SizeOfHeaders
  header.writeUInt16LE(10, optional + 68) // Subsystem: EFI application
  header.writeUInt32LE(16, optional + 108) // NumberOfRvaAndSizes, all of them empty

  const table = optional + optionalSize
  header.write('.text', table, 'latin1')
  header.writeUInt32LE(alignment, table + 8) // VirtualSize
  header.writeUInt32LE(sectionAt, table + 12) // VirtualAddress
  header.writeUInt32LE(alignment, table + 16) // SizeOfRawData
  header.writeUInt32LE(alignment, table + 20) // PointerToRawData
  header.writeUInt32LE(0x60000020, table + 36) // Characteristics: code, execute, read
  return Buffer.concat([header, section])
}

/** Reads bytes as a listing shows them: in hex, with a comment behind each. */
function bytes(listing: string): Buffer {
  return Buffer.from(listing.replaceAll(/#.*$/gm, '').replaceAll(/\s/g, ''), 'hex')
}

/** A FAT12 file system with the files that UEFI starts from a disk without boot entries (UEFI 2.10 §3.5.1.1). */
function efiSystemPartition(programs: readonly { readonly name: string; readonly bytes: Buffer }[]): Buffer {
  const volume = Buffer.alloc(partitionSectors * sector)
  const sectorsPerCluster = 4
  const rootEntries = 512
  const sectorsPerFat = 6
  const rootAt = (1 + 2 * sectorsPerFat) * sector
  const clustersAt = rootAt + rootEntries * 32
  const clusterSize = sectorsPerCluster * sector
  if (programs.some((program) => program.bytes.length > clusterSize)) {
    throw new Error('An EFI program does not fit into one cluster.')
  }

  Buffer.from([0xeb, 0x3c, 0x90]).copy(volume)
  volume.write('IRONWAKE', 3, 'latin1')
  volume.writeUInt16LE(sector, 11)
  volume.writeUInt8(sectorsPerCluster, 13)
  volume.writeUInt16LE(1, 14) // reserved sectors: this one
  volume.writeUInt8(2, 16) // copies of the FAT
  volume.writeUInt16LE(rootEntries, 17)
  volume.writeUInt16LE(partitionSectors, 19)
  volume.writeUInt8(0xf8, 21) // a fixed disk
  volume.writeUInt16LE(sectorsPerFat, 22)
  volume.writeUInt16LE(63, 24) // sectors per track
  volume.writeUInt16LE(255, 26) // heads
  volume.writeUInt32LE(partitionStart, 28)
  volume.writeUInt8(0x80, 36)
  volume.writeUInt8(0x29, 38) // the three fields that follow are there
  volume.writeUInt32LE(0x1209c0de, 39)
  volume.write('IRONWAKE   FAT12   ', 43, 'latin1')
  volume.writeUInt16LE(0xaa55, 510)

  // Each of the clusters 2 to 5 is the last of its chain; entries have twelve bits.
  const fat = Buffer.from([0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
  fat.copy(volume, sector)
  fat.copy(volume, (1 + sectorsPerFat) * sector)

  const cluster = (number: number) => clustersAt + (number - 2) * clusterSize
  const [efi, boot, firstFile] = [2, 3, 4] as const
  const folder = 0x10
  const entry = (name: string, kind: number, start: number, size: number) => {
    const written = Buffer.alloc(32)
    written.write(name.padEnd(11), 0, 'latin1')
    written.writeUInt8(kind, 11)
    written.writeUInt16LE(0x21, 16) // made on 1980-01-01, the first day of this file system
    written.writeUInt16LE(0x21, 24)
    written.writeUInt16LE(start, 26)
    written.writeUInt32LE(size, 28)
    return written
  }
  entry('EFI', folder, efi, 0).copy(volume, rootAt)
  Buffer.concat([entry('.', folder, efi, 0), entry('..', folder, 0, 0), entry('BOOT', folder, boot, 0)]).copy(
    volume,
    cluster(efi),
  )
  Buffer.concat([
    entry('.', folder, boot, 0),
    entry('..', folder, efi, 0),
    ...programs.map(({ name, bytes: { length } }, index) => entry(name, 0x20, firstFile + index, length)),
  ]).copy(volume, cluster(boot))
  for (const [index, program] of programs.entries()) program.bytes.copy(volume, cluster(firstFile + index))
  return volume
}
