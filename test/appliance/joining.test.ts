import t from 'tap'
import type { JoinWish } from '../../server/machines/join-wish.ts'
import { Roster } from '../../server/machines/roster.ts'
import { until } from '../http/over-loopback.ts'
import { aJoiningBox, aRegisteredNode, readiness } from './a-joining-box.ts'

const worker: Omit<JoinWish, 'cluster'> = { role: 'worker', labels: {}, taints: [] }
const controlPlane: Omit<JoinWish, 'cluster'> = { ...worker, role: 'control-plane' }

/** A box whose first control plane, number 1, has made the cluster, and the API of that. */
async function aCluster(t: Parameters<typeof aJoiningBox>[0], wishes: Parameters<typeof aJoiningBox>[1]) {
  const box = await aJoiningBox(t, { 1: controlPlane, ...wishes })
  await box.asks(1)
  const api = await box.api()
  await box.says(1, 'init-done')
  await until(() => box.kinds().includes('pod-network-applied'))
  return { ...box, api }
}

const tokenIn = (text: string): string => /^ +token: "([a-z0-9]{6}\.[a-z0-9]{16})"$/m.exec(text)?.[1] ?? ''

t.test('from nothing to two nodes that are Ready', async (t) => {
  const labelled = { ...worker, labels: { rack: 'r1' }, zone: 'a' }
  const box = await aJoiningBox(t, { 1: controlPlane, 2: labelled })
  const { machine, told } = box

  t.match((await box.asks(2)).action, ['wait', '30', /no control plane/])
  t.match(machine(2), { state: 'joining', join: { phase: 'waits', cluster: 'lab', node: 'node-2' } })

  const init = await box.asks(1)
  t.strictSame(init.action, ['init'])
  t.match(init.files.get('kubeadm.yaml')?.text, /kind: "InitConfiguration"[^]*kind: "ClusterConfiguration"/)
  t.match(init.files.get('kubeadm.yaml')?.text, /name: "provider-id"\s+value: "ironwake:\/\/M0000001"/)
  t.match(init.files.get('files/etc/kubernetes/pki/ca.key'), { mode: 0o600, text: /PRIVATE KEY/ })
  t.match(init.files.get('files/etc/kubernetes/pki/ca.crt'), { mode: 0o644, text: /CERTIFICATE/ })
  t.equal([...init.files.keys()].filter((name) => name.includes('/pki/')).length, 8)
  t.match((await box.asks(2)).action, ['wait', '30', /no control plane/], 'it is not made yet')

  const api = await box.api()
  t.match(await box.says(1, 'init-done'), { kind: 'accepted' })
  await until(() => box.kinds().includes('pod-network-applied'))
  t.match(told('cluster-initialised'), [{ cluster: 'lab', node: 'node-1' }])
  t.match(api.applied.get('/apis/apps/v1/namespaces/kube-flannel/daemonsets')?.get('kube-flannel-ds'), {})
  t.equal(machine(1).state, 'joining', 'that a script says so makes no node')

  api.nodes.create(aRegisteredNode(1, 'False'))
  const why = 'its Node node-1 is not Ready: KubeletNotReady: as the kubelet says'
  await until(() => machine(1).join?.because === why)
  api.nodes.merge('node-1', readiness('True'))
  await until(() => machine(1).state === 'active')
  t.notOk('because' in (machine(1).join ?? { because: '' }))

  const order = await box.asks(2)
  t.strictSame(order.action, ['join-worker'])
  t.strictSame([...order.files.keys()], ['action', 'kubeadm.yaml'], 'a worker is given no key')
  const token = tokenIn(order.files.get('kubeadm.yaml')?.text ?? '')
  const [id, secret = ''] = token.split('.')
  const kept = api.secrets.get(`bootstrap-token-${id}`) as {
    readonly data?: Readonly<Record<string, string>>
  }
  t.equal(atob(kept.data?.['token-secret'] ?? ''), secret)
  t.match((await box.asks(2)).action, ['wait', /\d/, /given once/])
  t.equal(api.secrets.all().length, 1, 'for a second question there is no second token')

  await box.says(2, 'join-done')
  t.strictSame(api.secrets.all(), [], 'kubeadm needs it no more')
  api.nodes.create(aRegisteredNode(2, 'False'))
  await until(() => told('node-marked').length === 1)
  t.match(api.nodes.get('node-2').metadata, { labels: { rack: 'r1', 'topology.kubernetes.io/zone': 'a' } })
  t.equal(machine(2).state, 'joining')
  api.nodes.merge('node-2', readiness('True'))
  await until(() => machine(2).state === 'active')
  t.match(machine(2).stateBecause, /its Node node-2 of lab is Ready/)
  t.notMatch(JSON.stringify(await box.store.events.list({ limit: 500 })), secret, 'no event tells the token')
  t.notMatch(JSON.stringify(await box.store.machines.all()), secret, 'nor does a record')
  t.match(box.box.clusters.desk.find('lab')?.nodes, {
    kind: 'heard',
    nodes: [
      { name: 'node-1', machine: 'M0000001' },
      { name: 'node-2', machine: 'M0000002' },
    ],
  })
})

