import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openAuthority } from '../../server/access/authority.ts'
import { fingerprintOf } from '../../server/access/fingerprint.ts'
import { run } from '../../server/cli/run.ts'
import { apiApp } from '../../server/http/api-app.ts'
import { listenSocketFile } from '../../server/listen/http.ts'
import { aKubeconfig } from '../clusters/a-kubeconfig.ts'
import { anHttpsApi } from '../http/an-https-api.ts'
import { aDesk } from '../http/an-api-desk.ts'
import { rawDisk } from '../images/some-images.ts'

/** What each verb is called with. Those that print one document for each thing that happens are not among them: events, serve, demo. */
const calls: { readonly [command: string]: readonly (readonly string[])[] } = {
  check: [[]],
  machines: [
    ['list'],
    ['show', 'node-1'],
    ['plan', 'node-1'],
    ['approve', 'node-1'],
    ['unapprove', 'node-1'],
    ['retry', 'node-1'],
    ['reinstall', 'node-1'],
    ['release', 'node-1'],
    ['boot-next', 'node-1', 'local'],
    ['boot-next', 'node-1', '--clear'],
    ['power', 'node-1', 'status'],
    ['power', 'node-1', 'on'],
    ['capture', 'node-1', '--out', 'FOLDER/x.pcap'],
  ],
  images: [
    ['list'],
    ['import', 'FOLDER/disk.bin', '--name', 'noble', '--version', '1'],
    ['show', 'noble'],
    ['pin', 'noble'],
    ['unpin', 'noble'],
    ['verify'],
    ['sweep'],
    ['remove', 'noble@1'],
  ],
  clusters: [
    ['list'],
    ['show', 'lab'],
    ['create', 'lab'],
    ['add', 'prod', '--kubeconfig', 'FOLDER/kubeconfig'],
    ['kubeconfig', 'lab'],
    ['kubeconfig', 'lab', '--output-file', 'FOLDER/lab.yaml'],
    ['node-config', 'lab'],
    ['remove', 'lab', '--yes'],
  ],
  tokens: [['list'], ['create', 'ci', '--role', 'viewer'], ['revoke', 'ci']],
  audit: [['list'], ['head'], ['verify']],
  ca: [
    ['show'],
    ['show', '--pem'],
    ['fetch', '--server', 'SERVER', '--ca-fingerprint', 'FINGERPRINT', '--out', 'FOLDER/box.pem'],
  ],
}

t.test('with --output json every verb prints one document, and nothing else where results go', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-cli-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const desk = aDesk()
  const [token] = desk.tokens.list()
  if (token === undefined) return t.fail('the desk has no token')
  const tokens = {
    ...desk.tokens,
    make: async () => await Promise.resolve({ kind: 'made' as const, text: 'iw_', token }),
  }
  const [summary] = desk.clusters.list()
  if (summary === undefined) return t.fail('the desk has no cluster')
  const make = async () => await Promise.resolve({ kind: 'made' as const, summary })
  const given = { ...desk, tokens, clusters: { ...desk.clusters, make } }
  const listener = await listenSocketFile(apiApp(given), join(folder, 'ironwake.sock'))
  t.teardown(async () => await listener[Symbol.asyncDispose]())
  const remote = await anHttpsApi(t)
  mkdirSync(join(folder, 'access'), { mode: 0o700 })
  await openAuthority(join(folder, 'access', 'authority.pem'), 'box', Date.now())
  writeFileSync(join(folder, 'ironwake.yaml'), `data: ${JSON.stringify(folder)}\n`)
  writeFileSync(join(folder, 'disk.bin'), rawDisk(1_000_000))
  writeFileSync(join(folder, 'kubeconfig'), aKubeconfig())
  const meant = (word: string): string =>
    word
      .replace('FOLDER', folder)
      .replace('SERVER', `https://127.0.0.1:${remote.port}`)
      .replace('FINGERPRINT', fingerprintOf(remote.authority.certificate))
  for (const [command, verbs] of Object.entries(calls)) {
    for (const words of verbs) {
      const [out, err]: [string[], string[]] = [[], []]
      const all = [
        command,
        ...words.map(meant),
        '--output',
        'json',
        '--settings',
        join(folder, 'ironwake.yaml'),
      ]
      const code = await run(all, {
        print: (line) => void out.push(line),
        remark: (line) => void err.push(line),
        stop: new AbortController().signal,
        isTerminal: false,
        now: () => 61_500,
      })
      const what = `${command} ${words.join(' ')}`
      // What is wrong with the box of this test is no matter here.
      if (command !== 'check') t.equal(code, 0, `${what}: ${err.join('\n')}`)
      t.doesNotThrow(() => void JSON.parse(out.join('\n')), `${what} printed: ${out.join('\n')}`)
    }
  }
})

t.test('no verb was forgotten there', async (t) => {
  for (const [command, verbs] of Object.entries(calls)) {
    const out: string[] = []
    const stop = new AbortController().signal
    const print = (line: string): void => void out.push(line)
    await run([command, '--help'], { print, remark: print, stop, isTerminal: false, now: () => 0 })
    const [usage = ''] = out.join('\n').split('\n\n')
    const said = new Set(verbs.map(([verb]) => verb))
    // A name in small letters at the beginning of an alternative is a verb.
    for (const [, verb] of usage
      .replace(`ironwake ${command}`, '|')
      .matchAll(/(?:^|\| *\n? *)([a-z][a-z-]+)/g)) {
      // It needs upstreams; its outcome is printed as it is (image-sync.ts).
      if (command === 'images' && verb === 'sync') continue
      if (/^(local|image|off|cycle|status|viewer|operator|admin)$/.test(verb ?? '')) continue
      if (command !== 'check') t.ok(said.has(verb), `${command} ${verb}`)
    }
  }
})
