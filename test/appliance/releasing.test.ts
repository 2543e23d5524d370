import t from 'tap'
import type { JoinWish } from '../../server/machines/join-wish.ts'
import { Roster } from '../../server/machines/roster.ts'
import { until } from '../http/over-loopback.ts'
import { aJoiningBox, aRegisteredNode } from './a-joining-box.ts'

const controlPlane: Omit<JoinWish, 'cluster'> = { role: 'control-plane', labels: {}, taints: [] }
const worker: typeof controlPlane = { ...controlPlane, role: 'worker' }
const minute = 60_000

type Pod = { readonly owner?: string; readonly mirror?: true; readonly phase?: string }

function aPod(name: string, { owner, mirror, phase = 'Running' }: Pod = {}) {
  return {
    metadata: {
      name,
      namespace: 'shop',
      ...(owner === undefined ? {} : { ownerReferences: [{ kind: owner, controller: true }] }),
      ...(mirror === undefined ? {} : { annotations: { 'kubernetes.io/config.mirror': '1' } }),
    },
    spec: { nodeName: 'node-1' },
    status: { phase },
  }
}

type Around = {
  readonly held?: Set<string>
  readonly others?: Readonly<Record<number, Omit<JoinWish, 'cluster'>>>
}

/** A machine that is a node of its cluster, and what its pods are held by. */
async function anActive(
  t: Parameters<typeof aJoiningBox>[0],
  { held = new Set<string>(), others = {} }: Around = {},
) {
  const box = await aJoiningBox(t, { 1: controlPlane, ...others })
  await box.asks(1)
  const api = await box.api({ budget: ({ metadata }) => (held.has(metadata.name) ? 'web' : undefined) })
  await box.says(1, 'init-done')
  api.nodes.create(aRegisteredNode(1, 'True'))
  await until(() => box.machine(1).state === 'active')
  await until(() => box.kinds().includes('pod-network-applied'))
  const release = async (
    wish: { readonly next?: 'approved' | 'retired'; readonly mode?: 'orderly' | 'force' } = {},
  ) => await box.box.clusters.release(box.machine(1), { next: 'approved', mode: 'orderly', ...wish })
  const goOn = async (): Promise<void> => await box.box.clusters.passTime()
  return { ...box, api, newApi: async () => await box.api(), release, goOn, held }
}

t.test(
  'a control plane is cordoned, its pods are moved, its system leaves, and its Node is deleted',
  async (t) => {
    const { api, release, goOn, machine, told, heartbeat, says, revoked } = await anActive(t)
    api.pods.create(aPod('web-0'))
    api.pods.create(aPod('flannel-x', { owner: 'DaemonSet' }))
    api.pods.create(aPod('etcd-node-1', { mirror: true }))
    api.pods.create(aPod('job-1', { phase: 'Succeeded' }))
    t.match(await release(), { kind: 'done' })
    t.equal(machine(1).state, 'releasing')
    t.equal(await heartbeat(1, 'joined'), 'nothing', 'its pods go first')
    await goOn()
    t.match(api.nodes.get('node-1')['spec'], { unschedulable: true })
    t.strictSame(
      api.pods.all().map(({ metadata }) => metadata.name),
      ['etcd-node-1', 'flannel-x', 'job-1'],
    )
    await goOn()
    t.ok(api.nodes.has('node-1'), 'kubeadm takes a member out of etcd only while its Node is there')
    t.equal(await heartbeat(1, 'joined'), 'leave')
    t.strictSame(told('node-deleted'), [])
    await says(1, 'left')
    t.strictSame(api.nodes.all(), [])
    t.match(told('node-deleted'), [{ because: 'its machine is released' }])
    t.match(machine(1), { state: 'approved' })
    t.notOk('join' in machine(1) || 'release' in machine(1))
    t.strictSame(revoked, ['M0000001'])
    t.match(told('machine-released'), [{ next: 'approved' }])
  },
)

t.test('of a worker the Node is deleted before its system leaves', async (t) => {
  const { api, box, asks, says, goOn, machine, heartbeat, told } = await anActive(t, {
    others: { 2: worker },
  })
  await asks(2)
  api.nodes.create(aRegisteredNode(2, 'True'))
  await until(() => machine(2).state === 'active')
  await box.clusters.release(machine(2), { next: 'approved', mode: 'orderly' })
  t.equal(await heartbeat(2, 'joined'), 'nothing')
  await goOn()
  t.notOk(api.nodes.has('node-2'))
  t.equal(await heartbeat(2, 'joined'), 'leave')
  await says(2, 'left')
  t.equal(told('node-deleted').length, 1)
  t.equal(machine(2).state, 'approved')
})

