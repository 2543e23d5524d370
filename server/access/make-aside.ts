import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { ServerNames } from './make-certificates.ts'

export type CertificateOrder =
  | { readonly kind: 'authority'; readonly subject: string; readonly now: number }
  | {
      readonly kind: 'server'
      /** Its key and its certificate. */
      readonly authority: string
      readonly wanted: ServerNames
      readonly now: number
    }

/**
 * Makes a certificate in a thread of its own: the text of a file with its key and itself. What the library takes (21 MB) is
 * given back when the thread ends; a box makes one in a year.
 */
export async function makeAside(order: CertificateOrder): Promise<string> {
  const name = import.meta.url.endsWith('.ts') ? './certificate-thread.ts' : './certificate-thread.js'
  const thread = new Worker(new URL(name, import.meta.url), { name: 'certificate', workerData: order })
  const [text] = (await once(thread, 'message')) as [string]
  await thread.terminate()
  return text
}
