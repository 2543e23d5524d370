import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readKubeconfig } from '../../server/clusters/read-kubeconfig.ts'
import { run } from '../../server/cli/run.ts'
import type { ClusterSummary } from '../../server/http/cluster-routes.ts'
import { apiApp } from '../../server/http/api-app.ts'
import { listenSocketFile } from '../../server/listen/http.ts'
import { aClusterDesk } from '../clusters/a-cluster-desk.ts'
import { aKubeServer } from '../clusters/a-kube-server.ts'
import { aKubeconfig } from '../clusters/a-kubeconfig.ts'
import { aDesk } from '../http/an-api-desk.ts'

function aFolder(t: Test): string {
  // Not a folder of the tests: the path of a socket has at most 107 bytes (unix(7)).
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-cli-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'ironwake.yaml'), `data: ${JSON.stringify(folder)}\n`)
  return folder
}

/** A box with its store in a folder, asked by the command line; `close` stops it. */
async function aBox(t: Test, folder: string, keyVariable?: string, packagesKeyFile?: string) {
  const opened = new AsyncDisposableStack()
  t.teardown(async () => await opened.disposeAsync())
  const { desk, told } = await aClusterDesk(opened, folder, { keyVariable, packagesKeyFile })
  const app = apiApp(aDesk({ clusters: desk }))
  opened.use(await listenSocketFile(app, join(folder, 'ironwake.sock')))
  const call = async (...words: readonly string[]) => {
    const [out, err]: [string[], string[]] = [[], []]
    const code = await run(['clusters', ...words, '--settings', join(folder, 'ironwake.yaml')], {
      print: (line) => void out.push(line),
      remark: (line) => void err.push(line),
      stop: AbortSignal.timeout(30_000),
      isTerminal: false,
      now: Date.now,
    })
    return { code, out: out.join('\n'), err: err.join('\n') }
  }
  return { call, told, close: async () => await opened.disposeAsync() }
}

t.test('a cluster is created, listed and shown, and its secrets are nowhere to be read', async (t) => {
  const folder = aFolder(t)
  const { call, told, close } = await aBox(t, folder)
  t.match(await call('list'), { code: 0, out: '', err: /no cluster yet/ })
  t.notOk(existsSync(join(folder, 'store.key')), 'a box without clusters has no key')
  const created = await call('create', 'lab', '--vip', '10.20.0.5', '--output', 'json')
  t.equal(created.code, 0, created.err)
  const summary = JSON.parse(created.out) as ClusterSummary
  t.match(summary, {
    cluster: { name: 'lab', kubernetes: '1.36.5', endpoint: '10.20.0.5:6443' },
    caCertHash: /^sha256:[0-9a-f]{64}$/,
  })
  t.match(told, [{ kind: 'cluster-created', cluster: 'lab', caCertHash: summary.caCertHash }])
  t.match((await call('list')).out, /^lab +managed +1\.36\.5 +10\.20\.0\.5:6443 +20[0-9-]+ +ok$/m)
  t.match((await call('show', 'lab')).out, /^keys +encrypted in the store$/m)
  t.match(await call('create', 'lab'), { code: 1, err: /There is a cluster lab already/ })
  const sharing = await call('create', 'two', '--vip', '10.20.0.5')
  t.match(sharing, { code: 1, err: /10\.20\.0\.5 is the address of the cluster lab\. Choose/ })
  t.equal(statSync(join(folder, 'store.key')).mode & 0o777, 0o600)
  await close()
  const key = readFileSync(join(folder, 'store.key'), 'utf8').trim()
  for (const name of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, name), 'latin1')
    t.notMatch(bytes, /PRIVATE KEY/, name)
    if (name !== 'store.key') t.notOk(bytes.includes(key), name)
  }
  t.notMatch(created.out, /PRIVATE|aes256gcm/)
  t.notMatch(JSON.stringify(told), /PRIVATE|BEGIN|aes256gcm/)
})

