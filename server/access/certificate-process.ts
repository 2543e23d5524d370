import { readKeyPair } from './key-pair.ts'
import { makeAuthority, makeServerCertificate } from './make-certificates.ts'
import type { CertificateOrder } from './make-aside.ts'

// The process that makes one certificate and ends, or ends when its parent goes.

process.once('message', (order) => void make(order as CertificateOrder))
process.once('disconnect', () => process.exit())
// A Ctrl-C reaches every process of the terminal; the parent stops first, and then this one.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

async function make(order: CertificateOrder): Promise<void> {
  const text = await made(order)
  process.send?.(text, () => process.disconnect())
}

async function made(order: CertificateOrder): Promise<string> {
  if (order.kind === 'authority') return await makeAuthority(order.subject, order.now)
  const authority = readKeyPair(order.authority)
  if (authority.kind === 'damaged') throw new Error(`the authority is damaged: ${authority.because}`)
  return await makeServerCertificate(authority.pair, order.wanted, order.now)
}
