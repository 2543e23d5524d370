import * as fc from 'fast-check'
import t from 'tap'
import { parseDiskSelector } from '../../server/config/parse-disk-selector.ts'
import { chooseDisk } from '../../server/machines/choose-disk.ts'
import type { DiskSelector } from '../../server/machines/disk-selector.ts'
import type { Disk } from '../../server/machines/inventory.ts'
import { aDisk, anyDisks } from './disks.ts'

const gib = 1024 ** 3

function selector(text: string): DiskSelector {
  const read = parseDiskSelector(text)
  if (read.kind === 'refused') throw new Error(read.because)
  return read.selector
}

const system = aDisk({
  name: 'sdb',
  serial: 'SYSTEM',
  wwn: 'naa.5000C500A1B2C3D4',
  bytes: 480_103_981_056,
  path: 'pci-2',
})
const data = aDisk({
  name: 'sda',
  serial: 'DATA 1',
  wwn: 'eui.0025385b71b0a1c2',
  bytes: 4_000_787_030_016,
  path: 'pci-1',
})
const spare = aDisk({
  name: 'sdc',
  serial: 'DATA 2',
  wwn: undefined,
  bytes: 4_000_787_030_016,
  path: 'pci-3',
})
const stick = aDisk({ name: 'sdd', serial: 'STICK', bytes: 16e9, isRemovable: true, path: 'usb-1' })
const all = [data, system, spare, stick]

const chosen: readonly (readonly [string, Disk])[] = [
  ['serial=SYSTEM', system],
  ['serial=DATA_1', data],
  ['wwn=0x5000c500a1b2c3d4', system],
  ['wwn=0025385b71b0a1c2', data],
  ['by-path=pci-3', spare],
  ['size=480G', system],
  ['size<1T', system],
  ['smallest', system],
  ['size>=4T by-path=pci-1', data],
  ['serial=SYSTEM largest', system],
]
for (const [text, disk] of chosen) {
  t.test(`${text} means one disk of four`, async (t) => {
    t.strictSame(chooseDisk(all, selector(text), 2 * gib), { kind: 'disk', disk })
  })
}

t.test('a disk at USB is meant where it is named, and not by what it is like', async (t) => {
  for (const path of [
    'pci-0000:00:14.0-usb-0:1:1.0-scsi-0:0:0:0',
    'pci-0000:00:14.0-usbv3-0:2:1.0-scsi-0:0:0:0',
    'platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1:1.0-scsi-0:0:0:0',
  ]) {
    const backup = aDisk({ name: 'sde', serial: 'BACKUP', wwn: undefined, bytes: 8e12, path })
    t.strictSame(chooseDisk([system, backup], selector('largest'), 2 * gib), { kind: 'disk', disk: system })
    t.strictSame(chooseDisk([system, backup], undefined, 2 * gib), { kind: 'disk', disk: system })
    for (const text of ['smallest', 'size>=8T', 'size>=1M largest', undefined]) {
      const wanted = text === undefined ? undefined : selector(text)
      t.match(
        chooseDisk([backup], wanted, 2 * gib),
        { kind: 'refused', because: /BACKUP \(at USB, and so written only where it is named\)$/ },
        `${text}, also where there is no other`,
      )
    }
    for (const text of ['serial=BACKUP', `by-path=${path}`, 'serial=BACKUP size>=8T']) {
      t.strictSame(chooseDisk([system, backup], selector(text), 2 * gib), { kind: 'disk', disk: backup })
    }
  }
})

const refused: readonly (readonly [string, readonly Disk[], string | undefined, RegExp])[] = [
  [
    'nothing that fits',
    all,
    'serial=OTHER',
    /^the disk serial=OTHER is not there; found: sda with 4\.00 TB, serial DATA 1, sdb .*\(removable\)$/,
  ],
  ['two that fit', all, 'size>=1T', /^the disk size>=1T is not clear, since both fit; found: /],
  ['two that are the largest', all, 'largest', /both fit/],
  ['a stick that fits', all, 'serial=STICK', /is not there/],
  ['several disks and no selector', all, undefined, /^the only disk is not clear, since 3 of them fit/],
  ['no disk', [], undefined, /^the only disk is not there; found: no disk at all$/],
  [
    'a disk too small',
    [stick, aDisk({ bytes: 1e9 })],
    undefined,
    /sda with 1\.0 GB, serial S3Z9NX0M \(too small for 2\.1 GB\)/,
  ],
  ['a disk that is read-only', [aDisk({ isReadOnly: true })], 'smallest', /\(read-only\)/],
]
for (const [name, disks, text, because] of refused) {
  t.test(`${name}: nothing is guessed, and what was found is told`, async (t) => {
    const choice = chooseDisk(disks, text === undefined ? undefined : selector(text), 2 * gib)
    t.match(choice, { kind: 'refused', because })
  })
}

t.test('without a selector, the only disk is taken', async (t) => {
  t.strictSame(chooseDisk([stick, system], undefined, 2 * gib), { kind: 'disk', disk: system })
})

const anySelector = fc.constantFrom(
  undefined,
  ...['serial=A', 'wwn=1', 'by-path=pci-2', 'size>=100G', 'smallest', 'largest', 'serial=B smallest'].map(
    selector,
  ),
)

t.test(
  'a disk is chosen by no name, by no order of the list, and never one that cannot be written',
  async (t) => {
    let count = 0
    fc.assert(
      fc.property(anyDisks, anySelector, (disks, wanted) => {
        const choice = chooseDisk(disks, wanted, gib)
        const swapped = chooseDisk(
          disks.map((disk, index) => ({ ...disk, name: disks[disks.length - 1 - index]!.name })).toReversed(),
          wanted,
          gib,
        )
        if (choice.kind === 'refused') return swapped.kind === 'refused'
        count++
        const { disk } = choice
        if (swapped.kind === 'refused' || disk.isRemovable || disk.isReadOnly || disk.bytes < gib)
          return false
        return JSON.stringify({ ...swapped.disk, name: '' }) === JSON.stringify({ ...disk, name: '' })
      }),
      { numRuns: 2_000 },
    )
    t.ok(count > 200, `${count} choices`)
  },
)
