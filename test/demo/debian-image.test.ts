import t from 'tap'
import { type Recipe, imageKey } from '../../server/demo/debian-image.ts'

const bookworm = { id: 'debian', codename: 'bookworm', title: 'Debian GNU/Linux 12 (bookworm)' } as const

const recipe: Recipe = {
  distribution: bookworm,
  processor: 'amd64',
  packages: ['cloud-init', 'udev'],
  kernel: 'linux-image-cloud-amd64',
  compression: ['-comp', 'zstd'],
  material: new Map([
    ['finish-root', '#!/bin/sh\n'],
    ['initramfs/init', '#!/bin/sh\n'],
  ]),
}

t.test('the key names the distribution, and a digest', async (t) => {
  t.match(imageKey(recipe), /^debian-bookworm-amd64-[0-9a-f]{16}$/)
})

t.test('the order in which files are read does not change the key', async (t) => {
  t.equal(imageKey({ ...recipe, material: new Map([...recipe.material].toReversed()) }), imageKey(recipe))
})

t.test('any change in what an image is made from changes the key', async (t) => {
  const others: readonly Recipe[] = [
    { ...recipe, distribution: { ...bookworm, codename: 'trixie' } },
    { ...recipe, processor: 'arm64' },
    { ...recipe, packages: ['cloud-init', 'udev', 'curl'] },
    { ...recipe, kernel: 'linux-image-amd64' },
    { ...recipe, compression: ['-comp', 'lz4'] },
    { ...recipe, material: new Map([...recipe.material, ['initramfs/init', '#!/bin/sh\n\n']]) },
    { ...recipe, material: new Map([...recipe.material, ['initramfs/modules', 'virtio_net\n']]) },
  ]
  const keys = new Set([recipe, ...others].map(imageKey))
  t.equal(keys.size, others.length + 1)
})

t.test('a new title of the same release does not', async (t) => {
  const renamed = { ...recipe, distribution: { ...bookworm, title: 'Debian 12.99' } }
  t.equal(imageKey(renamed), imageKey(recipe))
})
