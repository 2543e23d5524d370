import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import type { Role } from '../../server/access/role.ts'
import { run } from '../../server/cli/run.ts'
import { aClusterDesk } from '../clusters/a-cluster-desk.ts'
import { aKubeServer } from '../clusters/a-kube-server.ts'
import { aKubeconfig } from '../clusters/a-kubeconfig.ts'
import { anHttpsApi, bearer } from '../http/an-https-api.ts'
import { needs } from './needs.ts'

// The API over HTTPS, to clients and readers of certificates that are not ours, and to our own command line.

t.setTimeout(600_000)
const needed = needs('openssl', 'curl')

async function program(name: string, ...words: readonly string[]) {
  const child = spawn(name, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const code = await new Promise((resolve) => child.once('close', resolve))
  return { code, text }
}

async function typed(...words: readonly string[]) {
  const [printed, remarked]: [string[], string[]] = [[], []]
  const code = await run(words, {
    print: (line) => void printed.push(line),
    remark: (line) => void remarked.push(line),
    stop: AbortSignal.timeout(300_000),
    isTerminal: false,
    now: () => Date.now(),
  })
  return { code, printed: printed.join('\n'), remarked: remarked.join('\n') }
}

t.test('openssl and curl believe the certificate, and by the authority alone', needed, async (t) => {
  const api = await anHttpsApi(t)
  const [ca, server] = [join(api.folder, 'ca.crt'), join(api.folder, 'server.pem')]
  writeFileSync(ca, api.authority.certificatePem)
  const verify = ['verify', '-x509_strict', '-CAfile', ca]
  for (const words of [
    [...verify, '-check_ss_sig', ca],
    [...verify, '-purpose', 'sslserver', '-verify_ip', '127.0.0.1', server],
    [...verify, '-purpose', 'sslserver', '-verify_hostname', 'localhost', server],
  ])
    t.match(await program('openssl', ...words), { code: 0, text: /: OK$/m }, words.join(' '))
  t.not((await program('openssl', ...verify, '-verify_ip', '127.0.0.2', server)).code, 0)
  const shown = await program('openssl', 'x509', '-in', ca, '-noout', '-fingerprint', '-sha256')
  t.match(shown.text.replaceAll(':', '').toLowerCase(), api.fingerprint.slice('sha256:'.length))
  const where = `127.0.0.1:${api.port}`
  const client = await program(
    'openssl',
    's_client',
    '-connect',
    where,
    '-CAfile',
    ca,
    '-verify_return_error',
    '-brief',
  )
  t.match(client, { code: 0, text: /Verification: OK/ })

  const url = `https://${where}/api/v1`
  const curl = ['--silent', '--show-error', '--cacert', ca]
  t.match(await program('curl', ...curl, `${url}/health`), { code: 0, text: '{"status":"up"}' })
  t.match(
    await program('curl', '--silent', '--show-error', `${url}/health`),
    { code: 60 },
    'not without the authority',
  )
  const { Authorization } = bearer(await api.token('viewer'))
  const status = await program(
    'curl',
    ...curl,
    '--header',
    `Authorization: ${Authorization}`,
    `${url}/status`,
  )
  t.match(status, { code: 0, text: /"version":"0\.1\.0"/ })
})

t.test('the command line asks a box elsewhere, once it has shown that it is the one', needed, async (t) => {
  const api = await anHttpsApi(t)
  const other = await anHttpsApi(t)
  const file = (name: string, text: string, mode = 0o600) => {
    writeFileSync(join(api.folder, name), text, { mode })
    return join(api.folder, name)
  }
  const token = await api.token('viewer')
  const tokenFile = file('token', `${token}\n`)
  const ca = file('ca.pem', api.authority.certificatePem)
  const server = ['--server', `https://127.0.0.1:${api.port}`]
  const list = async (...words: readonly string[]) => await typed('machines', 'list', ...words)
  const known = [...server, '--token-file', tokenFile]
  for (const by of [
    ['--ca-fingerprint', api.fingerprint],
    ['--ca-file', ca],
  ])
    t.match(await list(...known, ...by), { code: 0, printed: /M0000001/, remarked: '' })

  const before = api.happened.length
  const wrong = await list(...known, '--ca-fingerprint', other.fingerprint)
  t.match(wrong, { code: 1, remarked: /is not the box that you named.*Nothing was sent to it/ })
  const strange = file('strange.pem', other.authority.certificatePem)
  t.match(await list(...known, '--ca-file', strange), { code: 1, remarked: /is not the box that you named/ })
  t.equal(api.happened.length, before, 'the API was not asked')

  t.match(await list(...server, '--token-file', tokenFile), { code: 1, remarked: /by what the box is known/ })
  t.match(await list(...server, '--ca-file', ca), { code: 1, remarked: /wants a token/ })
  const noToken = file('no-token', 'hunter2')
  const refused = await list(...server, '--token-file', noToken, '--ca-file', ca)
  t.match(refused, { code: 1, remarked: /no token of Ironwake/ })
  t.notMatch(refused.remarked, /hunter2/)
  t.match(await list('--server', 'http://127.0.0.1', '--ca-file', ca), {
    code: 2,
    remarked: /written as https/,
  })
  t.match(await list('--token-file', tokenFile), { code: 2, remarked: /name it with --server/ })
  t.match(await list('--server', 'https://127.0.0.1:1', '--token-file', tokenFile, '--ca-file', ca), {
    code: 1,
    remarked: /nobody listens at https:\/\/127\.0\.0\.1:1/,
  })

  const retry = await typed('machines', 'retry', 'M0000001', ...known, '--ca-file', ca)
  t.match(retry, { code: 1, remarked: /has the role viewer; this needs operator/ })
  await api.tokens.revoke(token.slice(3, 11))
  t.match(await list(...known, '--ca-file', ca), { code: 1, remarked: /was revoked/ })

  const saved = join(api.folder, 'saved.pem')
  const fetched = ['ca', 'fetch', ...server, '--out', saved, '--ca-fingerprint']
  t.match(await typed(...fetched, other.fingerprint), { code: 1 })
  t.match(await typed(...fetched, api.fingerprint), { code: 0 })
  t.match(await program('openssl', 'x509', '-in', saved, '-noout'), { code: 0 })
})

t.test('clusters of a box elsewhere are made, used and forgotten by the command line', needed, async (t) => {
  const { server: kube } = await aKubeServer(t)
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-clusters-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
  const opened = new AsyncDisposableStack()
  t.teardown(async () => await opened.disposeAsync())
  const { desk, told } = await aClusterDesk(opened, folder)
  const api = await anHttpsApi(t, { clusters: desk })
  const known = ['--server', `https://127.0.0.1:${api.port}`, '--ca-fingerprint', api.fingerprint]
  const callAs = async (role: Role) => {
    const file = join(folder, `${role}.token`)
    writeFileSync(file, await api.token(role), { mode: 0o600 })
    return async (...words: readonly string[]) =>
      await typed('clusters', ...words, ...known, '--token-file', file)
  }
  const [admin, viewer, operator] = [await callAs('admin'), await callAs('viewer'), await callAs('operator')]
  t.match(await admin('create', 'lab'), { code: 0, printed: /^keys +encrypted in the store$/m })
  t.match(await viewer('list'), { code: 0, printed: /^lab +managed/m })
  t.match(await viewer('show', 'lab'), { code: 0, printed: /^cluster +lab$/m })
  t.match(await viewer('node-config', 'lab'), { code: 0, printed: /^#cloud-config/ })

  const out = join(folder, 'lab.yaml')
  t.match(await admin('kubeconfig', 'lab'), { code: 1, remarked: /Name a control plane: --endpoint/ })
  const toFile = ['kubeconfig', 'lab', '--endpoint', '10.20.0.11', '--output-file', out]
  const noRights = /has the role \w+; this needs admin\n.*ironwake tokens create/
  for (const call of [viewer, operator]) {
    t.match(await call(...toFile), { code: 1, remarked: noRights })
    t.match(await call('create', 'more'), { code: 1, remarked: noRights })
    t.match(await call('remove', 'lab', '--yes'), { code: 1, remarked: noRights })
    t.notOk(existsSync(out), 'nothing is written where nothing was given')
  }
  t.match(await admin(...toFile), { code: 0, printed: '' })
  t.equal(statSync(out).mode & 0o777, 0o600)
  const read = parse(readFileSync(out, 'utf8')) as GivenKubeconfig
  t.equal(read.clusters[0]?.cluster.server, 'https://10.20.0.11:6443')
  const certificate = join(folder, 'admin.crt')
  writeFileSync(certificate, Buffer.from(read.users[0]?.user['client-certificate-data'] ?? '', 'base64'))
  const ca = join(folder, 'cluster-ca.crt')
  writeFileSync(ca, Buffer.from(read.clusters[0]?.cluster['certificate-authority-data'] ?? '', 'base64'))
  t.match(await program('openssl', 'verify', '-CAfile', ca, certificate), { code: 0, text: /: OK$/m })

  const given = join(folder, 'prod.yaml')
  const cluster = { server: `https://127.0.0.1:${kube.port}` }
  writeFileSync(given, aKubeconfig({ cluster, user: { token: 'admin-token' } }))
  t.match(await viewer('add', 'prod', '--kubeconfig', given), { code: 1, remarked: noRights })
  t.match(await admin('add', 'prod', '--kubeconfig', given), { code: 0, printed: /^server +https:/m })
  t.match(await admin('kubeconfig', 'prod'), { code: 1, remarked: /somebody else’s cluster/ })

  const unknown = /no cluster has the name nowhere; `ironwake clusters list` tells/
  for (const words of [['show'], ['kubeconfig'], ['node-config'], ['remove']])
    t.match(await admin(...words, 'nowhere'), { code: 1, remarked: unknown }, words.join(' '))
  t.match(await admin('create', 'lab'), { code: 1, remarked: /There is a cluster lab already/ })
  t.match(await admin('remove', 'lab', '--yes'), { code: 0 })
  t.match(
    told.map(({ kind }) => kind),
    ['cluster-created', 'cluster-kubeconfig-given', 'cluster-added', 'cluster-removed'],
  )
  const all = JSON.stringify([api.happened, told])
  t.notOk(/admin-token|PRIVATE KEY|BEGIN/.test(all), 'no event holds a secret')
})

type GivenKubeconfig = {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string }
  }[]
  readonly users: readonly { readonly user: { readonly 'client-certificate-data': string } }[]
}
