import * as fc from 'fast-check'
import t from 'tap'
import { guardDisk, identityOf } from '../../server/machines/disk-guard.ts'
import { aDisk, anyDisks } from './disks.ts'

const strict = { wipe: 'forbidden', begun: undefined, among: [] } as const

t.test('a blank disk may be written', async (t) => {
  t.strictSame(guardDisk(aDisk(), strict), { kind: 'may-write' })
})

for (const found of [
  'gpt on sda',
  'dos on sda',
  'LVM2_member on sda2',
  'linux_raid_member on sda',
  'zfs_member on sda1',
  'ceph_bluestore on sda',
  'ext4 on sda',
  'bytes of no known kind on sda',
]) {
  t.test(`a disk with ${found} is left alone, unless its data may go`, async (t) => {
    const disk = aDisk({ holds: [found] })
    t.strictSame(guardDisk(disk, strict), {
      kind: 'refused',
      because: `sda with 480.0 GB, serial S3Z9NX0M holds data: ${found}`,
    })
    t.strictSame(guardDisk(disk, { ...strict, wipe: 'allowed' }), { kind: 'may-write' })
  })
}

t.test('what an install had begun to write is nobody else’s data', async (t) => {
  const disk = aDisk({ holds: ['gpt on sda'] })
  const begun = identityOf(aDisk())
  t.strictSame(
    guardDisk({ ...disk, name: 'sdb' }, { ...strict, begun }),
    { kind: 'may-write' },
    'by any name',
  )
  for (const other of [{ serial: 'OTHER' }, { wwn: '0x1' }, { bytes: 480e9 + 512 }, { serial: undefined }]) {
    t.equal(guardDisk({ ...disk, ...other }, { ...strict, begun }).kind, 'refused', JSON.stringify(other))
  }
})

t.test('a disk that nothing names is known by its place, or not at all', async (t) => {
  const nameless = aDisk({ serial: undefined, wwn: undefined, holds: ['gpt on sda'] })
  t.equal(guardDisk(nameless, { ...strict, begun: identityOf(nameless) }).kind, 'may-write')
  const lost = { ...nameless, path: undefined }
  t.equal(guardDisk(lost, { ...strict, begun: identityOf(lost) }).kind, 'refused')
})

t.test(
  'of two disks that say the same of themselves the one that was begun is known by its place',
  async (t) => {
    for (const wwn of [undefined, '0x5000c500a1b2c3d4']) {
      const begunOne = aDisk({ wwn, path: 'pci-1', holds: ['gpt on sda'] })
      const twin = { ...begunOne, name: 'sdb', path: 'pci-2' }
      const rights = { ...strict, begun: identityOf(begunOne), among: [begunOne, twin] }
      t.equal(guardDisk(begunOne, rights).kind, 'may-write')
      t.match(guardDisk(twin, rights), { kind: 'refused', because: /^sdb .* holds data/ })
      const placeless = [begunOne, twin].map((disk) => ({ ...disk, path: undefined }))
      for (const disk of placeless) {
        const known = { ...strict, begun: identityOf(placeless[0]!), among: placeless }
        t.equal(guardDisk(disk, known).kind, 'refused', disk.name)
      }
      const samePlace = { ...twin, path: 'pci-1' }
      t.equal(guardDisk(begunOne, { ...rights, among: [begunOne, samePlace] }).kind, 'refused')
    }
  },
)

t.test('a disk in use is not written, whatever a person said', async (t) => {
  const used = aDisk({ usedBy: ['md0 on sda'], holds: ['linux_raid_member on sda'] })
  t.match(guardDisk(used, { wipe: 'allowed', begun: identityOf(used), among: [used] }), {
    kind: 'refused',
    because: /is in use: md0 on sda/,
  })
})

t.test('of what holds data nothing may be written without a word', async (t) => {
  fc.assert(
    fc.property(anyDisks, (disks) =>
      disks.every((disk) => {
        const guarded = guardDisk(disk, strict).kind
        return guarded === (disk.holds.length === 0 && disk.usedBy.length === 0 ? 'may-write' : 'refused')
      }),
    ),
  )
  t.pass('held')
})

t.test('many findings are told in short', async (t) => {
  const holds = Array.from({ length: 40 }, (_, index) => `ext4 on sda${index}`)
  const guarded = guardDisk(aDisk({ holds }), strict)
  t.match(guarded, { because: /ext4 on sda5, and 34 more$/ })
})
