import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { initConfiguration, joinConfiguration } from '../../server/cloud-init/kubeadm-config.ts'
import { nodeCloudConfig, type NodeSoftware } from '../../server/cloud-init/node-cloud-config.ts'
import { kubernetesMinors } from '../../server/clusters/kubernetes-versions.ts'
import { clusters, joins, nodes, nodeTemplates, software, softwares } from '../cloud-init/node-profiles.ts'
import { needs } from './needs.ts'

/** Debian's, which has cloud-init's modules and PyYAML. */
const python = '/usr/bin/python3'

/** All texts in one run: starting cloud-init a thousand times takes a quarter of an hour. */
function ask(program: string, texts: readonly string[]): readonly unknown[] {
  const { status, stdout, stderr } = spawnSync(python, ['-c', program], {
    input: JSON.stringify(texts),
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  })
  if (status !== 0) throw new Error(stderr.slice(-2_000))
  return JSON.parse(stdout) as readonly unknown[]
}

/** What \`cloud-init schema\` does with a file, for each text: its problems, or none. */
const schemaProgram = `
import json, sys, logging
import yaml
from cloudinit.config.schema import get_schema, validate_cloudconfig_schema, SchemaValidationError
logging.disable(logging.CRITICAL)
schema, out = get_schema(), []
for text in json.load(sys.stdin):
    try:
        assert text.startswith("#cloud-config\\n")
        validate_cloudconfig_schema(yaml.safe_load(text), schema=schema, strict=True)
        out.append("")
    except SchemaValidationError as problem:
        out.append(str(problem) or "invalid")
json.dump(out, sys.stdout)
`
const readProgram = `
import json, sys, yaml
json.dump([list(yaml.safe_load_all(text)) for text in json.load(sys.stdin)], sys.stdout)
`

function written(profile: NodeSoftware): string | undefined {
  const answer = nodeCloudConfig(profile, nodeTemplates)
  return answer.kind === 'refused' ? undefined : answer.text
}