/** Two of three control planes are Ready nodes beside the one that is released, whose system has left while the API was away. */
async function aNodeThatStays(t: Parameters<typeof aJoiningBox>[0]) {
  const around = await anActive(t, { others: { 2: controlPlane, 3: controlPlane } })
  const { api, asks, says, machine, release, goOn, told } = around
  for (const number of [2, 3]) {
    await asks(number)
    await says(number, 'join-done')
    api.nodes.create(aRegisteredNode(number, 'True'))
    await until(() => machine(number).state === 'active')
  }
  t.match(await release(), { kind: 'done' })
  await goOn()
  await api[Symbol.asyncDispose]()
  await says(1, 'left')
  await goOn()
  t.match(machine(1), { state: 'releasing', release: { phase: 'node' } })
  t.equal(await around.heartbeat(1, 'joined'), 'nothing', 'its system has done its part')
  await until(() => told('release-waits').length === 1)
  return around
}

t.test('a Node that cannot be deleted while etcd chooses another leader is deleted after that', async (t) => {
  const { goOn, machine, told, newApi } = await aNodeThatStays(t)
  const again = await newApi()
  again.nodes.create(aRegisteredNode(1, 'True'))
  await goOn()
  t.strictSame(again.nodes.all(), [])
  t.equal(machine(1).state, 'approved')
  t.match(told('node-left'), [{ because: 'it says so' }])
})

t.test('a Node that cannot be deleted does not keep its machine for ever', async (t) => {
  const { goOn, machine, clock } = await aNodeThatStays(t)
  clock.now += 3 * minute
  await goOn()
  t.equal(machine(1).state, 'approved')
})

t.test('by force a Node that cannot be deleted is left there', async (t) => {
  const { goOn, machine, release } = await aNodeThatStays(t)
  await release({ mode: 'force' })
  await goOn()
  t.equal(machine(1).state, 'approved')
})

t.test('a budget is respected for ten minutes; then the node stays, and takes pods again', async (t) => {
  const { api, release, goOn, machine, told, clock, held } = await anActive(t, { held: new Set(['web-0']) })
  api.pods.create(aPod('web-0'))
  await release()
  await goOn()
  await goOn()
  await until(() => told('pods-moved').length > 0)
  t.match(told('pods-moved'), [{ left: 1, because: /shop\/web-0: .*disruption budget/ }], 'told once')
  clock.now += 11 * minute
  await goOn()
  t.match(machine(1), { state: 'active', stateBecause: /given up: after 10 minutes 1 of its pods/ })
  t.match(api.nodes.get('node-1')['spec'], { unschedulable: false })
  t.match(told('release-stopped'), [{ node: 'node-1' }])
  held.clear()
  await release()
  await goOn()
  await goOn()
  t.equal(machine(1).release?.phase, 'system', 'once the budget allows it')
})

t.test('by force nothing is waited for, and retired is for good', async (t) => {
  const { api, release, goOn, machine, clock } = await anActive(t, { held: new Set(['web-0']) })
  api.pods.create(aPod('web-0'))
  await release({ next: 'retired', mode: 'force' })
  await goOn()
  t.equal(machine(1).release?.phase, 'system', 'its system is asked to leave')
  clock.now += 2 * minute
  await goOn()
  t.strictSame(api.nodes.all(), [])
  t.match(machine(1), { state: 'retired', stateBecause: /nothing was heard of it/ })
  t.match(await release(), { kind: 'refused', because: /M0000001 is retired/ })
})

t.test('a cluster that does not answer is waited for, unless it is by force', async (t) => {
  const { api, release, goOn, machine, told } = await anActive(t)
  await api[Symbol.asyncDispose]()
  await release()
  await goOn()
  await goOn()
  await until(() => told('release-waits').length > 0)
  t.equal(told('release-waits').length, 1)
  t.equal(machine(1).state, 'releasing')
  t.match(await release({ mode: 'force' }), { kind: 'done' }, 'a person may change their mind')
  await goOn()
  t.equal(machine(1).release?.phase, 'system')
})