t.test('a kubeconfig is given out, with another key each time, and after a restart', async (t) => {
  const folder = aFolder(t)
  const first = await aBox(t, folder)
  await first.call('create', 'lab', '--endpoint', 'k8s.example')
  const one = await first.call('kubeconfig', 'lab')
  await first.close()
  const { call, told } = await aBox(t, folder)
  const file = join(folder, 'lab.yaml')
  writeFileSync(file, 'what was there', { mode: 0o644 })
  t.match(await call('kubeconfig', 'lab', '--output-file', file), { code: 0, out: '' })
  t.equal(statSync(file).mode & 0o777, 0o600)
  const two = readFileSync(file, 'utf8')
  const [read, readAgain] = [readKubeconfig(one.out, undefined), readKubeconfig(two, undefined)]
  t.match(read, { kind: 'target', target: { server: 'https://k8s.example:6443' } })
  t.match(readAgain, { kind: 'target', target: { server: 'https://k8s.example:6443' } })
  t.not(one.out, two.trimEnd())
  t.match(told, [{ kind: 'cluster-kubeconfig-given', cluster: 'lab', serial: /^[0-9A-F]{16}$/ }])
  t.match(await call('kubeconfig', 'nowhere'), { code: 1, err: /no cluster has the name nowhere/ })
})

t.test('without an endpoint a kubeconfig needs to be told a server', async (t) => {
  const { call } = await aBox(t, aFolder(t))
  await call('create', 'lab')
  t.match(await call('kubeconfig', 'lab'), { code: 1, err: /Name a control plane: --endpoint/ })
  t.match((await call('kubeconfig', 'lab', '--endpoint', '10.20.0.11')).out, /https:\/\/10\.20\.0\.11:6443/)
  t.match(await call('kubeconfig', 'lab', '--endpoint', 'https://x'), { code: 1, err: /not where a cluster/ })
})

t.test('a cluster whose keys would be lost is removed only when that is said', async (t) => {
  const { call, told } = await aBox(t, aFolder(t))
  await call('create', 'lab')
  t.match(await call('remove', 'lab'), { code: 1, err: /nowhere else.*\n.*remove lab --yes/ })
  t.match(await call('remove', 'lab', '--yes'), { code: 0 })
  t.match(told.at(-1), { kind: 'cluster-removed', cluster: 'lab' })
  t.match(await call('show', 'lab'), { code: 1, err: /no cluster has the name lab/ })
  t.match(await call('create', 'lab'), { code: 0 }, 'the name is free again')
  await call('create', 'full')
  t.match(await call('remove', 'full', '--yes'), { code: 1, err: /full has machines: node-1, M0000002/ })
})

t.test('an external cluster is asked what its user may do, and added when that is enough', async (t) => {
  const { server } = await aKubeServer(t)
  const folder = aFolder(t)
  const { call, told } = await aBox(t, folder)
  const file = join(folder, 'prod.yaml')
  const cluster = { server: `https://127.0.0.1:${server.port}` }
  writeFileSync(file, aKubeconfig({ cluster, user: { token: 'admin-token' } }))
  const added = await call('add', 'prod', '--kubeconfig', file)
  t.match(added, { code: 0, err: '', out: /^server +https:\/\/127\.0\.0\.1:/m })
  t.match(told, [{ kind: 'cluster-added', cluster: 'prod', server: cluster.server }])
  t.notOk('unprobed' in (told[0] ?? {}))
  t.notMatch(JSON.stringify([added, told]), /admin-token/)
  t.match(await call('kubeconfig', 'prod'), { code: 1, err: /somebody else’s cluster/ })
  t.match(await call('remove', 'prod'), { code: 0 })
})

t.test('an external cluster that cannot be used is refused, and nothing of it is kept', async (t) => {
  const { server } = await aKubeServer(t, { allows: (_user, verb) => verb !== 'delete' && verb !== 'watch' })
  const folder = aFolder(t)
  const { call, told } = await aBox(t, folder)
  const file = join(folder, 'prod.yaml')
  const cluster = { server: `https://127.0.0.1:${server.port}` }
  const added = async (user: Record<string, unknown>, more: Record<string, unknown> = {}) => {
    writeFileSync(file, aKubeconfig({ cluster: { ...cluster, ...more }, user }))
    return await call('add', 'prod', '--kubeconfig', file)
  }
  t.match(await added({ token: 'admin-token' }), {
    code: 1,
    err: /may not watch nodes, nor delete nodes, nor delete secrets in kube-system; docs\/clusters\.md/,
  })
  t.match(await added({ token: 'wrong' }), { code: 1, err: /does not know the user/ })
  const other = { 'tls-server-name': 'other.example' }
  t.match(await added({ token: 'admin-token' }, other), {
    code: 1,
    err: /does not prove that it is this cluster/,
  })
  t.match(await added({ exec: {} }), { code: 1, err: /This kubeconfig cannot be used: it starts a program/ })
  t.match(await call('list'), { err: /no cluster yet/ })
  t.strictSame(told, [])
})

