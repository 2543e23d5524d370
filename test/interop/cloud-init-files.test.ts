import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import t, { type Test } from 'tap'
import { readDiskMaterial, readRamVendorData } from '../../server/appliance/boot-material.ts'
import { diskWriterSeed } from '../../server/cloud-init/disk-writer.ts'
import { seedFor, type SeedIntent } from '../../server/cloud-init/seed.ts'
import { writeYaml, type CloudValue } from '../../server/cloud-init/write-yaml.ts'
import { parseMac } from '../../server/wire/mac.ts'

/** In CI a missing program is a failure; elsewhere the reason is printed. */
function unlessThere(found: boolean, name: string): { skip?: string } {
  if (found || process.env['CI'] === 'true') return {}
  return { skip: `${name} is not installed` }
}

const works = (command: string, ...args: readonly string[]) => spawnSync(command, args).status === 0
const pyYaml = unlessThere(
  works('python3', '-c', 'import yaml'),
  'python3-yaml, with which cloud-init reads,',
)
const cloudInit = unlessThere(works('cloud-init', '--version'), 'cloud-init')

/** Reads each text as cloud-init does (`util.load_yaml`), and tells the values as JSON. */
const reader = `
import json, sys, yaml
out = []
for text in json.load(sys.stdin):
    try:
        out.append({"value": yaml.safe_load(text.encode("utf-8", "surrogatepass"))})
    except Exception as problem:
        out.append({"problem": str(problem)})
json.dump(out, sys.stdout, default=lambda value: {"type": type(value).__name__})
`

type Read = { readonly value?: unknown; readonly problem?: string }

function readByPyYaml(texts: readonly string[]): readonly Read[] {
  const child = spawnSync('python3', ['-c', reader], {
    input: JSON.stringify(texts),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  if (child.status !== 0) throw new Error(`python3: ${child.stderr}`)
  return JSON.parse(child.stdout) as readonly Read[]
}

const intent: SeedIntent = {
  instanceId: 'k3v7m2pq-5f0c11aa',
  hostname: 'node-1',
  domain: 'lab.example',
  mac: parseMac('52:54:00:12:34:56')!,
  reportUrl: 'http://10.0.0.1:8080/report/5f0c11aa',
  phoneHomeUrl: 'http://10.0.0.1:8080/phone-home/5f0c11aa',
  sshAuthorizedKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1 ops: #1 "x" \\ – ü'],
  vendorData: readFileSync(new URL('../../cloud-init/ram/vendor-data.yaml', import.meta.url), 'utf8'),
}

t.test('PyYAML reads from the seed what was meant', pyYaml, async (t) => {
  const answer = seedFor(intent)
  if (answer.kind === 'refused') throw new Error(answer.because)
  const { metaData, userData, vendorData, networkConfig } = answer.seed
  t.strictSame(readByPyYaml([metaData, userData, vendorData, networkConfig]), [
    { value: { 'instance-id': 'k3v7m2pq-5f0c11aa', 'local-hostname': 'node-1.lab.example' } },
    {
      value: {
        hostname: 'node-1',
        fqdn: 'node-1.lab.example',
        ssh_authorized_keys: intent.sshAuthorizedKeys,
        reporting: { ironwake: { type: 'webhook', endpoint: intent.reportUrl, timeout: 5, retries: 2 } },
        phone_home: {
          url: intent.phoneHomeUrl,
          post: ['pub_key_rsa', 'pub_key_ecdsa', 'pub_key_ed25519', 'instance_id', 'hostname', 'fqdn'],
          tries: 10,
        },
        final_message: 'Ironwake: node-1 is up, $UPTIME seconds after its kernel started.',
      },
    },
    {
      value: {
        ssh_pwauth: false,
        disable_root: true,
        preserve_hostname: false,
        manage_etc_hosts: true,
        growpart: { mode: 'off' },
        resize_rootfs: false,
        package_update: false,
        package_upgrade: false,
      },
    },
    {
      value: { version: 2, ethernets: { boot: { match: { macaddress: '52:54:00:12:34:56' }, dhcp4: true } } },
    },
  ])
})

/** Texts that YAML 1.1 would take for something else if they stood without quotes, or that need escapes inside them. */
const words =
  '52:54:00:12:34:56 1:30 12:30:45 0o17 017 0x1F 0b11 1_000 1e3 .5 .inf -.INF .NaN yes No on OFF y n true False ' +
  'null ~ NULL = < > | >- 2026-11-22 2026-11-22T10:00:00Z - --- ... a: #x &a *a !tag %YAML @x `x` [a] " \' \\ \\n a\\ ' +
  'ü 中文 😀 ${uuid} #cloud-config \u{10ffff} \ud7ff \ue000 \ufffd \u200b \u202e'
const spaced = ['', ' ', '- x', '--- x', '? x', 'a: b', 'x #y', '!!str x', '{a: b}', ' a', 'a ', '{{ x }}']
const lined = [
  '\n',
  'a\nb',
  '\n\n a\n',
  '\t',
  'a\tb',
  '\r',
  'a\r\nb',
  '\u0001',
  '\u001b[2J',
  '\u001f',
  '\u00a0',
]
const long = ['x'.repeat(5_000), 'long words '.repeat(40), '## template: jinja']
const lost = [
  '<<',
  '\u007f',
  '\u0080',
  '\u0085',
  '\u009f',
  '\u2028',
  '\u2029',
  '\ufeff',
  '\ufffe',
  '\uffff',
  '\ud800',
  '\0',
]
const traps = [...words.split(' '), ...spaced, ...lined, ...long, ...lost]

t.test('PyYAML reads every text as that text, or it was refused', pyYaml, async (t) => {
  const refused = compared(
    t,
    traps.flatMap((text): CloudValue[] => [text, { key: text }, [text, [text]], { a: { b: [text] } }]),
  )
  t.equal(refused, 4 * lost.length, 'refused are those that cannot survive, and no others')
})

t.test('PyYAML reads every value as that value, or it was refused', pyYaml, async (t) => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom(...traps),
    fc.array(fc.constantFrom(...traps), { maxLength: 4 }).map((parts) => parts.join('')),
  )
  const { value } = fc.letrec<{ value: CloudValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      text,
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.stringMatching(/^[a-z][a-z_.-]{0,9}$/), tie('value'), { maxKeys: 4 }),
    ),
  }))
  const values = fc.sample(value, 2_000)
  const refused = compared(t, values)
  t.ok(refused > 50 && refused < 1_500, `${refused} of 2000 were refused`)
})

