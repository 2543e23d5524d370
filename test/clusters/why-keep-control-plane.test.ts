import t from 'tap'
import type { Cluster } from '../../server/clusters/cluster.ts'
import type { ClusterView } from '../../server/clusters/decide-join.ts'
import { kubeNode } from '../../server/clusters/kube-node.ts'
import { providerIdOf } from '../../server/clusters/node-owner.ts'
import { whyKeepControlPlane, type WayOut } from '../../server/clusters/why-keep-control-plane.ts'
import type { JoinPhase } from '../../server/machines/join.ts'
import type { Machine, MachineState } from '../../server/machines/machine.ts'
import type { Ipv4 } from '../../server/wire/ipv4.ts'
import { aMachine } from '../store/records.ts'
import { made } from './a-kubeconfig.ts'

const lab: Cluster = {
  kind: 'managed',
  name: 'lab',
  createdAt: 1,
  kubernetes: '1.36.5',
  endpoint: '10.20.0.5:6443',
  vip: '10.20.0.5' as Ipv4,
  podSubnet: '10.244.0.0/16',
  serviceSubnet: '10.96.0.0/12',
  dnsDomain: 'cluster.local',
  podNetwork: 'flannel',
  authorities: made.authorities,
  init: { machine: 'M0000001', endpoint: '10.20.0.1:6443', since: 1, phase: 'done' },
}

/** `c`: a control plane, `w`: a worker; capital: its Node is Ready; `-` after it: on its way with no Node; `>`: being released; `?`: waits. */
function aRack(drawn: string) {
  const parts = drawn.split(' ').filter((part) => part !== '')
  const machines = parts.map(([letter = '', mark], index): Machine => {
    const phase: JoinPhase = mark === '?' ? 'waits' : mark === '-' ? 'ordered' : 'node'
    const state: MachineState = mark === '>' ? 'releasing' : phase === 'node' ? 'active' : 'joining'
    const role = letter.toLowerCase() === 'c' ? 'control-plane' : 'worker'
    const hostname = `${letter.toLowerCase()}${index + 1}`
    const join = { cluster: 'lab', role, node: hostname, phase, since: 1 } as const
    return aMachine({ id: `M000000${index + 1}`, state, hostname, uuid: undefined, macs: [], join })
  })
  const nodes = parts.flatMap(([letter = '', mark], index) => {
    const isReady = letter === letter.toUpperCase()
    const name = machines[index]?.hostname ?? ''
    if (mark === '-' || mark === '?') return []
    return [aNode(name, { isReady, providerID: providerIdOf(`M000000${index + 1}`) })]
  })
  return { machines, nodes }
}

function aNode(
  name: string,
  {
    isReady,
    providerID,
    labels = {},
  }: { readonly isReady: boolean; readonly providerID?: string; readonly labels?: object },
) {
  const conditions = [{ type: 'Ready', status: isReady ? 'True' : 'Unknown' }]
  return kubeNode({
    metadata: { name, resourceVersion: '1', labels },
    spec: { providerID },
    status: { conditions },
  })!
}

type Change = { readonly view?: ClusterView; readonly cluster?: Cluster; readonly way?: WayOut }

/** The first of the rack is to leave. */
function why(drawn: string, change: Change = {}) {
  const { machines, nodes } = aRack(drawn)
  const [machine] = machines
  if (machine === undefined) throw new Error('an empty rack')
  const view = { kind: 'heard', nodes } as const
  return whyKeepControlPlane({ machine, way: 'release', cluster: lab, view, machines, ...change })
}

const racks: readonly (readonly [string, string, RegExp | undefined])[] = [
  ['a worker is of no majority', 'W C c c', undefined],
  ['the only machine of its cluster may go', 'C', undefined],
  ['so may one whose others only wait', 'C w? c?', undefined],
  [
    'the only control plane stays while there are workers',
    'C W w',
    /only control plane of lab.* w2, w3 would/,
  ],
  ['also where it is not Ready', 'c W', /only control plane/],
  ['also where the worker is on its way, or on its way out', 'C w-', /only control plane.* w2/],
  ['one that leaves is there until it has left', 'C W>', /only control plane/],
  ['many are named in part', 'C W W W W W W W', /w2, w3, w4, w5, w6 and 2 more would/],
  ['of two that are Ready one may go', 'C C W', undefined],
  ['the last one that is Ready stays', 'C c W', /0 of the other .* etcd needs 1 of 1: see to c2 first/],
  ['a dead one of two is a member still', 'c C W', /1 of the other .* needs 2 of 2, as it is not Ready/],
  ['of three that are Ready one may go', 'C C C', undefined],
  ['with one dead of three no other may go', 'C C c W', /1 of the other .* needs 2 of 2: see to c3 first/],
  ['but the dead one may', 'c C C W', undefined],
  ['with two dead of three neither may', 'c C c', /1 of the other .* needs 2 of 3, as it is not Ready/],
  ['of four with one dead one may go', 'C C C c', undefined],
  [
    'of five with two dead none that is Ready may',
    'C C C c c',
    /2 of the other .* needs 3 of 4: see to c4, c5/,
  ],
  ['of five with two dead a dead one may', 'c C C C c', undefined],
  ['one that is joining is a member without a Node', 'C C c-', /needs 2 of 2: see to c3/],
  ['one that joins itself is none that is Ready', 'c- C C', undefined],
  ['one that only waits is no member', 'c? C', undefined],
  ['they leave one after another', 'C C> C W', /c2 is being released too.* wait/],
  ['a worker that leaves holds up none', 'C C C W>', undefined],
]

