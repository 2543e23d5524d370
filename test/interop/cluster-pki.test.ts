import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { caCertHash } from '../../server/clusters/ca-cert-hash.ts'
import { issueClientCertificate } from '../../server/clusters/issue-client-certificate.ts'
import { makeAuthorities, type MadeAuthorities } from '../../server/clusters/make-authorities.ts'
import { openNetworkNamespace } from '../../server/demo/network-namespace.ts'
import { testFolder } from '../folder.ts'
import { needs } from './needs.ts'

const dayMs = 86_400_000

type Said = { readonly status: number | null; readonly told: string }

function openssl(...words: readonly string[]): Said {
  const { status, stdout, stderr } = spawnSync('openssl', words, { encoding: 'utf8' })
  return { status, told: `${stdout}${stderr}` }
}

/** Authorities in files, as a node has them under /etc/kubernetes/pki, and client certificates of them. */
async function aFolder(t: Test): Promise<{
  readonly made: MadeAuthorities
  readonly file: (name: string) => string
}> {
  const folder = testFolder(t)
  const file = (name: string): string => join(folder, name)
  const made = await makeAuthorities(Date.now())
  const { authorities, secrets } = made
  const pairs = [
    ['ca', authorities.ca, secrets.ca],
    ['etcd-ca', authorities.etcdCa, secrets['etcd-ca']],
    ['front-proxy-ca', authorities.frontProxyCa, secrets['front-proxy-ca']],
    ['sa', authorities.serviceAccount, secrets['service-account']],
  ] as const
  for (const [name, certificate, key = ''] of pairs) {
    writeFileSync(file(name === 'sa' ? 'sa.pub' : `${name}.crt`), certificate)
    writeFileSync(file(`${name}.key`), key, { mode: 0o600 })
    if (name === 'sa') continue
    const order = { organization: 'kubeadm:cluster-admins', commonName: 'kubernetes-admin' }
    const authority = { certificate, privateKey: key }
    const client = await issueClientCertificate({ ...order, authority, at: Date.now(), lastsMs: 365 * dayMs })
    writeFileSync(file(`${name}-client.crt`), client.certificate)
    writeFileSync(file(`${name}-client.key`), client.privateKey, { mode: 0o600 })
  }
  return { made, file }
}

/** What kubeadm does on a node: a certificate for a server, of the authority that the box made. */
function signServer(file: (name: string) => string, authority: string): void {
  const extensions =
    'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n' +
    'extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n'
  writeFileSync(file('server.ext'), extensions)
  const request = openssl(
    'req',
    '-new',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    '/CN=node-1',
    '-keyout',
    file('server.key'),
    '-out',
    file('server.csr'),
  )
  if (request.status !== 0) throw new Error(request.told)
  const signed = openssl(
    'x509',
    '-req',
    '-in',
    file('server.csr'),
    '-days',
    '1',
    '-CAcreateserial',
    '-CA',
    file(`${authority}.crt`),
    '-CAkey',
    file(`${authority}.key`),
    '-extfile',
    file('server.ext'),
    '-out',
    file('server.crt'),
  )
  if (signed.status !== 0) throw new Error(signed.told)
}

t.test('OpenSSL finds the authorities as kubeadm makes them', needs('openssl'), async (t) => {
  const { made, file } = await aFolder(t)
  for (const [name, commonName] of [
    ['ca', 'kubernetes'],
    ['etcd-ca', 'etcd-ca'],
    ['front-proxy-ca', 'front-proxy-ca'],
  ] as const) {
    const { told } = openssl('x509', '-in', file(`${name}.crt`), '-noout', '-text', '-nameopt', 'RFC2253')
    t.match(told, new RegExp(`Subject: CN=${commonName}\n`), name)
    t.match(told, /X509v3 Basic Constraints: critical\s+CA:TRUE\n/)
    t.match(told, /X509v3 Key Usage: critical\s+Digital Signature, Key Encipherment, Certificate Sign\n/)
    t.match(told, /X509v3 Subject Key Identifier:/)
    t.match(told, new RegExp(`X509v3 Subject Alternative Name: *\n *DNS:${commonName}\n`))
    t.match(told, /Public-Key: \(2048 bit\)/)
    t.match(told, /Signature Algorithm: sha256WithRSAEncryption/)
    const [from = '', to = ''] = ['Before', 'After'].map(
      (end) => new RegExp(`Not ${end} ?: (.*)`).exec(told)?.[1],
    )
    t.equal(Date.parse(to) - Date.parse(from), 3_650 * dayMs + 300_000, 'ten years, and five minutes back')
    t.equal(openssl('verify', '-x509_strict', '-CAfile', file(`${name}.crt`), file(`${name}.crt`)).status, 0)
  }
  const pipeline = `openssl x509 -pubkey -noout -in '${file('ca.crt')}' | openssl pkey -pubin -outform der | sha256sum`
  const hash = spawnSync('sh', ['-c', pipeline], { encoding: 'utf8' }).stdout.split(' ')[0]
  t.equal(caCertHash(made.authorities.ca), `sha256:${hash}`)
  const publicKey = spawnSync('openssl', ['rsa', '-in', file('sa.key'), '-pubout'], {
    encoding: 'utf8',
  }).stdout
  t.equal(publicKey, made.authorities.serviceAccount)
  t.match(made.secrets['service-account'], /^-----BEGIN RSA PRIVATE KEY-----\n/)
})

