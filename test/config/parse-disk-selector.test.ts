import * as fc from 'fast-check'
import t from 'tap'
import { parseDiskSelector, type DiskTerm } from '../../server/config/parse-disk-selector.ts'

const understood: readonly (readonly [string, readonly DiskTerm[], ('smallest' | 'largest')?])[] = [
  ['serial=S3Z9NX0M', [{ kind: 'serial', value: 'S3Z9NX0M' }]],
  ['wwn=0x5000c500a1b2c3d4', [{ kind: 'wwn', value: '0x5000c500a1b2c3d4' }]],
  ['by-path=pci-0000:00:1f.2-ata-1', [{ kind: 'by-path', value: 'pci-0000:00:1f.2-ata-1' }]],
  [
    'by-path=/dev/disk/by-path/pci-0000:03:00.0-nvme-1',
    [{ kind: 'by-path', value: 'pci-0000:03:00.0-nvme-1' }],
  ],
  ['size>=400G', [{ kind: 'size', compare: '>=', bytes: 400e9 }]],
  ['size=1.92T', [{ kind: 'size', compare: '=', bytes: 1.92e12 }]],
  ['size<8GiB', [{ kind: 'size', compare: '<', bytes: 8 * 2 ** 30 }]],
  ['smallest', [], 'smallest'],
  ['size>=400G, largest', [{ kind: 'size', compare: '>=', bytes: 400e9 }], 'largest'],
]

for (const [text, terms, order] of understood) {
  t.test(`"${text}" is understood`, async (t) => {
    const read = parseDiskSelector(text)
    if (read.kind !== 'selector') throw new Error(read.because)
    t.strictSame(read.selector.terms, terms)
    t.equal(read.selector.order, order)
  })
}

t.test('kernel names are refused, and told why', async (t) => {
  for (const text of [
    'sda',
    '/dev/sda',
    'vda',
    'nvme0n1',
    'mmcblk0',
    'name=sda',
    'disk=sda',
    '/dev/nvme0n1',
  ]) {
    const read = parseDiskSelector(text)
    if (read.kind !== 'refused') throw new Error(`${text} was taken`)
    t.match(read.because, /kernel names .* move from disk to disk between boots/, text)
    t.match(read.nextStep, /serial=/)
  }
})

t.test('what says nothing of a disk is refused with what could be said', async (t) => {
  const wrong = [
    '',
    'serial=',
    'serial>=5',
    'size>=many',
    'size>=0G',
    'size>=400',
    'first',
    'smallest largest',
    'size>=1G '.repeat(9),
  ]
  for (const text of wrong) {
    const read = parseDiskSelector(text)
    t.equal(read.kind, 'refused', text)
    if (read.kind === 'refused') t.match(read.nextStep, /smallest or largest/)
  }
})

t.test('whatever is written, it is read or refused, and what is read reads the same again', async (t) => {
  const word = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom('serial=a', 'wwn=0x1', 'size>=4G', 'size<2TiB', 'smallest', 'largest', 'by-path=pci-0'),
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (words) => {
      const read = parseDiskSelector(words.join(' '))
      if (read.kind === 'refused') return read.because !== ''
      const again = parseDiskSelector(read.selector.text)
      return again.kind === 'selector' && JSON.stringify(again) === JSON.stringify(read)
    }),
  )
  t.pass('held')
})