t.test('what is left must be able to go on', async (t) => {
  for (const [claim, drawn, refused] of racks) {
    const because = why(drawn)
    if (refused === undefined) t.equal(because, undefined, `${claim}: ${drawn}`)
    else {
      t.match(because, refused, `${claim}: ${drawn}`)
      t.match(because, /--force/, 'the way out is told')
    }
  }
})

const reinstalls: typeof racks = [
  ['a worker is of no majority', 'W C c c', undefined],
  ['the only machine of its cluster may be installed again', 'C', undefined],
  ['the only control plane stays while there are workers', 'C W', /only control plane of lab.* w2 would/],
  ['of two that are Ready none may', 'C C', /needs 2 of 2, as a system .* release M0000001; with --force/],
  ['nor where it is not Ready itself', 'c C', /needs 2 of 2, .*: join another control plane first/],
  [
    'of three that are Ready each is released first',
    'C C C',
    /its member of etcd stays .* release M0000001; with --force/,
  ],
  [
    'with one dead of three only the dead one',
    'C C c',
    /1 of the other .* needs 2 of 3, .*: see to c3 first/,
  ],
  [
    'which is released by force',
    'c C C',
    /its member of etcd stays .* release M0000001 --force; with --force/,
  ],
  ['of four with one dead none that is Ready may', 'C C C c', /2 of the other .* needs 3 of 4/],
  ['they go one after another', 'C C> C W', /c2 is being released too.* wait/],
]

t.test('one that is installed again stays a member of etcd, and never answers', async (t) => {
  for (const [claim, drawn, refused] of reinstalls) {
    const because = why(drawn, { way: 'reinstall' })
    if (refused === undefined) t.equal(because, undefined, `${claim}: ${drawn}`)
    else t.match(because, refused, `${claim}: ${drawn}`)
  }
  t.match(
    why('C W', { way: 'reinstall' }),
    /release those first; with --force it is installed again all the same$/,
  )
})

t.test(
  'while one is to be installed again no other goes, though by its record it is of no cluster',
  async (t) => {
    const { machines, nodes } = aRack('C C C')
    const labels = { 'node-role.kubernetes.io/control-plane': '' }
    const labelled = nodes.map((node) => ({ ...node, labels }))
    const [machine, second] = machines
    const { join: _, ...left } = second!
    const install = { id: 'i', attempt: 'a', phase: 'installed', again: 'reinstall' } as const
    const others = [{ ...left, state: 'approved' as const, install }, machines[2]!]
    const view = { kind: 'heard', nodes: labelled } as const
    for (const way of ['release', 'reinstall'] as const) {
      const leaving = { way, cluster: lab, view, machine: machine!, machines: [machine!, ...others] }
      t.match(whyKeepControlPlane(leaving), /c2 is to be installed again too.* wait until/)
      const begun = [machine!, { ...left, state: 'installing' as const }, machines[2]!]
      t.match(whyKeepControlPlane({ ...leaving, machines: begun }), /1 of the other .*: see to c2 first/)
    }
  },
)

t.test('where nobody answers, nobody is let go whose going cannot be judged', async (t) => {
  const silent = { view: { kind: 'silent', because: 'nobody answers there' } } as const
  t.match(why('C C C', silent), /cannot be seen, as its API does not answer: nobody answers there/)
  t.match(why('C W', silent), /only control plane/)
  t.equal(why('C', silent), undefined)
  t.equal(why('W C', silent), undefined)
})

t.test('Nodes of nobody here count by their label', async (t) => {
  const { machines, nodes } = aRack('C')
  const [machine] = machines
  const labels = { 'node-role.kubernetes.io/control-plane': '' }
  const ask = (...strange: readonly ReturnType<typeof aNode>[]) =>
    whyKeepControlPlane({
      machine: machine!,
      way: 'release',
      cluster: lab,
      view: { kind: 'heard', nodes: [...nodes, ...strange] },
      machines,
    })
  t.match(ask(aNode('x', { isReady: true })), /only control plane.* x would be left/)
  t.equal(ask(aNode('x', { isReady: true, labels })), undefined)
  t.match(ask(aNode('x', { isReady: false, labels })), /see to x first/)
})

t.test('a cluster of somebody else, or one that is still being made, holds nobody', async (t) => {
  t.equal(why('C W', { cluster: { ...lab, init: { ...lab.init!, phase: 'claimed' } } }), undefined)
  const external: Cluster = {
    kind: 'external',
    name: 'lab',
    createdAt: 1,
    server: 'https://10.1.0.10:6443',
    ca: made.authorities.ca,
    tlsServerName: undefined,
    credential: { kind: 'token' },
  }
  t.equal(why('C W', { cluster: external }), undefined)
})