/** Compares what PyYAML reads with what was meant; returns how many were refused before. */
function compared(t: Test, values: readonly CloudValue[]): number {
  const written = values.flatMap((value) => {
    const result = writeYaml(value)
    return result.kind === 'yaml' ? [{ value, text: result.text }] : []
  })
  const read = readByPyYaml(written.map(({ text }) => text))
  for (const [index, { value, text }] of written.entries()) {
    const answer = read[index]
    const isSame = isDeepStrictEqual(answer?.value, JSON.parse(JSON.stringify(value)))
    if (!isSame) t.strictSame(answer, { value }, JSON.stringify(text))
  }
  t.equal(read.length, written.length, `${read.length} were read back`)
  return values.length - written.length
}

t.test('cloud-init accepts what machines get, and would refuse what is broken', cloudInit, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-seed-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
  const check = (text: string) => {
    const file = join(folder, 'file')
    writeFileSync(file, text)
    const { status, stdout, stderr } = spawnSync('cloud-init', ['schema', '-c', file], { encoding: 'utf8' })
    return { status, told: `${stdout}${stderr}` }
  }
  for (const change of [{}, { sshAuthorizedKeys: [] }, { hostname: 'a.b.example' }]) {
    const answer = seedFor({ ...intent, ...change })
    if (answer.kind === 'refused') throw new Error(answer.because)
    t.match(check(answer.seed.userData), { status: 0, told: /Valid cloud-config/ }, 'user-data')
    t.match(check(answer.seed.vendorData), { status: 0, told: /Valid cloud-config/ }, 'vendor-data')
  }
  const empty = seedFor({ ...intent, vendorData: '#cloud-config\n{}\n' })
  if (empty.kind === 'seed') t.match(check(empty.seed.vendorData), { status: 0 }, 'empty vendor-data')

  const { askBox, writeDisk: program, vendorData } = readDiskMaterial()
  t.match(check(vendorData), { status: 0 }, 'vendor-data of a disk')
  const url = 'http://10.0.0.1:8080/install/5f0c11aa'
  const writer = diskWriterSeed({ common: readRamVendorData(), askBox, program, url })
  if (writer.kind === 'refused') throw new Error(writer.because)
  t.match(check(writer.text), { status: 0 }, 'vendor-data of a system that writes a disk')
  const [read] = readByPyYaml([writer.text])
  t.match(read, {
    value: {
      write_files: [{ content: askBox }, { content: program }],
      runcmd: [['sh', '/run/ironwake/write-disk', url]],
    },
  })

  const answer = seedFor(intent)
  if (answer.kind === 'refused') throw new Error(answer.because)
  const { userData } = answer.seed
  const broken = {
    'a wrong type': userData.replace('tries: 10', 'tries: "ten"'),
    'an unknown thing to post': userData.replace('"instance_id"', '"instance"'),
    'no mark': userData.replace('#cloud-config', '#cloud'),
    'no YAML': userData.replace('reporting:', 'reporting: ['),
  }
  for (const [name, text] of Object.entries(broken)) {
    t.not(text, userData, name)
    t.equal(check(text).status, 1, name)
  }
})
