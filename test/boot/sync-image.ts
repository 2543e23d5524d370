import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { syncImageStore } from '../../server/appliance/sync-image-store.ts'
import { aConfig } from '../appliance/a-config.ts'
import { aSigner } from '../images/a-signer.ts'
import { ephemeral, ephemeralStream, publishStreams } from '../images/a-stream.ts'
import { anUpstream } from '../images/an-upstream.ts'

/** What the store has afterwards, as the catalogue and the upstream name it. */
export const synced = { name: 'ubuntu-24.04-amd64', version: '20250709' } as const

/** Brings the files of a folder into the store of a box the way images of Ubuntu come: signed, from an upstream, by a sync. */
export async function syncImage(image: string, dataFolder: string): Promise<void> {
  await using upstream = await anUpstream()
  const signer = await aSigner('mirror')
  const keyring = join(dataFolder, '..', 'mirror.gpg')
  writeFileSync(keyring, signer.keyringFile)
  const files = {
    kernel: readFileSync(join(image, 'vmlinuz')),
    initrd: readFileSync(join(image, 'initrd')),
    squashfs: readFileSync(join(image, 'squashfs')),
  }
  await publishStreams(upstream, signer, {
    [ephemeralStream]: ephemeral('24.04', 'amd64', 'ga-24.04', { [synced.version]: files }),
  })
  const usual = aConfig({ dataFolder })
  const { base } = upstream
  const mirrors = [{ of: 'images.maas.io', base, files: base, keyring }]
  const over = new AbortController().signal
  const { published, refused } = await syncImageStore(
    { ...usual, imageSync: { ...usual.imageSync, images: [synced.name], mirrors } },
    { report() {}, over, environment: {}, work: { stop: over, progress() {} } },
  )
  if (published.length !== 1) throw new Error(`nothing was synced: ${JSON.stringify(refused)}`)
}
