import * as fc from 'fast-check'
import t from 'tap'
import { seedFor, type SeedIntent } from '../../server/cloud-init/seed.ts'
import { parseMac } from '../../server/wire/mac.ts'

const intent: SeedIntent = {
  instanceId: 'k3v7m2pq-5f0c11aa',
  hostname: 'node-1',
  mac: parseMac('52:54:00:12:34:56')!,
  reportUrl: 'http://10.0.0.1:8080/report/5f0c11aa',
  phoneHomeUrl: 'http://10.0.0.1:8080/phone-home/5f0c11aa',
  sshAuthorizedKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1 ops@lab'],
}

t.test('a machine gets the four files of a NoCloud seed', async (t) => {
  t.strictSame(seedFor({ ...intent, domain: 'lab.example' }), {
    kind: 'seed',
    seed: {
      metaData: 'instance-id: "k3v7m2pq-5f0c11aa"\nlocal-hostname: "node-1.lab.example"\n',
      userData: `#cloud-config
hostname: "node-1"
fqdn: "node-1.lab.example"
ssh_authorized_keys:
  - "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1 ops@lab"
reporting:
  ironwake:
    type: "webhook"
    endpoint: "http://10.0.0.1:8080/report/5f0c11aa"
    timeout: 5
    retries: 2
phone_home:
  url: "http://10.0.0.1:8080/phone-home/5f0c11aa"
  post:
    - "pub_key_rsa"
    - "pub_key_ecdsa"
    - "pub_key_ed25519"
    - "instance_id"
    - "hostname"
    - "fqdn"
  tries: 10
final_message: "Ironwake: node-1 is up, $UPTIME seconds after its kernel started."
`,
      vendorData: '#cloud-config\n{}\n',
      networkConfig: `version: 2
ethernets:
  boot:
    match:
      macaddress: "52:54:00:12:34:56"
    dhcp4: true
`,
    },
  })
})

t.test('a name with dots is a full name already', async (t) => {
  const answer = seedFor({ ...intent, hostname: 'node-1.rack.example', domain: 'lab.example' })
  t.match(answer, { seed: { userData: /hostname: "node-1"\nfqdn: "node-1\.rack\.example"\n/ } })
})

t.test('without keys the image keeps its own', async (t) => {
  const answer = seedFor({ ...intent, sshAuthorizedKeys: [] })
  t.equal(answer.kind, 'seed')
  if (answer.kind === 'seed') t.notMatch(answer.seed.userData, 'ssh_authorized_keys')
})

t.test("the role's vendor-data is served as it stands", async (t) => {
  const vendorData = '#cloud-config\n# why\nssh_pwauth: false\n'
  t.match(seedFor({ ...intent, vendorData }), { seed: { vendorData } })
})

t.test('what cannot be in a seed is refused with its name', async (t) => {
  const cases: readonly (readonly [Partial<SeedIntent>, string])[] = [
    [{ instanceId: 'a b' }, 'instanceId: it is not a plain word'],
    [{ instanceId: '' }, 'instanceId: it is not a plain word'],
    [{ hostname: 'node_1' }, 'hostname: it has characters other than a-z, 0-9, hyphens and dots'],
    [{ hostname: '' }, 'hostname: a part of it is empty'],
    [{ hostname: '10.0.0.1' }, 'hostname: its last part is a number'],
    [{ domain: 'lab..example' }, 'domain: a part of it is empty'],
    [{ reportUrl: 'file:///etc/passwd' }, 'reportUrl: it begins with neither http:// nor https://'],
    [
      { phoneHomeUrl: 'http://x/$INSTANCE_ID' },
      'phoneHomeUrl: it has characters that could break out of its place',
    ],
    [
      { sshAuthorizedKeys: ['ssh-rsa AAAAB3Nza\nruncmd: [reboot]'] },
      'sshAuthorizedKeys[0]: it is not one line of printable text',
    ],
    [
      { sshAuthorizedKeys: ['-----BEGIN OPENSSH PRIVATE KEY-----'] },
      'sshAuthorizedKeys[0]: it is a private key; the public one, from a .pub file, belongs here',
    ],
    [
      { sshAuthorizedKeys: ['ssh-dss AAAA x'] },
      'sshAuthorizedKeys[0]: it is not a public key as `ssh-ed25519 AAAA… name`',
    ],
    [
      { sshAuthorizedKeys: Array.from({ length: 65 }, () => 'ssh-rsa AAAAB3Nza') },
      'sshAuthorizedKeys: more than 64',
    ],
    [{ vendorData: 'ssh_pwauth: true\n' }, 'vendorData: its first line is not #cloud-config'],
  ]
  for (const [change, because] of cases) {
    t.strictSame(seedFor({ ...intent, ...change }), { kind: 'refused', because })
  }
})

t.test('whatever is given, each file keeps its lines', async (t) => {
  const lines = (text: string) => text.split('\n').map((line) => line.replace(/".*"/, '"…"'))
  const plain = seedFor(intent)
  if (plain.kind === 'refused') throw new Error(plain.because)
  fc.assert(
    fc.property(
      fc.constantFrom('instanceId', 'hostname', 'reportUrl', 'phoneHomeUrl'),
      fc.oneof(
        fc.string(),
        fc.string({ unit: 'binary' }).map((text) => `http://x/${text}`),
        fc.stringMatching(/^[a-z0-9-]{1,20}$/),
      ),
      (name, value) => {
        const answer = seedFor({ ...intent, [name]: value })
        if (answer.kind === 'refused') return answer.because.startsWith(name)
        const { userData, metaData } = answer.seed
        return (
          JSON.stringify(lines(userData)) === JSON.stringify(lines(plain.seed.userData)) &&
          JSON.stringify(lines(metaData)) === JSON.stringify(lines(plain.seed.metaData))
        )
      },
    ),
    { numRuns: 400 },
  )
  t.pass('held for every value')
})
