import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { ImageSyncSettings } from '../../server/config/config.ts'
import { aSigner, type Signer } from './a-signer.ts'
import { someBytes } from './a-store.ts'
import { ephemeral, ephemeralStream, publishStreams } from './a-stream.ts'
import { anUpstream, type Upstream } from './an-upstream.ts'

/** A mirror of images.maas.io on the loopback, with a key of its own, that has one image. */
export type Mirror = {
  readonly upstream: Upstream
  readonly signer: Signer
  readonly keyring: string
  readonly settings: Pick<ImageSyncSettings, 'images' | 'mirrors'>
  /** The same in the words of the settings file. */
  readonly yaml: string
  readonly publish: (version: string) => Promise<void>
}

export const mirrored = 'ubuntu-24.04-amd64'

export async function aMirror(t: Test, folder: string): Promise<Mirror> {
  const [signer, upstream] = [await aSigner('mirror'), await anUpstream()]
  t.teardown(async () => await upstream[Symbol.asyncDispose]())
  const keyring = join(folder, 'mirror.gpg')
  writeFileSync(keyring, signer.keyringFile)
  const { base } = upstream
  const publish = async (version: string): Promise<void> => {
    const files = {
      kernel: someBytes(900),
      initrd: someBytes(800),
      squashfs: Buffer.concat([Buffer.from('hsqs'), someBytes(70_000)]),
    }
    const products = ephemeral('24.04', 'amd64', 'ga-24.04', { [version]: files })
    await publishStreams(upstream, signer, { [ephemeralStream]: products })
  }
  await publish('20250709')
  return {
    upstream,
    signer,
    keyring,
    settings: {
      images: [mirrored],
      mirrors: [{ of: 'images.maas.io', base, files: base, keyring }],
    },
    yaml: `image-sync: {images: [${mirrored}], mirrors: [{of: images.maas.io, url: '${base}', keyring: '${keyring}'}]}\n`,
    publish,
  }
}
