// Stands in for kube-apiserver, started as that is, with what kube-controller-manager signs: flags name files of PEM.
// What it keeps is in etcd where it is told of one, and else in memory.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { kubeApiServer } from './kube-api-server.ts'
import { KubeEtcd } from './kube-etcd.ts'

const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    'advertise-address': text,
    'secure-port': text,
    'authorization-mode': text,
    'client-ca-file': text,
    'etcd-servers': text,
    'etcd-cafile': text,
    'etcd-certfile': text,
    'etcd-keyfile': text,
    'enable-bootstrap-token-auth': text,
    'service-account-key-file': text,
    'service-account-signing-key-file': text,
    'service-cluster-ip-range': text,
    'tls-cert-file': text,
    'tls-private-key-file': text,
    'cluster-signing-cert-file': text,
    'cluster-signing-key-file': text,
  },
})

function needed(name: keyof typeof values): string {
  const value = values[name]
  if (value === undefined) throw new Error(`--${name} is missing`)
  return value
}

const authority = [needed('cluster-signing-cert-file'), needed('cluster-signing-key-file')] as const

/** A certificate of a kubelet, as kube-controller-manager signs it. */
async function signs(request: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'kube-csr-'))
  try {
    const file = (name: string, contents: string) => {
      writeFileSync(join(folder, name), contents)
      return join(folder, name)
    }
    const asked = file('request', request)
    const words = ['x509', '-req', '-in', asked, '-CA', authority[0], '-CAkey', authority[1], '-days', '1']
    const as = ['-CAcreateserial', '-CAserial', join(folder, 'serial'), '-extfile']
    const { stdout } = await promisify(execFile)('openssl', [
      ...words,
      ...as,
      file('as', 'extendedKeyUsage=clientAuth\n'),
    ])
    return stdout
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const etcd =
  values['etcd-servers'] === undefined
    ? undefined
    : new KubeEtcd({
        server: values['etcd-servers'],
        ca: readFileSync(needed('etcd-cafile'), 'utf8'),
        certificate: readFileSync(needed('etcd-certfile'), 'utf8'),
        privateKey: readFileSync(needed('etcd-keyfile'), 'utf8'),
      })

await kubeApiServer(
  {
    certificate: readFileSync(needed('tls-cert-file'), 'utf8'),
    privateKey: readFileSync(needed('tls-private-key-file'), 'utf8'),
    clientCa: readFileSync(needed('client-ca-file'), 'utf8'),
    tokens: new Map(),
    host: '0.0.0.0',
    version: process.env['KUBE_STAND_IN_VERSION'] ?? '',
    signs,
    ...(etcd === undefined ? {} : { etcd }),
  },
  Number(needed('secure-port')),
)
