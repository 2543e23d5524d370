import { pack } from 'tar-stream'
import { buffer } from 'node:stream/consumers'

/** A file of an order, by its path below the order's folder. */
export type OrderFile = { readonly path: string; readonly mode: number; readonly text: string }

/** The files as one archive. Each is root's, and nothing in it tells when it was made. */
export async function packOrder(files: readonly OrderFile[]): Promise<Uint8Array> {
  const packing = pack()
  for (const { path, mode, text } of files) {
    packing.entry({ name: path, mode, mtime: new Date(0), uid: 0, gid: 0 }, text)
  }
  packing.finalize()
  return await buffer(packing)
}
