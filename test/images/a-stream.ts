import { readFileSync } from 'node:fs'
import type { Upstream as CatalogueUpstream } from '../../server/images/catalogue.ts'
import { readCatalogue } from '../../server/images/read-catalogue.ts'
import { digestOf } from './a-store.ts'
import type { Signer } from './a-signer.ts'
import type { Upstream } from './an-upstream.ts'

/** A product as Canonical's streams have them; of each version the items with the bytes of their files. */
export type Product = {
  readonly tags: Readonly<Record<string, string>>
  readonly versions: {
    readonly [version: string]: { readonly [item: string]: { readonly path: string; readonly bytes: Buffer } }
  }
}

export type Products = { readonly [product: string]: Product }

export type Publishing = {
  /** `inline`: `.sjson`. `beside`: `.json` with `.json.gpg`. */
  readonly signed: 'inline' | 'beside'
  /** Where the streams begin; the files begin at the root. */
  readonly folder: string
  /** Changes the text of a document before it is signed. */
  readonly change: (path: string, text: string) => string
}

/** Puts files, product lists and an index on an upstream, signed, as a mirror would have them. */
export async function publishStreams(
  upstream: Upstream,
  signer: Signer,
  streams: { readonly [contentId: string]: Products },
  other: Partial<Publishing> = {},
): Promise<void> {
  const { signed = 'inline', folder = '', change = (_: string, text: string) => text } = other
  const ending = signed === 'inline' ? 'sjson' : 'json'
  const put = async (path: string, value: unknown): Promise<void> => {
    const text = change(path, JSON.stringify(value, undefined, 1))
    if (signed === 'inline') upstream.put(`${folder}${path}`, Buffer.from(await signer.clearSign(text)))
    else {
      upstream.put(`${folder}${path}`, Buffer.from(text))
      upstream.put(`${folder}${path}.gpg`, await signer.detach(Buffer.from(text)))
    }
  }
  const index: Record<string, unknown> = {}
  for (const [contentId, products] of Object.entries(streams)) {
    const path = `streams/v1/${contentId}.${ending}`
    index[contentId] = {
      datatype: 'image-downloads',
      format: 'products:1.0',
      path,
      products: Object.keys(products),
      updated: 'Wed, 25 Jun 2025 11:01:49 +0000',
    }
    await put(path, {
      content_id: contentId,
      datatype: 'image-downloads',
      format: 'products:1.0',
      products: Object.fromEntries(
        Object.entries(products).map(([name, product]) => [name, listed(product)]),
      ),
    })
    for (const { versions } of Object.values(products)) {
      for (const items of Object.values(versions)) {
        for (const { path: file, bytes } of Object.values(items)) upstream.put(file, bytes)
      }
    }
  }
  await put(`streams/v1/index.${ending}`, { format: 'index:1.0', index })
}

function listed({ tags, versions }: Product): unknown {
  const entries = Object.entries(versions).map(([version, items]) => [
    version,
    {
      items: Object.fromEntries(
        Object.entries(items).map(([item, { path, bytes }]) => [
          item,
          { ftype: item, path, sha256: digestOf(bytes), size: bytes.length },
        ]),
      ),
    },
  ])
  return { ...tags, versions: Object.fromEntries(entries) }
}

export const ephemeralStream = 'com.ubuntu.maas:stable:v3:download'

/** An ephemeral system as images.maas.io has it. The squashfs of a version is the same for all its kernels. */
export function ephemeral(
  release: string,
  arch: string,
  subarch: string,
  versions: {
    readonly [version: string]: {
      readonly kernel: Buffer
      readonly initrd: Buffer
      readonly squashfs: Buffer
    }
  },
): Products {
  const codename = { '22.04': 'jammy', '24.04': 'noble', '26.04': 'resolute' }[release] ?? `u${release}`
  const tags = {
    arch,
    kflavor: 'generic',
    krel: codename,
    label: 'stable',
    os: 'ubuntu',
    release: codename,
    subarch,
    version: release,
  }
  const entries = Object.entries(versions).map(([version, { kernel, initrd, squashfs }]) => {
    const folder = `${codename}/${arch}/${version}`
    const items = {
      'boot-kernel': { path: `${folder}/${subarch}/generic/boot-kernel`, bytes: kernel },
      'boot-initrd': { path: `${folder}/${subarch}/generic/boot-initrd`, bytes: initrd },
      manifest: { path: `${folder}/squashfs.manifest`, bytes: Buffer.from('a\t1\n') },
      squashfs: { path: `${folder}/squashfs`, bytes: squashfs },
    }
    return [version, items] as const
  })
  return {
    [`com.ubuntu.maas.stable:v3:boot:${release}:${arch}:${subarch}`]: {
      tags,
      versions: Object.fromEntries(entries),
    },
  }
}

/** One of the catalogue's files, with its upstream here and its key that of the test. */
export function catalogueOf(
  file: string,
  upstream: Upstream,
  signer: Signer,
  folder = '',
): CatalogueUpstream {
  const text = readFileSync(new URL(`../../images/catalogue/${file}.yaml`, import.meta.url), 'utf8')
  const read = readCatalogue(text, file, '/keyrings')
  if (read.kind === 'mistakes') throw new Error(JSON.stringify(read.mistakes))
  const base = `${upstream.base}${folder}` as CatalogueUpstream['base']
  return {
    ...read.upstream,
    base,
    files: upstream.base,
    keyring: { file: 'test.gpg', fingerprints: [signer.fingerprint] },
  }
}
