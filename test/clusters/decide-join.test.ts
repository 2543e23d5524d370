import t from 'tap'
import type { Cluster, ClusterInit } from '../../server/clusters/cluster.ts'
import { decideJoin, initLimitMs, type Asking, type JoinDecision } from '../../server/clusters/decide-join.ts'
import { kubeNode, type KubeNode } from '../../server/clusters/kube-node.ts'
import { providerIdOf } from '../../server/clusters/node-owner.ts'
import { joinRefusals } from '../../server/machines/join-refusals.ts'
import type { Join } from '../../server/machines/join.ts'
import type { Machine } from '../../server/machines/machine.ts'
import { parseNodeFacts } from '../../server/machines/parse-node-facts.ts'
import type { Ipv4 } from '../../server/wire/ipv4.ts'
import { nodeFactsText } from '../machines/node-facts.ts'
import { aMachine } from '../store/records.ts'
import { made } from './a-kubeconfig.ts'

const now = 1_800_000_000_000
const id = 'M0000001'
const done: ClusterInit = { machine: 'M0000009', endpoint: '10.20.0.9:6443', since: now - 9e6, phase: 'done' }
const worker = { cluster: 'lab', role: 'worker', labels: {}, taints: [] } as const
const controlPlane = { ...worker, role: 'control-plane' } as const

function lab(init?: ClusterInit, endpoint: string | undefined = '10.20.0.5:6443'): Cluster {
  return {
    kind: 'managed',
    name: 'lab',
    createdAt: 1,
    kubernetes: '1.36.5',
    endpoint,
    vip: '10.20.0.5' as Ipv4,
    podSubnet: '10.244.0.0/16',
    serviceSubnet: '10.96.0.0/12',
    dnsDomain: 'cluster.local',
    podNetwork: 'flannel',
    authorities: made.authorities,
    ...(init === undefined ? {} : { init }),
  }
}

const prod: Cluster = {
  kind: 'external',
  name: 'prod',
  createdAt: 1,
  server: 'https://10.1.0.10:6443',
  ca: made.authorities.ca,
  tlsServerName: undefined,
  credential: { kind: 'token' },
}

function node(name: string, more: { readonly providerID?: string; readonly ready?: string } = {}): KubeNode {
  const { providerID, ready = 'False' } = more
  const conditions = [{ type: 'Ready', status: ready }]
  return kubeNode({ metadata: { name, resourceVersion: '1' }, spec: { providerID }, status: { conditions } })!
}

const heard = (...nodes: readonly KubeNode[]) => ({ kind: 'heard', nodes }) as const
const silent = { kind: 'silent', because: 'nobody answers there' } as const
const own = providerIdOf(id)

const ordered: Join = {
  cluster: 'lab',
  role: 'worker',
  node: 'node-1',
  phase: 'ordered',
  since: now - 1_000,
  order: 'join-worker',
  token: { id: 'abcdef', until: now + 90_000 },
}

function decide(
  changes: Partial<Asking> & { readonly told?: Readonly<Record<string, string>> } = {},
): JoinDecision {
  const { told = {}, ...more } = changes
  const machine = more.machine ?? aMachine({ id, state: 'installed', uuid: undefined })
  return decideJoin({
    machine,
    wish: worker,
    node: 'node-1',
    facts: parseNodeFacts(nodeFactsText(told)),
    cluster: lab(done),
    view: heard(),
    machines: [machine],
    now,
    ...more,
  })
}

const as = (changes: Partial<Machine>): Machine => aMachine({ id, uuid: undefined, ...changes })
const other = (changes: Partial<Machine>): Machine =>
  aMachine({ id: 'M0000002', macs: [], uuid: undefined, hostname: 'other', ...changes })

