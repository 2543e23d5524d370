import t from 'tap'
import { dueIn, type BootNext, type ThisBoot } from '../../server/machines/boot-next.ts'

const local: BootNext = { action: 'local', askedAt: 1 }
const image: BootNext = { action: 'image', askedAt: 1 }
const used: ThisBoot = { attempt: 'a1', walk: 5 }

const cases: readonly (readonly [string, BootNext | undefined, ThisBoot, BootNext['action'] | undefined])[] =
  [
    ['nothing is wanted', undefined, used, undefined],
    ['the first boot after it was wanted does it', local, used, 'local'],
    ['a script that is asked for again in the same boot is the same', { ...local, used }, used, 'local'],
    ['the same boot, after its walk led somewhere', { ...image, used }, { attempt: 'a1' }, 'image'],
    [
      'another network entry of the same walk is sent on to the disk too',
      { ...local, used },
      { attempt: 'a2', walk: 5 },
      'local',
    ],
    [
      'an image is not tried again by another entry',
      { ...image, used },
      { attempt: 'a2', walk: 5 },
      undefined,
    ],
    ['the next walk does it no more', { ...local, used }, { attempt: 'a2', walk: 9 }, undefined],
    ['nor a boot without a walk', { ...local, used: { attempt: 'a1' } }, { attempt: 'a2' }, undefined],
  ]

for (const [name, next, boot, expected] of cases) {
  t.test(name, (t) => {
    t.equal(dueIn(next, boot), expected)
    t.end()
  })
}
