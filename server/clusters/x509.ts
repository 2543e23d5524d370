import type * as X509 from '@peculiar/x509'

let loading: Promise<typeof X509> | undefined

/** The library for certificates: read when the first is made, since it takes 25 MB of memory (docs/decisions/0029). */
export async function x509(): Promise<typeof X509> {
  loading ??= load()
  return await loading
}

async function load(): Promise<typeof X509> {
  // Its container for algorithms asks for this before anything else.
  await import('reflect-metadata/lite')
  return await import('@peculiar/x509')
}