t.test('cloud-init accepts what nodes get, of every version', needs('cloud-init'), async (t) => {
  const folder = mkdtempSync(path(tmpdir(), 'ironwake-node-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
  for (const { minor, containerd, pauseImage, cgroupV1 } of kubernetesMinors) {
    const text = written({
      ...software,
      kubernetes: `${minor}.1`,
      containerdOldest: containerd,
      pauseImage,
      cgroupV1,
    })
    const file = path(folder, minor)
    writeFileSync(file, text ?? '')
    const { status, stdout } = spawnSync('cloud-init', ['schema', '-c', file], { encoding: 'utf8' })
    t.match({ status, stdout }, { status: 0, stdout: /Valid cloud-config/ }, minor)
  }
})

t.test('cloud-init accepts a thousand profiles, and PyYAML reads them as meant', needs(python), async (t) => {
  const made: string[] = []
  let refused = 0
  while (made.length < 1_000) {
    for (const profile of fc.sample(softwares, 1_000)) {
      const text = written(profile)
      if (text === undefined) refused++
      else made.push(text)
    }
  }
  const texts = made.slice(0, 1_000)
  const problems = ask(schemaProgram, texts)
  t.equal(problems.length, 1_000)
  t.strictSame([...new Set(problems)], [''])
  t.ok(refused > 100, `${refused} were refused before`)
  const broken = (written(software) ?? '').replace('size: 0', 'size: [0]')
  t.match(ask(schemaProgram, [broken]), [/swap/], 'the check would refuse what is broken')
  const read = ask(readProgram, texts)
  for (const [index, text] of texts.entries()) {
    if (!isDeepStrictEqual(read[index], [parse(text, { version: '1.1' })])) t.fail(text)
  }
  const keys = new Set(read.map((documents) => Object.keys((documents as [object])[0]).join()))
  t.strictSame([...keys], ['swap,write_files,runcmd'], 'no field has become a key')
})

t.test('PyYAML reads configurations of kubeadm as they are meant', needs(python), async (t) => {
  const texts = fc
    .sample(fc.tuple(clusters, nodes, joins), 3_000)
    .flatMap(([facts, one, how]) => [initConfiguration(facts, one), joinConfiguration(how, one)])
    .flatMap((one) => (one.kind === 'yaml' ? [one.text] : []))
  t.ok(texts.length > 50, `${texts.length} were written`)
  const read = ask(readProgram, texts)
  for (const [index, text] of texts.entries()) {
    const meant = parseAllDocuments(text, { version: '1.1' }).map((document) => document.toJS() as unknown)
    if (!isDeepStrictEqual(read[index], meant)) t.fail(text)
  }
})

t.test(
  'a shell reads the settings of a node as they are meant, whatever they hold',
  needs('dash'),
  async (t) => {
    const profiles = fc.sample(softwares, 3_000).filter((profile) => written(profile) !== undefined)
    t.ok(profiles.length > 100)
    for (const profile of profiles.slice(0, 100)) {
      const { write_files: files } = parse(written(profile) ?? '') as {
        write_files: readonly { path: string; content: string }[]
      }
      const settings = files.find((file) => file.path === '/etc/ironwake/node.conf')?.content ?? ''
      const script = `${settings}printf '%s\\n' "$KUBERNETES_VERSION" "$KUBERNETES_PACKAGES" "$CONTAINERD_OLDEST" "$CGROUP_V1"`
      const { stdout } = spawnSync('dash', ['-euc', script], { encoding: 'utf8' })
      const { kubernetes, packages, containerdOldest, cgroupV1 } = profile
      t.equal(stdout, `${[kubernetes, packages, containerdOldest.join(' '), cgroupV1].join('\n')}\n`)
    }
  },
)

t.test('the programs of a node are read by its shell', needs('dash'), async (t) => {
  for (const name of ['prepare-node', 'key-is', 'containerd-fits'] as const) {
    t.match(
      spawnSync('dash', ['-n'], { input: nodeTemplates[name], encoding: 'utf8' }),
      { status: 0, stderr: '' },
      name,
    )
  }
})

t.test('versions of containerd are told apart by their lines', needs('dpkg'), async (t) => {
  const fits = (have: string, ...oldest: readonly string[]): boolean =>
    spawnSync('sh', ['-s', '--', have, ...oldest], { input: nodeTemplates['containerd-fits'] }).status === 0
  for (const have of ['2.2.0', 'v2.2.1', '2.2.10', '2.3.4', '2.4.0', '3.0.0']) {
    t.ok(fits(have, '2.2.0', '2.3.0'), have)
  }
  for (const have of ['1.7.28', '2.0.6', '2.1.5', '2.2.0~rc1', '2.3.0~beta', '1.6.20~ds1', '', 'none']) {
    t.notOk(fits(have, '2.2.0', '2.3.0'), have)
  }
})

t.test(
  'a key is known by its fingerprint, and a second one beside it is noticed',
  needs('gpg'),
  async (t) => {
    const folder = mkdtempSync(path(tmpdir(), 'ironwake-key-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
    chmodSync(folder, 0o700)
    const gpg = (...words: readonly string[]): string =>
      spawnSync('gpg', ['--homedir', folder, '--batch', '--quiet', ...words], { encoding: 'utf8' }).stdout
    for (const name of ['one', 'two'])
      gpg('--passphrase', '', '--quick-gen-key', `${name}@x.example`, 'rsa2048')
    const file = path(folder, 'Release.key')
    const fingerprintOf = (name: string): string =>
      /^fpr:+([0-9A-F]{40}):/m.exec(gpg('--list-keys', '--with-colons', `${name}@x.example`))?.[1] ?? ''
    const [one, two] = [fingerprintOf('one'), fingerprintOf('two')]
    t.match(one, /^[0-9A-F]{40}$/)
    const isKey = (fingerprint: string): boolean =>
      spawnSync('sh', ['-s', '--', file, fingerprint], { input: nodeTemplates['key-is'] }).status === 0
    writeFileSync(file, gpg('--armor', '--export', 'one@x.example'))
    t.ok(isKey(one))
    t.notOk(isKey(two))
    writeFileSync(file, gpg('--armor', '--export', 'one@x.example', 'two@x.example'))
    t.notOk(isKey(one), 'apt would believe the second one, too')
    writeFileSync(file, 'not a key')
    t.notOk(isKey(one))
    spawnSync('gpgconf', ['--homedir', folder, '--kill', 'gpg-agent'])
  },
)
