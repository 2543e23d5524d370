import { fork } from 'node:child_process'
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
 * Makes a certificate in a process of its own: the text of a file with its key and itself. What the library takes (21 MB) goes
 * with the process; of a thread the half of it stayed. A box makes one in a year.
 *
 * @throws Error where that process comes to no good end.
 */
export async function makeAside(order: CertificateOrder): Promise<string> {
  const name = import.meta.url.endsWith('.ts') ? './certificate-process.ts' : './certificate-process.js'
  const child = fork(new URL(name, import.meta.url), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  return await new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) =>
      reject(new Error(`the process that makes certificates ended (${signal ?? code})`)),
    )
    child.once('message', (text) => resolve(text as string))
    child.send(order)
  })
}