t.test('a client certificate is good for clients, of its authority alone', needs('openssl'), async (t) => {
  const { file } = await aFolder(t)
  const verify = (purpose: string, authority: string, certificate: string): Said =>
    openssl('verify', '-x509_strict', '-purpose', purpose, '-CAfile', file(authority), file(certificate))
  t.match(verify('sslclient', 'ca.crt', 'ca-client.crt'), { status: 0 })
  t.not(verify('sslserver', 'ca.crt', 'ca-client.crt').status, 0, 'it serves nothing')
  t.not(verify('sslclient', 'etcd-ca.crt', 'ca-client.crt').status, 0, 'of another authority')
  const { told } = openssl('x509', '-in', file('ca-client.crt'), '-noout', '-text', '-nameopt', 'RFC2253')
  t.match(told, /Subject: CN=kubernetes-admin,O=kubeadm:cluster-admins\n/)
  t.match(told, /X509v3 Key Usage: critical\s+Digital Signature, Key Encipherment\n/)
  t.match(told, /X509v3 Extended Key Usage: *\n *TLS Web Client Authentication\n/)
  t.match(told, /CA:FALSE/)
  signServer(file, 'ca')
  t.match(verify('sslserver', 'ca.crt', 'server.crt'), { status: 0 }, 'what OpenSSL signs by it serves')
})

t.test(
  'a real etcd serves by these authorities, and no stranger',
  needs('etcd', 'openssl', 'curl'),
  async (t) => {
    const { file } = await aFolder(t)
    signServer(file, 'etcd-ca')
    // Where all ports are its own.
    await using host = await openNetworkNamespace([])
    const url = 'https://127.0.0.1:2379'
    const peerUrl = 'https://127.0.0.1:2380'
    const pair = ['cert-file', file('server.crt'), 'key-file', file('server.key')] as const
    const ends = ['', 'peer-'].flatMap((end) => [
      `--${end}${pair[0]}=${pair[1]}`,
      `--${end}${pair[2]}=${pair[3]}`,
      `--${end}trusted-ca-file=${file('etcd-ca.crt')}`,
      `--${end}client-cert-auth`,
    ])
    const etcd = host.start(
      [
        'etcd',
        `--data-dir=${file('data')}`,
        `--listen-client-urls=${url}`,
        `--advertise-client-urls=${url}`,
        `--listen-peer-urls=${peerUrl}`,
        `--initial-advertise-peer-urls=${peerUrl}`,
        `--initial-cluster=default=${peerUrl}`,
        ...ends,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let log = ''
    etcd.stderr!.on('data', (piece) => (log += String(piece)))
    const ended = new Promise((resolve) => etcd.once('close', resolve))
    t.teardown(async () => {
      etcd.kill('SIGKILL')
      await ended
    })
    const asked = (who: string | undefined, path: string, body?: string): Said => {
      const shown = who === undefined ? [] : ['--cert', file(`${who}.crt`), '--key', file(`${who}.key`)]
      const sent = body === undefined ? [] : ['--data', body]
      const words = ['--silent', '--show-error', '--max-time', '60', '--cacert', file('etcd-ca.crt')]
      const [program, ...all] = host.inside(['curl', ...words, ...shown, ...sent, `${url}${path}`])
      const { status, stdout, stderr } = spawnSync(program, all, { encoding: 'utf8' })
      return { status, told: `${stdout}${stderr}` }
    }
    const until = Date.now() + 120_000
    while (!asked('etcd-ca-client', '/health').told.includes('"health":"true"')) {
      if (Date.now() > until || etcd.exitCode !== null)
        throw new Error(`etcd does not come up: ${log.slice(-2_000)}`)
      await pause(200)
    }
    const [key, value] = [btoa('name'), btoa('ironwake')]
    t.match(asked('etcd-ca-client', '/v3/kv/put', JSON.stringify({ key, value })), { status: 0 })
    t.match(asked('etcd-ca-client', '/v3/kv/range', JSON.stringify({ key })).told, new RegExp(value))
    for (const [who, name] of [
      [undefined, 'without a certificate'],
      ['ca-client', 'with one of another authority'],
    ] as const) {
      const { status, told } = asked(who, '/v3/kv/range', JSON.stringify({ key }))
      t.not(status, 0, name)
      t.notMatch(told, new RegExp(value), name)
    }
  },
)
