import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkImageSync } from '../../server/appliance/check-image-sync.ts'
import type { ImageSyncSettings } from '../../server/config/config.ts'
import { testFolder } from '../folder.ts'
import { aConfig } from './a-config.ts'

const check = async (changes: Partial<ImageSyncSettings>) =>
  await checkImageSync({ ...aConfig().imageSync, ...changes })

t.test('settings that ask for nothing have nothing to check', async (t) => {
  t.strictSame(await check({}), [])
})

t.test('an upstream that is asked for is shown with its keys', async (t) => {
  t.strictSame(await check({ images: ['ubuntu-24.04-amd64', 'ubuntu-*-hwe-amd64'] }), [
    {
      verdict: 'well',
      subject: 'upstream images.maas.io',
      fact: 'https://images.maas.io/ephemeral-v3/stable/, believed when one of 2 keys has signed it',
    },
  ])
  t.match(await check({ images: ['ubuntu-24.04-iso-*'] }), [
    { verdict: 'well', subject: 'upstream cdimage.ubuntu.com', fact: /when one key has signed it/ },
    { verdict: 'well', subject: 'upstream releases.ubuntu.com' },
  ])
})

t.test('what cannot be fetched is told before anybody waits for it', async (t) => {
  const folder = testFolder(t, { 'site.yaml': 'upstream: {}\n', empty: {} })
  const base = 'https://mirror.example/' as ImageSyncSettings['mirrors'][number]['base']
  const mirror = { of: 'images.maas.io', base, files: base }
  const keyring = join(folder, 'mirror.gpg')
  writeFileSync(keyring, 'no keys')
  const images = ['ubuntu-24.04-amd64']
  const cases: readonly (readonly [string, Partial<ImageSyncSettings>, string, RegExp])[] = [
    [
      'a name that is none',
      { images: ['ubuntu-24.04-amd46'] },
      'image ubuntu-24.04-amd46',
      /does not have the image/,
    ],
    [
      'a catalogue with mistakes',
      { catalogueFolder: folder },
      'image-sync',
      /site.yaml.* has [0-9]+ mistakes|mistakes/,
    ],
    [
      'a catalogue that is not there',
      { catalogueFolder: '/nowhere' },
      'image-sync',
      /cannot be read: it is not there/,
    ],
    [
      'a mirror of nobody',
      { mirrors: [{ ...mirror, of: 'x', keyring: undefined }] },
      'image-sync',
      /no upstream x/,
    ],
    [
      'no keyring',
      { images, mirrors: [{ ...mirror, keyring: '/lost.gpg' }] },
      'upstream images.maas.io',
      /lost\.gpg cannot be read: it is not there/,
    ],
    [
      'a keyring of nothing',
      { images, mirrors: [{ ...mirror, keyring }] },
      'upstream images.maas.io',
      /keyring/,
    ],
  ]
  for (const [claim, settings, subject, fact] of cases) {
    const [finding, ...more] = await check(settings)
    t.match(finding, { verdict: 'wrong', subject, fact }, claim)
    t.strictSame(more, [])
    if (/it is not there/.test(fact.source)) t.match(finding?.nextStep, /^See /, `${claim}: the next step`)
  }
})