t.test('an external cluster that nobody answers for is added with a remark', async (t) => {
  const folder = aFolder(t)
  const { call, told } = await aBox(t, folder)
  const file = join(folder, 'prod.yaml')
  writeFileSync(file, aKubeconfig({ cluster: { server: 'https://127.0.0.1:1' } }))
  t.match(await call('add', 'prod', '--kubeconfig', file), {
    code: 0,
    err: /not reached.*nobody answers there/,
  })
  t.match(told, [{ kind: 'cluster-added', unprobed: /nobody answers there/ }])
})

t.test('an authority that another key sealed is told of, and a new key is not made over it', async (t) => {
  const folder = aFolder(t)
  const first = await aBox(t, folder)
  await first.call('create', 'lab', '--endpoint', 'k8s.example')
  await first.close()
  rmSync(join(folder, 'store.key'))
  const { call, told } = await aBox(t, folder)
  t.match(told, [{ kind: 'cluster-locked', cluster: 'lab', because: /store\.key is not there/ }])
  t.match((await call('list')).out, /locked$/m)
  t.match(await call('kubeconfig', 'lab'), { code: 1, err: /authority of lab cannot be used/ })
  t.match(await call('create', 'more'), { code: 1, err: /Put it back first/ })
  t.notOk(existsSync(join(folder, 'store.key')))
})

t.test('a new first key seals all anew at the next start, and the old one can go', async (t) => {
  const folder = aFolder(t)
  const [old, fresh] = ['a', 'b'].map((letter) => Buffer.from(letter.repeat(32)).toString('base64'))
  const first = await aBox(t, folder, old)
  await first.call('create', 'lab', '--endpoint', 'k8s.example')
  await first.close()
  const second = await aBox(t, folder, `${fresh} ${old}`)
  t.match(second.told, [{ kind: 'cluster-sealed-anew', cluster: 'lab' }])
  await second.close()
  const third = await aBox(t, folder, fresh)
  t.strictSame(third.told, [])
  t.match(await third.call('kubeconfig', 'lab'), { code: 0 })
  t.notOk(existsSync(join(folder, 'store.key')), 'with the variable no file is made')
})

t.test(
  'cloud-config for nodes has the version of the cluster and the repository of the settings',
  async (t) => {
    const folder = aFolder(t)
    const { call, close } = await aBox(t, folder)
    await call('create', 'lab', '--kubernetes', '1.35')
    const { code, out } = await call('node-config', 'lab')
    t.equal(code, 0)
    t.match(out, /^#cloud-config\n/)
    t.match(out, /KUBERNETES_VERSION='1\.35\.8'/)
    t.match(out, /KUBERNETES_PACKAGES='http:\/\/mirror\.example\/v1\.35\/'/)
    t.match(await call('node-config', 'nowhere'), { code: 1, err: /no cluster has the name/ })
    await close()
    const other = await aBox(t, folder, undefined, join(folder, 'missing.asc'))
    t.match(await other.call('node-config', 'lab'), { code: 1, err: /packages-key, cannot be read/ })
  },
)

t.test('two orders for one name make one cluster', async (t) => {
  const { call } = await aBox(t, aFolder(t))
  const codes = await Promise.all([call('create', 'lab'), call('create', 'lab')])
  t.strictSame(
    codes.map(({ code }) => code).toSorted((a, b) => a - b),
    [0, 1],
  )
})

t.test('words that make no call are told what would', async (t) => {
  const { call } = await aBox(t, aFolder(t))
  for (const words of [[], ['create'], ['list', 'lab'], ['add', 'prod'], ['explode', 'lab']]) {
    t.equal((await call(...words)).code, 2, words.join(' '))
  }
  t.match(await call('add', 'prod', '--kubeconfig', '/nowhere'), { code: 1, err: /\/nowhere cannot be read/ })
  const large = join(aFolder(t), 'large.yaml')
  writeFileSync(large, 'x'.repeat(1024 * 1024 + 1))
  t.match(await call('add', 'prod', '--kubeconfig', large), { code: 1, err: /too large .*\n.*--minify/ })
})