t.test('a node that is not Ready for a while stays active, and both are told once', async (t) => {
  const { api, machine, told } = await aCluster(t, {})
  api.nodes.create(aRegisteredNode(1, 'True'))
  await until(() => machine(1).state === 'active')
  api.nodes.merge('node-1', readiness('Unknown'))
  api.nodes.merge('node-1', { spec: { unschedulable: true } })
  await until(() => told('node-not-ready').length === 1)
  t.equal(machine(1).state, 'active')
  api.nodes.merge('node-1', readiness('True'))
  await until(() => told('node-ready').length === 2)
  t.equal(told('node-not-ready').length, 1)
})

t.test('a node that somebody deletes leaves its machine installed, with the reason', async (t) => {
  const { api, machine, told, heartbeat } = await aCluster(t, {})
  api.nodes.create(aRegisteredNode(1, 'True'))
  await until(() => machine(1).state === 'active')
  api.nodes.delete('node-1')
  await until(() => machine(1).state === 'installed')
  t.match(machine(1).stateBecause, /its Node node-1 was deleted in lab/)
  await until(() => told('node-deleted').length > 0)
  t.match(told('node-deleted'), [{ because: 'somebody else did it' }])
  t.equal(await heartbeat(1, 'joined'), 'nothing', 'who deletes a node does not want it back at once')
})

t.test('a node that was deleted while nothing was heard is found to be gone', async (t) => {
  const { api, machine } = await aCluster(t, {})
  api.nodes.create(aRegisteredNode(1, 'True'))
  await until(() => machine(1).state === 'active')
  api.nodes.compact()
  api.nodes.delete('node-1')
  api.nodes.compact()
  api.breakConnections()
  await until(() => machine(1).state === 'installed')
})

t.test('a token that kubeadm fails with is deleted at once, and the machine may try again', async (t) => {
  const { api, asks, says, machine, told, happened } = await aCluster(t, { 2: worker })
  await until(() => told('cluster-heard').length > 0)
  const first = await asks(2)
  const token = tokenIn(first.files.get('kubeadm.yaml')?.text ?? '')
  await says(2, `join-failed error execution phase preflight\n\tcould not use ${token}\u001b[2J`)
  t.strictSame(api.secrets.all(), [])
  t.match(machine(2), { state: 'failed', failure: 'join-failed', failures: 1 })
  t.match(told('join-failed'), [{ because: /preflight \| could not use [a-z0-9]{6}\.\(not told\)/ }])
  t.notMatch(JSON.stringify(happened), token)
  const second = await asks(2)
  t.strictSame(second.action, ['join-worker'])
  t.not(tokenIn(second.files.get('kubeadm.yaml')?.text ?? ''), token)
  t.match(machine(2), { state: 'joining', join: { phase: 'ordered' } })
  t.notOk('failure' in machine(2))
})

t.test('an order that did not come whole is given anew, and is no failure', async (t) => {
  const { api, asks, says, machine } = await aCluster(t, { 2: worker })
  await asks(2)
  await says(2, 'not-received')
  t.strictSame(api.secrets.all(), [])
  t.strictSame((await asks(2)).action, ['join-worker'])
  t.equal(machine(2).failures, 0)
})

t.test('a token that was out when the box went down is deleted after its start', async (t) => {
  const { api, asks, machine, store, start, clock, box, told } = await aCluster(t, { 2: worker })
  await asks(2)
  t.equal(api.secrets.all().length, 1)
  await box.clusters[Symbol.asyncDispose]()
  const again = await start(new Roster(await store.machines.all()))
  await again.passTime()
  t.equal(api.secrets.all().length, 1, 'it is of use still')
  clock.now += 16 * 60_000
  await again.passTime()
  t.strictSame(api.secrets.all(), [])
  t.match(told('bootstrap-token-deleted').at(-1), { because: 'its time is over' })
  t.equal(machine(2).state, 'joining')
})

