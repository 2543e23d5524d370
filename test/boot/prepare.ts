import { debianImage } from '../../server/demo/debian-image.ts'
import { imageCache } from './rig.ts'

// Makes the image before the tests share it. Minutes the first time, nothing after that.
await debianImage({ cacheFolder: imageCache, progress: (step) => console.log(`image: ${step}`) })
