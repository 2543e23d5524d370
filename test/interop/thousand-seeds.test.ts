import { spawnSync } from 'node:child_process'
import * as fc from 'fast-check'
import t from 'tap'
import { readDiskMaterial, readRamVendorData } from '../../server/appliance/boot-material.ts'
import { autoinstallFile, autoinstallFor, installerPrograms } from '../../server/cloud-init/autoinstall.ts'
import { diskWriterSeed } from '../../server/cloud-init/disk-writer.ts'
import { nodeCloudConfig } from '../../server/cloud-init/node-cloud-config.ts'
import { seedFor, type Seed, type SeedIntent } from '../../server/cloud-init/seed.ts'
import { kubernetesMinors } from '../../server/clusters/kubernetes-versions.ts'
import { parseMac } from '../../server/wire/mac.ts'
import { nodeTemplates, software } from '../cloud-init/node-profiles.ts'
import { needs } from './needs.ts'

const profiles = 1_000
/** What a machine's seed is for. */
const templates = ['ram', 'write-disk', 'disk', 'node', 'autoinstall'] as const

/**
 * What cloud-init itself makes of each: whether its schema takes user-data and vendor-data, and what its network stage reads of
 * the network-config. One process: to start cloud-init a thousand times takes a quarter of an hour.
 */
const reader = `
import json, sys, logging, yaml
from cloudinit.config.schema import get_schema, validate_cloudconfig_schema, SchemaValidationError
from cloudinit.net.network_state import parse_net_config_data
logging.disable(logging.CRITICAL)
schema, seen, out = get_schema(), {}, []
def cloud_config(text):
    if text not in seen:
        value = yaml.safe_load(text)
        try:
            assert text.startswith("#cloud-config\\n")
            # The installer's own key, which cloud-init passes over, has a schema of its own.
            validate_cloudconfig_schema({k: v for k, v in value.items() if k != "autoinstall"}, schema=schema, strict=True)
            seen[text] = {"value": value, "problem": None}
        except SchemaValidationError as problem:
            seen[text] = {"value": value, "problem": str(problem) or "invalid"}
    return seen[text]
for seed in json.load(sys.stdin):
    network = yaml.safe_load(seed["networkConfig"])
    state = parse_net_config_data(network, renderer=None)
    out.append({
        "userData": cloud_config(seed["userData"]),
        "vendorData": cloud_config(seed["vendorData"])["problem"],
        "metaData": yaml.safe_load(seed["metaData"]),
        "network": network,
        "interfaces": [[one["mac_address"], [sub["type"] for sub in one["subnets"]]] for one in state.iter_interfaces()],
        "file": yaml.safe_load(seed["file"]) if "file" in seed else None,
    })
json.dump(out, sys.stdout)
`

type Read = {
  readonly userData: { readonly value: Readonly<Record<string, unknown>>; readonly problem: string | null }
  readonly vendorData: string | null
  readonly metaData: unknown
  readonly network: unknown
  readonly interfaces: unknown
  readonly file: unknown
}

const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}[a-z0-9]$/)
const hex = fc.stringMatching(/^[0-9a-f]{32}$/)
/** Numbers that YAML 1.1 takes for one in base 60, and names that it takes for true, null or a number. */
const odd = fc.constantFrom('no', 'yes', 'null', 'on', 'e3', 'x1e3', 'y', 'true')
const octet = fc.integer({ min: 0, max: 255 })
const comment = fc.oneof(
  fc.stringMatching(/^[ -~]{0,40}$/),
  fc.constantFrom('ops: #1 "x" \\ – ü', '{{ x }}', '- a', "it's", '${uuid}', '#cloud-config'),
)

const profile = fc.record({
  template: fc.constantFrom(...templates),
  hostname: fc.oneof(label, odd),
  domain: fc.option(
    fc.tuple(label, label).map((parts) => parts.join('.')),
    { nil: undefined },
  ),
  mac: fc
    .tuple(octet, octet, octet)
    .map((parts) => `52:54:00:${parts.map((one) => one.toString(16).padStart(2, '0')).join(':')}`),
  box: fc.tuple(octet, octet, octet).map((parts) => `10.${parts.join('.')}`),
  nonce: hex,
  keys: fc.array(
    comment.map((text) =>
      `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1exampleexampleexampleexampleexampleexam ${text}`.trim(),
    ),
    { maxLength: 3 },
  ),
  minor: fc.constantFrom(...kubernetesMinors),
  patch: octet,
  serial: fc.stringMatching(/^[A-Za-z0-9_*?[\]-]{1,20}$/),
})

type Profile = typeof profile extends fc.Arbitrary<infer Of> ? Of : never

const posts = ['pub_key_rsa', 'pub_key_ecdsa', 'pub_key_ed25519', 'instance_id', 'hostname', 'fqdn']

const material = readDiskMaterial()
const common = readRamVendorData()