t.test('a box that may not make tokens says so, and nothing is left of the try', async (t) => {
  const box = await aJoiningBox(t, { 1: controlPlane, 2: worker })
  await box.asks(1)
  await box.api({ allows: (_user, verb, resource) => !(verb === 'create' && resource === 'secrets') })
  await box.says(1, 'init-done')
  await until(() => box.told('cluster-heard').length > 0)
  t.match((await box.asks(2)).action, ['wait', '20', /does not give it a token: .*forbidden/])
  t.match(box.machine(2), { state: 'joining', join: { phase: 'waits' } })
})

t.test('a further control plane is given the keys, and kube-vip for after its join', async (t) => {
  const box = await aJoiningBox(t, { 1: controlPlane, 2: controlPlane }, { vip: '127.9.9.9' })
  const init = await box.asks(1)
  t.match(init.files.get('files/etc/kubernetes/manifests/kube-vip.yaml')?.text, /super-admin\.conf/)
  t.match(init.files.get('after/etc/kubernetes/manifests/kube-vip.yaml')?.text, /\/admin\.conf/)
  await box.api()
  await box.says(1, 'init-done')
  await until(() => box.told('cluster-heard').length > 0)
  const order = await box.asks(2)
  t.strictSame(order.action, ['join-control-plane'])
  t.match(order.files.get('kubeadm.yaml')?.text, /controlPlane:/)
  t.match(order.files.get('files/etc/kubernetes/pki/sa.key'), { mode: 0o600 })
  t.ok(order.files.has('after/etc/kubernetes/manifests/kube-vip.yaml'))
  t.notOk(
    order.files.has('files/etc/kubernetes/manifests/kube-vip.yaml'),
    'kubeadm join wants that folder empty',
  )
})

t.test('a cluster that is removed is not followed any more', async (t) => {
  const { api, machine, box, asks, wishes } = await aCluster(t, { 2: worker })
  t.match(await box.clusters.desk.remove('lab'), { kind: 'refused' }, 'not while it has machines')
  wishes.clear()
  t.match(await box.clusters.desk.remove('lab'), { kind: 'removed' })
  wishes.set(2, worker)
  api.nodes.create(aRegisteredNode(1, 'True'))
  t.match((await asks(2)).action, ['wait', '60', /no cluster has the name lab/])
  t.equal(machine(1).state, 'joining')
})

t.test('heartbeats are answered by one word, and an idle system is told when it may ask', async (t) => {
  const { heartbeat, machine, roster } = await aJoiningBox(t, { 2: worker })
  t.equal(await heartbeat(2, 'idle'), 'join')
  t.equal(await heartbeat(2, 'joined'), 'nothing')
  roster.move(machine(2).id, 'release-asked', 'a person', 9)
  t.equal(await heartbeat(2, 'idle'), 'nothing')
})

t.test('a machine that is not known well enough is given no order and no token, until it is', async (t) => {
  const box = await aCluster(t, { 2: worker })
  box.tooWeak.set(box.idOf(2), 'the cluster lab wants the identity tier claim, and it has mac')
  const answer = await box.asks(2)
  t.match(answer.action, ['wait', '60', /wants the identity tier claim/])
  t.strictSame([...answer.files.keys()], ['action'])
  t.equal(box.api.secrets.all().length, 0)
  t.match(box.machine(2), { state: 'joining', join: { phase: 'refused', refusal: 'identity-too-weak' } })
  t.match(box.told('join-refused'), [{ cause: 'identity-too-weak', cluster: 'lab' }])
  box.tooWeak.clear()
  t.strictSame((await box.asks(2)).action, ['join-worker'])
})

t.test(
  'a system that could not be prepared is refused with its last words, and joins when it could be',
  async (t) => {
    const box = await aCluster(t, { 2: worker })
    const last = 'ironwake: the package lists cannot be fetched'
    t.match(await box.says(2, `prepare-failed ${last}`), { kind: 'accepted' })
    await box.says(2, `prepare-failed ${last}`)
    t.match(box.machine(2), {
      state: 'joining',
      join: { phase: 'refused', refusal: 'not-prepared', because: `it could not be prepared: ${last}` },
    })
    t.match(box.told('join-refused'), [{ cause: 'not-prepared', because: /package lists/ }], 'told once')
    t.equal(box.told('join-refused').length, 1)
    t.strictSame((await box.asks(2)).action, ['join-worker'])
    box.wishes.delete(2)
    await box.says(2, `prepare-failed ${last}`)
    await box.logbook.settle()
    t.match(
      box.told('node-note'),
      [{ note: /could not be prepared/ }],
      'one that is for no cluster is heard too',
    )
  },
)
