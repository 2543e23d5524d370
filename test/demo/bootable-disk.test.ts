import t from 'tap'
import { bootableDisk, diskBootedText } from '../../server/demo/bootable-disk.ts'

const disk = bootableDisk()

t.test('a BIOS finds a boot sector that says the line', async (t) => {
  t.equal(disk.readUInt16LE(510), 0xaa55)
  const textAt = disk.readUInt16LE(7) - 0x7c00
  t.equal(disk.toString('latin1', textAt, disk.indexOf(0, textAt)), `\r\n${diskBootedText}\r\n`)
  t.ok(textAt + diskBootedText.length < 446, 'code and text end before the partition table')
})

t.test('UEFI finds one EFI system partition, inside the disk', async (t) => {
  t.equal(disk.readUInt8(446 + 4), 0xef)
  const [start, length] = [disk.readUInt32LE(446 + 8), disk.readUInt32LE(446 + 12)]
  t.equal((start + length) * 512, disk.length)
  t.equal(disk.toString('latin1', start * 512 + 54, start * 512 + 59), 'FAT12')
})

for (const [name, machine] of [
  ['BOOTX64 EFI', 0x8664],
  ['BOOTAA64EFI', 0xaa64],
] as const) {
  t.test(`the path \\EFI\\BOOT\\${name} leads to a program for that processor`, async (t) => {
    const volume = disk.subarray(disk.readUInt32LE(446 + 8) * 512)
    const clusterSize = volume.readUInt8(13) * 512
    const rootAt = (volume.readUInt16LE(14) + volume.readUInt8(16) * volume.readUInt16LE(22)) * 512
    const clustersAt = rootAt + volume.readUInt16LE(17) * 32
    const entry = (folderAt: number, wanted: string) => {
      const at = volume.indexOf(wanted, folderAt, 'latin1')
      t.ok(at >= folderAt && at < folderAt + clusterSize, wanted.trim())
      return {
        at: clustersAt + (volume.readUInt16LE(at + 26) - 2) * clusterSize,
        size: volume.readUInt32LE(at + 28),
      }
    }
    const boot = entry(entry(rootAt, 'EFI        ').at, 'BOOT       ')
    const program = entry(boot.at, name)
    const bytes = volume.subarray(program.at, program.at + program.size)
    t.equal(bytes.toString('latin1', 0, 2), 'MZ')
    const header = bytes.readUInt32LE(0x3c)
    t.equal(bytes.toString('latin1', header, header + 4), 'PE\0\0')
    t.equal(bytes.readUInt16LE(header + 4), machine)
    t.ok(bytes.includes(Buffer.from(diskBootedText, 'utf16le')))
    t.equal(bytes.indexOf(Buffer.from(diskBootedText, 'utf16le')) % 2, 0, 'characters lie at even addresses')
  })
}
