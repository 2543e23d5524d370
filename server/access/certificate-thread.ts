import { parentPort, workerData } from 'node:worker_threads'
import { readKeyPair } from './key-pair.ts'
import { makeAuthority, makeServerCertificate } from './make-certificates.ts'
import type { CertificateOrder } from './make-aside.ts'

// The thread that makes one certificate and ends.

if (parentPort === null) throw new Error('certificate-thread.ts runs as a worker thread only.')
const port = parentPort
port.postMessage(await made(workerData as CertificateOrder))

async function made(order: CertificateOrder): Promise<string> {
  if (order.kind === 'authority') return await makeAuthority(order.subject, order.now)
  const authority = readKeyPair(order.authority)
  if (authority.kind === 'damaged') throw new Error(`the authority is damaged: ${authority.because}`)
  return await makeServerCertificate(authority.pair, order.wanted, order.now)
}
