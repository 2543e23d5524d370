// Syncs one image from a mirror into a store and says what it does, line by line: URL of the mirror, folder.
import { join } from 'node:path'
import { syncFromUpstreams } from '../../server/appliance/sync-from-upstreams.ts'
import { parseUpstreamBase } from '../../server/config/upstream-base.ts'
import { openBlobStore } from '../../server/images/open-blob-store.ts'
import { lockFile } from '../../server/store/file-lock.ts'
import { aConfig } from '../appliance/a-config.ts'

const [url = '', folder = '', ...images] = process.argv.slice(2)
const base = parseUpstreamBase(url)
if (base === undefined) throw new Error('this is a base')
const config = aConfig()
using store = await openBlobStore(join(folder, 'store'), { lock: lockFile, reserveBytes: 0 })
const outcome = await syncFromUpstreams(
  {
    ...config,
    imageSync: {
      ...config.imageSync,
      // One file after the other, so that it is known what has come when.
      downloads: 1,
      mirrors: [{ of: 'images.maas.io', base, files: base, keyring: join(folder, 'mirror.gpg') }],
    },
  },
  {
    store,
    images,
    prepare: async (manifest) => manifest,
    report: (step) => console.log(step.kind),
    over: new AbortController().signal,
    environment: {},
  },
)
console.log(`ended: ${outcome.published.length} published, ${outcome.refused.length} refused`)
