import * as fc from 'fast-check'
import t from 'tap'
import { parseInventory } from '../../server/machines/parse-inventory.ts'

const told = `ironwake-inventory 1
firmware uefi
firmware-version Dell Inc. 2.18.1 08/09/2023
tpm 2.0
processors 32
processor-model AMD EPYC 7302P 16-Core Processor
memory 67319541760
card eno1 3c:ec:ef:12:34:56
disk nvme0n1
bytes 480103981056
serial S3Z9NX0M
wwn eui.0025385b71b0a1c2
path pci-0000:03:00.0-nvme-1
model SAMSUNG MZVLB512
disk sda
bytes 16008609792
removable
read-only
used-by sda1 is mounted
holds dos on sda
holds vfat on sda1
end
`

t.test('an inventory is read whole', async (t) => {
  t.strictSame(parseInventory(told), {
    kind: 'inventory',
    inventory: {
      firmware: 'uefi',
      firmwareVersion: 'Dell Inc. 2.18.1 08/09/2023',
      tpm: '2.0',
      processors: 32,
      processorModel: 'AMD EPYC 7302P 16-Core Processor',
      memoryBytes: 67319541760,
      cards: [{ name: 'eno1', mac: '3c:ec:ef:12:34:56' }],
      disks: [
        {
          name: 'nvme0n1',
          bytes: 480103981056,
          serial: 'S3Z9NX0M',
          wwn: 'eui.0025385b71b0a1c2',
          path: 'pci-0000:03:00.0-nvme-1',
          model: 'SAMSUNG MZVLB512',
          isRemovable: false,
          isReadOnly: false,
          usedBy: [],
          holds: [],
        },
        {
          name: 'sda',
          bytes: 16008609792,
          serial: undefined,
          wwn: undefined,
          path: undefined,
          model: undefined,
          isRemovable: true,
          isReadOnly: true,
          usedBy: ['sda1 is mounted'],
          holds: ['dos on sda', 'vfat on sda1'],
        },
      ],
    },
  })
})

const wrong: readonly (readonly [string, (text: string) => string, RegExp])[] = [
  ['another form', (text) => text.replace('inventory 1', 'inventory 2'), /first line/],
  ['one that was cut off', (text) => text.slice(0, -5), /last line is not: end/],
  ['one of 200 kB and more', (text) => text.padEnd(200_001), /more than 200000 characters/],
  [
    'a line of 401 characters',
    (text) => text.replace('S3Z9NX0M', 'x'.repeat(401)),
    /^line 11: it is too long/,
  ],
  [
    'a word that nobody knows',
    (text) => text.replace('removable', 'explosive'),
    /nothing is called explosive/,
  ],
  [
    'a fact of no disk',
    (text) => text.replace('firmware uefi', 'bytes 5'),
    /^line 2: no disk was named before/,
  ],
  ['no firmware', (text) => text.replace('firmware uefi\n', ''), /by which firmware/],
  ['no memory', (text) => text.replace(/memory .*\n/, ''), /how much memory/],
  ['a disk without its size', (text) => text.replace('bytes 480103981056\n', ''), /how large nvme0n1 is/],
  ['a size below nothing', (text) => text.replace('bytes 480103981056', 'bytes -1'), /not a number/],
  [
    'a size beyond counting',
    (text) => text.replace('bytes 480103981056', 'bytes 9999999999999999'),
    /not a number/,
  ],
  ['a size with an exponent', (text) => text.replace('bytes 480103981056', 'bytes 4e11'), /not a number/],
  ['the same disk twice', (text) => text.replace('disk sda', 'disk nvme0n1'), /nvme0n1 comes twice/],
  ['a disk called ../sda', (text) => text.replace('disk sda', 'disk ../sda'), /not the name of a disk/],
  [
    'a disk called "sda; reboot"',
    (text) => text.replace('disk sda', 'disk sda; reboot'),
    /not the name of a disk/,
  ],
  ['a TPM that there is not', (text) => text.replace('tpm 2.0', 'tpm 3.0'), /no such TPM/],
  ['a card without an address', (text) => text.replace('3c:ec:ef:12:34:56', '3c'), /no network card/],
  [
    '600 disks',
    (text) =>
      text.replace(
        'end\n',
        `${Array.from({ length: 600 }, (_, i) => `disk d${i}\nbytes 1\n`).join('')}end\n`,
      ),
    /more than 512 disks/,
  ],
]
for (const [name, change, because] of wrong) {
  t.test(`refused: ${name}`, async (t) => {
    t.match(parseInventory(change(told)), { kind: 'refused', because })
  })
}

t.test('what a disk says of itself is shown as text and nothing else', async (t) => {
  const read = parseInventory(told.replace('S3Z9NX0M', `\u001b[2J${'x'.repeat(300)}`))
  if (read.kind === 'refused') throw new Error(read.because)
  const [disk] = read.inventory.disks
  t.match(disk!.serial, /^\ufffd\[2Jx+…$/)
  t.equal(disk!.serial!.length, 200)
})

t.test('more notes than a person reads leave a disk as full as it is', async (t) => {
  const read = parseInventory(told.replace('end\n', `${'holds x on sda\n'.repeat(5_000)}end\n`))
  if (read.kind === 'refused') throw new Error(read.because)
  t.equal(read.inventory.disks[1]!.holds.length, 64)
})

t.test('whatever is posted, it is an inventory within its limits or refused with a reason', async (t) => {
  const line = fc.oneof(
    fc.constantFrom(...told.split('\n')),
    fc.string({ maxLength: 60 }),
    fc.string({ unit: 'binary', maxLength: 30 }),
  )
  fc.assert(
    fc.property(fc.array(line, { maxLength: 60 }), fc.boolean(), (lines, framed) => {
      const body = framed
        ? `ironwake-inventory 1\nfirmware bios\nprocessors 1\nmemory 1\n${lines.join('\n')}\nend\n`
        : lines.join('\n')
      const read = parseInventory(body)
      if (read.kind === 'refused') return read.because.length > 0 && read.because.length < 200
      return read.inventory.disks.every((disk) => Number.isSafeInteger(disk.bytes) && disk.name.length <= 64)
    }),
    { numRuns: 1_000 },
  )
  t.pass('held')
})
