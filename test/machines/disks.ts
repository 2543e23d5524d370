import * as fc from 'fast-check'
import type { Disk } from '../../server/machines/inventory.ts'

/** A blank disk of 480 GB; what is given replaces a part of it. */
export function aDisk(changes: Partial<Disk> = {}): Disk {
  return {
    name: 'sda',
    bytes: 480e9,
    serial: 'S3Z9NX0M',
    wwn: '0x5000c500a1b2c3d4',
    path: 'pci-0000:00:1f.2-ata-1',
    model: 'SAMSUNG',
    isRemovable: false,
    isReadOnly: false,
    usedBy: [],
    holds: [],
    ...changes,
  }
}

/** Any disks a machine may have, each under a name of its own. */
export const anyDisks: fc.Arbitrary<readonly Disk[]> = fc
  .array(
    fc.record({
      bytes: fc.constantFrom(1e9, 240e9, 480e9, 480e9 + 512, 4e12),
      serial: fc.constantFrom(undefined, 'A', 'B', 'C'),
      wwn: fc.constantFrom(undefined, '0x1', '0x2'),
      path: fc.constantFrom(undefined, 'pci-1', 'pci-2'),
      isRemovable: fc.boolean(),
      isReadOnly: fc.boolean(),
      usedBy: fc.constantFrom([], ['md0 on sda']),
      holds: fc.constantFrom([], ['gpt on sda']),
    }),
    { maxLength: 6 },
  )
  .map((disks) => disks.map((disk, index) => aDisk({ ...disk, name: `sd${'abcdef'[index]}` })))