const table: readonly (readonly [claim: string, decision: JoinDecision, expected: object])[] = [
  // Whose turn it is
  [
    'a machine that is not approved waits',
    decide({ machine: as({ state: 'discovered' }) }),
    { kind: 'wait', for: 'itself', because: /not approved/ },
  ],
  [
    'a machine whose next boot installs it is given nothing',
    decide({ machine: as({ state: 'approved' }) }),
    { kind: 'nothing' },
  ],
  [
    'a machine that was let try again goes on',
    decide({ machine: as({ state: 'approved', join: { ...ordered, phase: 'waits' } }) }),
    { kind: 'join' },
  ],
  [
    'a system waits for its own cloud-init',
    decide({ machine: as({ state: 'installing' }) }),
    { kind: 'wait', for: 'itself' },
  ],
  [
    'a machine in quarantine waits for a person',
    decide({ machine: as({ state: 'quarantined' }) }),
    { kind: 'wait', because: /a person/ },
  ],
  [
    'a machine that is released is to ask for words',
    decide({ machine: as({ state: 'releasing' }) }),
    { kind: 'nothing' },
  ],
  ['a retired machine is given nothing', decide({ machine: as({ state: 'retired' }) }), { kind: 'nothing' }],
  [
    'a machine whose boot failed waits',
    decide({ machine: as({ state: 'failed', failure: 'cloud-init-failed' }) }),
    { kind: 'wait' },
  ],
  [
    'a machine whose join failed may try again',
    decide({ machine: as({ state: 'failed', failure: 'join-failed' }) }),
    { kind: 'join' },
  ],
  [
    'a node whose system was set up anew joins anew',
    decide({ machine: as({ state: 'active' }) }),
    { kind: 'join' },
  ],
  ['a machine for no cluster is given nothing', decide({ wish: undefined }), { kind: 'nothing' }],
  // The cluster
  [
    'a cluster that is not known takes nobody',
    decide({ cluster: undefined }),
    { kind: 'refused', refusal: 'cluster-unfit', because: /no cluster has the name lab/ },
  ],
  [
    'a cluster whose keys are locked takes nobody',
    decide({ locked: 'the key is not there' }),
    { kind: 'refused', refusal: 'cluster-unfit' },
  ],
  [
    'somebody else’s cluster takes workers',
    decide({ cluster: prod, wish: { ...worker, cluster: 'prod' } }),
    { kind: 'join', as: 'worker' },
  ],
  [
    'somebody else’s cluster takes no control plane',
    decide({ cluster: prod, wish: { ...controlPlane, cluster: 'prod' } }),
    { kind: 'refused', refusal: 'cluster-unfit' },
  ],
  // The system
  [
    'what cannot be read is told',
    decide({ told: { swap: 'maybe' } }),
    { kind: 'refused', refusal: 'facts-unclear' },
  ],
  [
    'a clock that is a day off is told',
    decide({ told: { time: '1800086400' } }),
    { kind: 'refused', refusal: 'clock-off', because: /1 day ahead/ },
  ],
  [
    'a kubelet of somebody else is left alone',
    decide({ told: { leftovers: 'foreign' } }),
    { kind: 'refused', refusal: 'already-a-node' },
  ],
  ['what an order before left is cleared away', decide({ told: { leftovers: 'ours' } }), { kind: 'reset' }],
  // The first control plane
  [
    'a worker waits for a control plane',
    decide({ cluster: lab() }),
    { kind: 'wait', for: 'others', because: /no control plane/ },
  ],
  [
    'the first control plane makes the cluster',
    decide({ cluster: lab(), wish: controlPlane }),
    { kind: 'init' },
  ],
  [
    'the second waits for the first',
    decide({
      cluster: lab({ ...done, phase: 'claimed', since: now }),
      wish: controlPlane,
      machines: [other({ id: 'M0000009', hostname: 'cp-1' })],
    }),
    { kind: 'wait', for: 'others', because: /^cp-1 is making/ },
  ],
  [
    'a worker waits for the first, too',
    decide({ cluster: lab({ ...done, phase: 'claimed', since: now }) }),
    { kind: 'wait', for: 'others' },
  ],
  [
    'the first that asks again, its answer lost, is told again',
    decide({ cluster: lab({ ...done, machine: id, phase: 'claimed', since: now }), wish: controlPlane }),
    { kind: 'init' },
  ],
  [
    'a claim beyond its time is free',
    decide({ cluster: lab({ ...done, phase: 'claimed', since: now - initLimitMs - 1 }), wish: controlPlane }),
    { kind: 'init' },
  ],
  [
    'a claim within its time is not',
    decide({ cluster: lab({ ...done, phase: 'claimed', since: now - initLimitMs }), wish: controlPlane }),
    { kind: 'wait' },
  ],
  // The cluster that is there
  [
    'a cluster that does not answer is waited for',
    decide({ view: silent }),
    { kind: 'wait', for: 'others', because: /nobody answers/ },
  ],
  [
    'the only control plane, set up anew, has lost its cluster',
    decide({ view: silent, wish: controlPlane, cluster: lab({ ...done, machine: id }) }),
    { kind: 'refused', refusal: 'cluster-unfit', because: /the only control plane/ },
  ],
  [
    'with another control plane it is waited for',
    decide({
      view: silent,
      wish: controlPlane,
      cluster: lab({ ...done, machine: id }),
      machines: [other({ state: 'active', join: { ...ordered, role: 'control-plane', phase: 'node' } })],
    }),
    { kind: 'wait', for: 'others' },
  ],
  ['a worker joins', decide(), { kind: 'join', as: 'worker', stale: [] }],
  ['a further control plane joins', decide({ wish: controlPlane }), { kind: 'join', as: 'control-plane' }],
  [
    'without an endpoint there is one control plane',
    decide({ wish: controlPlane, cluster: { ...lab(done), endpoint: undefined, vip: undefined } as Cluster }),
    { kind: 'refused', refusal: 'cluster-unfit' },
  ],
  [
    'control planes join one after another',
    decide({
      wish: controlPlane,
      machines: [
        other({ state: 'joining', join: { ...ordered, order: 'join-control-plane', node: 'other' } }),
      ],
    }),
    { kind: 'wait', for: 'others', because: /^other is joining/ },
  ],
  // What was given is given once
  [
    'who has a token that lives is given none',
    decide({ machine: as({ state: 'joining', join: ordered }) }),
    { kind: 'wait', seconds: 60, for: 'itself', because: /given once/ },
  ],
  [
    'who has one that is over is given another',
    decide({ machine: as({ state: 'joining', join: { ...ordered, token: { id: 'abcdef', until: now } } }) }),
    { kind: 'join' },
  ],
  // Names
  [
    'a name that another Node has is taken',
    decide({ view: heard(node('node-1')) }),
    { kind: 'refused', refusal: 'name-taken' },
  ],
  [
    'a name that the Node of another machine has is taken',
    decide({ view: heard(node('node-1', { providerID: providerIdOf('M0000002') })) }),
    { kind: 'refused', refusal: 'name-taken' },
  ],
  [
    'a name by which another is joining is taken',
    decide({ machines: [other({ state: 'joining', join: ordered })] }),
    { kind: 'refused', refusal: 'name-taken', because: /M0000002/ },
  ],
  [
    'two that wait by one name do not hold each other up',
    decide({ machines: [other({ state: 'joining', join: { ...ordered, phase: 'refused' } })] }),
    { kind: 'join' },
  ],
  [
    'its own Node of before is in the way, and goes',
    decide({ view: heard(node('node-1', { providerID: own })) }),
    { kind: 'join', stale: ['node-1'] },
  ],
  [
    'so is one of another name',
    decide({ view: heard(node('old-name', { providerID: own })) }),
    { kind: 'join', stale: ['old-name'] },
  ],
  [
    'a Node of it that is Ready means that it runs elsewhere',
    decide({ view: heard(node('node-1', { providerID: own, ready: 'True' })) }),
    { kind: 'wait', for: 'itself', because: /runs? elsewhere/ },
  ],
]

