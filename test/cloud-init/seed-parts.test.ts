import t from 'tap'
import { parse } from 'yaml'
import { readAgentMaterial, readDiskMaterial } from '../../server/appliance/boot-material.ts'
import { nodePartsOf } from '../../server/appliance/node-config-of.ts'
import { withAgent } from '../../server/cloud-init/node-agent.ts'
import { vendorDataWith } from '../../server/cloud-init/seed-parts.ts'
import type { Cluster } from '../../server/clusters/cluster.ts'
import { made } from '../clusters/a-kubeconfig.ts'

const { vendorData: common } = readDiskMaterial()
const material = readAgentMaterial()
const settings = { packages: 'http://10.20.0.1/v{minor}/', packagesKeyFile: undefined }
const lab: Cluster = {
  kind: 'managed',
  name: 'lab',
  createdAt: 1,
  kubernetes: '1.36.5',
  endpoint: undefined,
  vip: undefined,
  podSubnet: '10.244.0.0/16',
  serviceSubnet: '10.96.0.0/12',
  dnsDomain: 'cluster.local',
  podNetwork: 'flannel',
  authorities: made.authorities,
}

type Read = {
  readonly write_files?: readonly {
    readonly path: string
    readonly content: string
    readonly permissions: string
  }[]
  readonly runcmd?: readonly (readonly string[])[]
  readonly growpart?: unknown
}

t.test('the seed of a node brings what all have, what makes it fit, and the agent, to the letter', (t) => {
  const written = vendorDataWith(common, ...withAgent(material, nodePartsOf(lab, settings)))
  if (written.kind === 'refused') throw new Error(written.because)
  t.match(written.text, /^#cloud-config\n/)
  const read = parse(written.text, { version: '1.1' }) as Read
  t.ok(read.growpart, 'what all have in common is there')
  const files = new Map(read.write_files?.map((file) => [file.path, file]))
  t.match(files.get('/usr/local/lib/ironwake/node-agent'), { content: material.agent, permissions: '0755' })
  t.match(files.get('/usr/local/lib/ironwake/enrolment'), {
    content: material.enrolment,
    permissions: '0644',
  })
  t.match(files.get('/etc/systemd/system/ironwake-node.service'), { content: material.unit })
  t.ok(files.has('/usr/local/lib/ironwake/prepare-node'))
  t.strictSame(read.runcmd, [
    ['systemctl', 'daemon-reload'],
    ['systemctl', 'enable', 'ironwake-node.service'],
    ['sync'],
    ['flock', '/run/ironwake-prepare.lock', '/usr/local/lib/ironwake/prepare-node'],
    ['systemctl', 'start', '--no-block', 'ironwake-node.service'],
  ])
  t.notMatch(
    written.text,
    /iwm_[A-Za-z0-9]|PRIVATE KEY|"lab"/,
    'nothing secret, and nothing of the cluster alone',
  )
  t.end()
})

t.test('a machine for no cluster has nothing of it, and what cannot be made is said', (t) => {
  t.strictSame(vendorDataWith(common), { kind: 'vendor-data', text: common })
  const refused = { kind: 'refused', because: 'no cluster has the name lab' } as const
  t.strictSame(vendorDataWith(common, ...withAgent(material, refused)), refused)
  t.end()
})

t.test('a node of somebody else’s cluster is of the version that its API told', (t) => {
  const prod: Cluster = {
    kind: 'external',
    name: 'prod',
    createdAt: 1,
    server: 'https://10.1.0.10:6443',
    ca: made.authorities.ca,
    tlsServerName: undefined,
    credential: { kind: 'token' },
  }
  t.match(nodePartsOf(prod, settings), { kind: 'refused', because: /not reached when it was added/ })
  const known = nodePartsOf({ ...prod, kubernetes: '1.35.8' }, settings)
  t.equal(known.kind, 'parts')
  t.match(JSON.stringify(known), /KUBERNETES_VERSION='1\.35\.8'/)
  t.end()
})
