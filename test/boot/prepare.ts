import { debianDisk } from '../../server/demo/debian-disk.ts'
import { debianImage } from '../../server/demo/debian-image.ts'
import { packagesForNodes } from './apt-repository.ts'
import { arm64Loaders, httpLoaders, laterIpxe } from './loaders.ts'
import { quickSystem } from './quick-system.ts'
import { imageCache } from './rig.ts'

// Makes the images before the tests share them. Minutes the first time, nothing after that.
for (const processor of ['amd64', 'arm64'] as const) {
  await debianImage({
    cacheFolder: imageCache,
    processor,
    progress: (step) => console.log(`image for ${processor}: ${step}`),
  })
}
await debianDisk({ cacheFolder: imageCache, progress: (step) => console.log(`disk image: ${step}`) })
for (const fetched of [arm64Loaders, httpLoaders, laterIpxe, packagesForNodes, quickSystem]) await fetched()