function vendorDataOf({ template, box, nonce, minor, patch }: Profile): string {
  const url = `http://${box}:8080/install/${nonce}`
  const { askBox, leadInstaller } = material
  switch (template) {
    case 'ram':
      return common
    case 'disk':
      return material.vendorData
    case 'write-disk':
      return textOf(diskWriterSeed({ common, askBox, program: material.writeDisk, url }))
    case 'autoinstall':
      return textOf(installerPrograms({ common, askBox, program: leadInstaller }))
    case 'node': {
      const { containerd: containerdOldest, pauseImage, cgroupV1 } = minor
      const kubernetes = `${minor.minor}.${patch}`
      return textOf(
        nodeCloudConfig({ ...software, kubernetes, containerdOldest, pauseImage, cgroupV1 }, nodeTemplates),
      )
    }
  }
}

function textOf(
  made:
    | { readonly kind: 'refused'; readonly because: string }
    | { readonly kind: 'yaml' | 'cloud-config' | 'vendor-data'; readonly text: string },
): string {
  if (made.kind === 'refused') throw new Error(made.because)
  return made.text
}

function seedOf(of: Profile): Seed & { readonly file?: string } {
  const { template, hostname, domain, box, nonce, keys, serial } = of
  const mac = parseMac(of.mac)
  if (mac === undefined) throw new Error(of.mac)
  const base = `http://${box}:8080`
  const installer = { mac, reportUrl: `${base}/report/${nonce}`, installUrl: `${base}/install/${nonce}` }
  const asked = autoinstallFor(installer)
  if (asked.kind === 'refused') throw new Error(asked.because)
  const intent: SeedIntent = {
    instanceId: `k3v7m2pq-${nonce.slice(0, 8)}`,
    hostname,
    ...(domain === undefined ? {} : { domain }),
    mac,
    reportUrl: installer.reportUrl,
    phoneHomeUrl: `${base}/phone-home/${nonce}`,
    sshAuthorizedKeys: keys,
    vendorData: vendorDataOf(of),
    ...(template === 'autoinstall' ? { autoinstall: asked.value } : {}),
  }
  const made = seedFor(intent)
  if (made.kind === 'refused') throw new Error(`${made.because}: ${JSON.stringify(of)}`)
  if (template !== 'autoinstall') return made.seed
  const disk = { name: 'sda', udevSerial: serial, path: undefined }
  return { ...made.seed, file: textOf(autoinstallFile({ ...installer, disk })) }
}

t.test(
  `cloud-init takes the seeds of ${profiles} machines, and reads of them what was meant`,
  needs('cloud-init'),
  async (t) => {
    const sample = fc.sample(profile, { numRuns: profiles, seed: 5 })
    const seeds = sample.map(seedOf)
    const broken = seeds.slice(0, 1).map((seed) => ({
      ...seed,
      userData: seed.userData.replace('tries: 10', 'tries: "ten"'),
    }))
    const { status, stdout, stderr } = spawnSync('/usr/bin/python3', ['-c', reader], {
      input: JSON.stringify([...seeds, ...broken]),
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
    })
    if (status !== 0) throw new Error(stderr.slice(-2_000))
    const read = JSON.parse(stdout) as readonly Read[]
    t.equal(read.length, profiles + 1)
    t.match(read.at(-1)?.userData.problem, /tries/, 'what is broken is told')
    for (const template of templates) {
      const count = sample.filter((one) => one.template === template).length
      t.ok(count > profiles / 10, `${count} seeds of ${template}`)
    }
    const wrong: unknown[] = []
    for (const [index, { template, hostname, domain, mac, box, nonce, keys, serial }] of sample.entries()) {
      const { userData, vendorData, metaData, network, interfaces, file } = read[index]!
      const fqdn = domain === undefined ? hostname : `${hostname}.${domain}`
      const { value } = userData
      const isRight =
        userData.problem === null &&
        vendorData === null &&
        isSame(metaData, { 'instance-id': `k3v7m2pq-${nonce.slice(0, 8)}`, 'local-hostname': fqdn }) &&
        isSame(network, { version: 2, ethernets: { boot: { match: { macaddress: mac }, dhcp4: true } } }) &&
        isSame(interfaces, [[mac, ['dhcp4']]]) &&
        value['hostname'] === hostname &&
        value['fqdn'] === fqdn &&
        isSame(value['ssh_authorized_keys'] ?? [], keys) &&
        isSame(value['phone_home'], {
          url: `http://${box}:8080/phone-home/${nonce}`,
          post: posts,
          tries: 10,
        }) &&
        'autoinstall' in value === (template === 'autoinstall') &&
        (template !== 'autoinstall' || isSame(matchOf(file), { serial: literally(serial), path: '/dev/sda' }))
      if (!isRight) wrong.push({ profile: sample[index], read: read[index] })
    }
    t.strictSame(wrong.slice(0, 3), [], `${wrong.length} are not as they were meant`)
  },
)

/** As Python's `fnmatch` takes a letter for itself. */
function literally(text: string): string {
  return text.replaceAll(/[*?[]/g, (letter) => `[${letter}]`)
}

function matchOf(file: unknown): unknown {
  return (file as { storage?: { layout?: { match?: unknown } } } | null)?.storage?.layout?.match
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
