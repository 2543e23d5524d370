import { debianDisk } from '../../server/demo/debian-disk.ts'
import { debianImage } from '../../server/demo/debian-image.ts'
import { arm64Loaders, httpLoaders, laterIpxe } from './loaders.ts'
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
for (const fetched of [arm64Loaders, httpLoaders, laterIpxe]) await fetched()