t.test('the control plane that others need is kept, unless it is by force', async (t) => {
  const { asks, release, machine, told, box } = await anActive(t, { others: { 2: worker } })
  await asks(2)
  t.match(await release(), {
    kind: 'refused',
    because: /M0000001 is not released: it is the only control plane of lab, .* node-2 would be left/,
  })
  t.match(machine(1), { state: 'active' }, 'nothing has changed')
  t.match(
    box.clusters.whyKeep(machine(1), 'reinstall'),
    /only control plane of lab.* installed again all the same/,
  )
  t.equal(box.clusters.whyKeep(machine(2), 'reinstall'), undefined)
  t.strictSame(told('release-begun'), [])
  const wish = { next: 'approved', mode: 'orderly' } as const
  t.match(await box.clusters.release(machine(2), wish), { kind: 'done' }, 'a worker may go')
  t.match(await release(), { kind: 'refused' }, 'and is there until it has left')
  t.match(await release({ mode: 'force' }), { kind: 'done' })
  t.match(await release(), { kind: 'done' }, 'what is under way is not asked again')
})

t.test('a release goes on after a restart of the box', async (t) => {
  const { api, release, store, start, box } = await anActive(t)
  await release()
  await box.clusters[Symbol.asyncDispose]()
  const roster = new Roster(await store.machines.all())
  const again = await start(roster)
  t.equal(roster.byId('M0000001')?.state, 'releasing')
  await again.passTime()
  t.match(api.nodes.get('node-1')['spec'], { unschedulable: true })
  t.equal(roster.byId('M0000001')?.release?.phase, 'system')
})

/** Two control planes, of which one is let go by force and never heard of; the etcd of the other is not there either. */
async function aLostControlPlane(t: Parameters<typeof aJoiningBox>[0]) {
  const around = await anActive(t, { others: { 2: controlPlane } })
  const { api, asks, says, machine, release, goOn, clock, told } = around
  await asks(2)
  await says(2, 'join-done')
  const { spec, status } = aRegisteredNode(2, 'True')
  const labels = { 'node-role.kubernetes.io/control-plane': '' }
  const addresses = [{ type: 'InternalIP', address: '127.0.0.2' }]
  t.match(told('etcd-not-asked'), [
    { node: 'node-2', because: 'no other control plane of lab tells where it stands' },
  ])
  const metadata = { name: 'node-2', labels }
  const node = { metadata, spec, status: { ...status, addresses } }
  api.nodes.create(node)
  await until(() => machine(2).state === 'active')
  t.match(await release({ mode: 'force' }), { kind: 'done' })
  await goOn()
  t.match(machine(1).release, { phase: 'system', node: { name: 'node-1', address: '127.0.0.1' } })
  clock.now += 2 * minute
  await goOn()
  await until(() => told('release-waits').length === 1)
  return around
}

t.test('one that is lost is not let go before its member of etcd was looked for', async (t) => {
  const { api, goOn, machine, told, clock, revoked, store, start, box } = await aLostControlPlane(t)
  t.match(machine(1), { state: 'releasing', release: { phase: 'member' } })
  t.strictSame(
    api.nodes.all().map(({ metadata }) => metadata.name),
    ['node-2'],
    'its Node goes first',
  )
  t.match(told('release-waits'), [
    { because: /^whether it is a member of etcd cannot be seen: 127.0.0.2:2379: nobody answers there/ },
  ])
  await goOn()
  t.equal(told('release-waits').length, 1, 'told once')
  t.strictSame(revoked, [])

  await box.clusters[Symbol.asyncDispose]()
  const roster = new Roster(await store.machines.all())
  const again = await start(roster)
  await again.passTime()
  t.match(
    roster.byId('M0000001'),
    { state: 'releasing', release: { phase: 'member' } },
    'after a restart as well',
  )
  clock.now += 3 * minute
  await again.passTime()
  t.match(roster.byId('M0000001'), {
    state: 'approved',
    stateBecause:
      /nothing was heard of it for 2 minutes; whether it is a member of etcd cannot be seen: .*2379/,
  })
  await until(() => told('etcd-not-asked').length === 2)
  t.match(told('etcd-not-asked').slice(1), [
    { node: 'node-1', because: /^127.0.0.2:2379: nobody answers there/ },
  ])
  t.strictSame(revoked, ['M0000001'])
})

t.test('nobody is taken out of etcd by a name that another machine has joined by', async (t) => {
  const { goOn, machine, told, roster, idOf } = await aLostControlPlane(t)
  roster.joins(idOf(2), { ...machine(2).join!, node: 'node-1' })
  await goOn()
  t.match(machine(1), { state: 'approved', stateBecause: /nothing was heard of it for 2 minutes$/ })
  t.equal(told('etcd-not-asked').length, 1, 'that of the other, before it joined')
})