for (const [claim, decision, expected] of table) {
  t.test(claim, (t) => {
    t.match(decision, expected)
    t.end()
  })
}

t.test(
  'every refusal comes about, by the table here, by that of the preflight, or by what a system says itself',
  (t) => {
    const here = table.flatMap(([, decision]) => (decision.kind === 'refused' ? [decision.refusal] : []))
    const unfit = [
      { cgroup: 'v1' },
      { swap: 'on' },
      { modules: 'x' },
      { containerd: 'x' },
      { kubeadm: 'x' },
      { memory: '1' },
      { address: 'x' },
    ]
    const weak = decide({ tooWeak: 'more is wanted' })
    const there = unfit
      .map((told) => decide({ told }))
      .concat(weak)
      .flatMap((one) => (one.kind === 'refused' ? [one.refusal] : []))
    t.same(new Set([...here, ...there, 'not-prepared']), new Set(Object.keys(joinRefusals)))
    t.end()
  },
)

t.test('who is not known well enough is told so before anything else of it is looked at', (t) => {
  const tooWeak = 'the network rack wants the identity tier claim, and it has mac'
  const wanted = { kind: 'refused', refusal: 'identity-too-weak', because: tooWeak }
  t.strictSame(decide({ tooWeak }), wanted)
  t.strictSame(decide({ tooWeak, told: { swap: 'on' } }), wanted)
  t.strictSame(decide({ tooWeak, cluster: lab(), wish: controlPlane }), wanted, 'it makes no cluster either')
  t.match(decide({ tooWeak, wish: undefined }), { kind: 'nothing' })
  t.end()
})
