import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { clusterLinks } from '../../server/appliance/cluster-links.ts'
import { tokenKeeper } from '../../server/appliance/token-keeper.ts'
import { kubeClient, type KubeClient } from '../../server/clusters/kube-client.ts'
import { KubeFault } from '../../server/clusters/kube-fault.ts'
import { kubeTransport } from '../../server/listen/kube-transport.ts'
import type { JoinWish } from '../../server/machines/join-wish.ts'
import { Roster } from '../../server/machines/roster.ts'
import { until } from '../http/over-loopback.ts'
import { caKey } from '../clusters/a-kubeconfig.ts'
import { aJoiningBox, aRegisteredNode, readiness } from './a-joining-box.ts'

// Two things at once, and things that come while something else is waited for.

const worker: Omit<JoinWish, 'cluster'> = { role: 'worker', labels: {}, taints: [] }
const controlPlane: Omit<JoinWish, 'cluster'> = { ...worker, role: 'control-plane' }
const minute = 60_000

/** A box whose first control plane, number 1, has made the cluster, and the API of that. */
async function aCluster(
  t: Parameters<typeof aJoiningBox>[0],
  wishes: Parameters<typeof aJoiningBox>[1],
  order: Parameters<typeof aJoiningBox>[2] = {},
) {
  const box = await aJoiningBox(t, { 1: controlPlane, ...wishes }, order)
  await box.asks(1)
  const api = await box.api()
  await box.says(1, 'init-done')
  await until(() => box.kinds().includes('pod-network-applied') && box.kinds().includes('cluster-heard'))
  const release = async (number: number) =>
    await box.box.clusters.release(box.machine(number), { next: 'approved', mode: 'orderly' })
  return { ...box, api, release }
}

t.test('of two control planes that ask at once one joins, and the other waits for it', async (t) => {
  const { asks } = await aCluster(t, { 2: controlPlane, 3: controlPlane }, { vip: '127.9.9.9' })
  const answers = await Promise.all([asks(2), asks(3)])
  t.strictSame(new Set(answers.map(({ action }) => action[0])), new Set(['join-control-plane', 'wait']))
})

t.test('a machine that is let go while its token is made is given none, and none is left', async (t) => {
  const { asks, api, release, machine, box } = await aCluster(t, { 2: worker })
  const asked = asks(2)
  // Its record says that it is on its way, and its token is not made yet.
  await until(() => machine(2).join?.phase === 'ordered')
  t.match(await release(2), { kind: 'done' })
  const { action, files } = await asked
  t.match(action, ['wait'])
  t.strictSame([...files.keys()], ['action'])
  await box.clusters.passTime()
  await box.clusters.passTime()
  t.strictSame(api.secrets.all(), [])
})

t.test('a machine that is to be installed anew while its token is made is on no way any more', async (t) => {
  const { asks, api, roster, machine, box, idOf, clock } = await aCluster(t, { 2: worker })
  const asked = asks(2)
  await until(() => machine(2).join?.phase === 'ordered')
  roster.joins(idOf(2), undefined)
  roster.move(idOf(2), 'reinstall-asked', 'a person wants it', clock.now)
  t.match((await asked).action, ['wait'])
  t.notOk('join' in machine(2))
  await box.clusters.passTime()
  t.strictSame(api.secrets.all(), [])
})

t.test(
  'a first control plane that comes to its end while the box is away has made the cluster',
  async (t) => {
    const box = await aJoiningBox(t, { 1: controlPlane, 2: controlPlane })
    await box.asks(1)
    await box.box.clusters[Symbol.asyncDispose]()
    box.clock.now += 25 * minute
    const roster = new Roster(await box.store.machines.all())
    const again = await box.start(roster)
    await again.passTime()
    const found = again.desk.find('lab')?.cluster
    t.match(found, { init: { machine: 'M0000001', phase: 'claimed' } }, 'nobody could hear it meanwhile')
  },
)

t.test('a first control plane that was given up, and says at last that it is done, is it', async (t) => {
  const { asks, says, clock, box, told } = await aJoiningBox(t, { 1: controlPlane, 2: worker })
  await asks(1)
  clock.now += 25 * minute
  await box.clusters.passTime()
  await until(() => told('cluster-init-given-up').length === 1)
  t.match(await says(1, 'init-done'), { kind: 'accepted' })
  t.match(box.clusters.desk.find('lab')?.cluster, { init: { machine: 'M0000001', phase: 'done' } })
})

t.test('a first control plane that is let go makes no cluster that would be lost with it', async (t) => {
  const { asks, says, box, machine } = await aJoiningBox(t, { 1: controlPlane, 2: controlPlane })
  await asks(1)
  await box.clusters.release(machine(1), { next: 'approved', mode: 'orderly' })
  await says(1, 'init-done')
  await box.clusters.passTime()
  t.match((await asks(2)).action, ['init'], 'another may make it')
})

t.test('a machine that is let go on its way is told to leave, and nothing of its order stays', async (t) => {
  const { asks, api, says, release, heartbeat, machine, box } = await aCluster(t, { 2: worker })
  await asks(2)
  await says(2, 'join-failed the network was away')
  t.match(await release(2), { kind: 'done' })
  await box.clusters.passTime()
  t.match(
    (await asks(2, { leftovers: 'ours' })).action,
    ['nothing', /is being released/],
    'who is told to wait does not ask for words',
  )
  t.equal(await heartbeat(2, 'idle'), 'leave')
  await says(2, 'left')
  t.equal(machine(2).state, 'approved')
  t.strictSame(api.nodes.all(), [])
})

t.test('a Node that comes while its machine is let go is deleted when that has left', async (t) => {
  const { asks, api, says, release, heartbeat, machine, box } = await aCluster(t, { 2: worker })
  await asks(2)
  t.match(await release(2), { kind: 'done' })
  await box.clusters.passTime()
  await box.clusters.passTime()
  // kubeadm was at work, and has come to its end.
  api.nodes.create(aRegisteredNode(2, 'True'))
  await says(2, 'join-done')
  await box.clusters.passTime()
  await box.clusters.passTime()
  t.equal(await heartbeat(2, 'joined'), 'leave')
  await says(2, 'left')
  t.equal(machine(2).state, 'approved')
  t.strictSame(api.nodes.all(), [])
})

t.test('the time for the pods of a machine begins when kubeadm has ended', async (t) => {
  const { asks, api, says, release, machine, box, clock } = await aCluster(t, { 2: worker })
  await asks(2)
  await release(2)
  clock.now += 12 * minute
  await box.clusters.passTime()
  api.nodes.create(aRegisteredNode(2, 'True'))
  await says(2, 'join-done')
  const pod = {
    metadata: { name: 'web-0', namespace: 'shop' },
    spec: { nodeName: 'node-2' },
    status: { phase: 'Running' },
  }
  api.pods.create(pod)
  await box.clusters.passTime()
  t.equal(machine(2).state, 'releasing', 'its pods have their ten minutes')
  await box.clusters.passTime()
  t.equal(machine(2).release?.phase, 'system')
})

t.test('a cluster that does not answer is asked for one of its tokens, not for each', async (t) => {
  const { asks, roster, logbook, clock, machine } = await aCluster(t, { 2: worker, 3: worker, 4: worker })
  for (const number of [2, 3, 4]) await asks(number)
  let asked = 0
  const links = {
    clientOf: (): KubeClient => ({
      ...kubeClient({
        send: () => Promise.reject(new Error('not asked')),
        [Symbol.asyncDispose]: async () => {},
      }),
      deleteSecret: async () => {
        asked++
        await turn()
        throw new KubeFault('unreachable', 'Nobody answers.')
      },
    }),
  }
  const tokens = tokenKeeper({
    roster,
    logbook,
    links,
    now: () => clock.now,
    chance: () => new Uint8Array(1),
  })
  for (const number of [2, 3, 4]) roster.move(machine(number).id, 'join-failed', 'a test', clock.now)
  await tokens.sweep()
  t.equal(asked, 1)
})

t.test('a machine that waits for a cluster without a control plane is let go at once', async (t) => {
  const { asks, box, machine, heartbeat, says } = await aJoiningBox(t, { 1: controlPlane, 2: worker })
  await asks(2)
  await box.clusters.release(machine(2), { next: 'approved', mode: 'orderly' })
  await box.clusters.passTime()
  t.equal(await heartbeat(2, 'idle'), 'leave', 'nobody is there who could be asked for its pods')
  await says(2, 'left')
  t.equal(machine(2).state, 'approved')
})

t.test('a Node that somebody makes with the mark of a machine does not take its place', async (t) => {
  const { asks, api, machine } = await aCluster(t, { 2: worker })
  await asks(2)
  api.nodes.create(aRegisteredNode(2, 'True'))
  await until(() => machine(2).state === 'active')
  const { metadata, ...made } = aRegisteredNode(2, 'True')
  api.nodes.create({ ...made, metadata: { ...metadata, name: 'evil' } })
  api.nodes.create(aRegisteredNode(1, 'True'))
  await until(() => machine(1).state === 'active')
  t.equal(machine(2).join?.node, 'node-2')
  api.nodes.delete('evil')
  api.nodes.merge('node-1', readiness('False'))
  api.nodes.merge('node-1', readiness('True'))
  for (let i = 0; i < 50; i++) await turn()
  t.equal(machine(2).state, 'active', 'that it is gone says nothing of the machine')
})

t.test(
  'two questions at once to a cluster that is asked for the first time share one way there',
  async (t) => {
    const { box, port, api } = await aCluster(t, {})
    const [record] = box.clusters.desk.list()
    if (record?.cluster.kind !== 'managed') throw new Error('no cluster')
    const { cluster } = record
    let made = 0
    let ended = 0
    await using links = clusterLinks({
      book: {
        list: () => [{ cluster }],
        find: () => ({ cluster }),
        secretOf: () => ({ kind: 'opened', text: caKey }),
        setInit: async () => {},
        subscribe: () => {},
      },
      transport: (target) => {
        made++
        const transport = kubeTransport(target, 'ironwake/test')
        return {
          send: async (request) => await transport.send(request),
          async [Symbol.asyncDispose]() {
            ended++
            await transport[Symbol.asyncDispose]()
          },
        }
      },
      now: () => Date.now(),
    })
    const over = AbortSignal.timeout(5_000)
    await Promise.allSettled([1, 2, 3].map(async () => await links.clientOf('lab').version(over)))
    await links[Symbol.asyncDispose]()
    t.strictSame({ made, ended }, { made: 1, ended: 1 }, `to port ${port}, where ${api.port} is`)
  },
)

t.test('what could not be kept of a cluster is read again', async (t) => {
  const { api, store, machine } = await aCluster(t, { 2: worker })
  const commit = store.commit.bind(store)
  let failures = 0
  store.commit = async (entries) => {
    if (failures++ < 2) throw new Error('the disk is full')
    return await commit(entries)
  }
  api.nodes.create(aRegisteredNode(1, 'True'))
  await until(() => failures > 2)
  api.nodes.create(aRegisteredNode(2, 'True'))
  await until(() => machine(2).state === 'active')
  t.equal(machine(1).state, 'active')
})

t.test('a cluster that is being removed does not come back by what is kept of it meanwhile', async (t) => {
  const { box, store, wishes } = await aCluster(t, {})
  wishes.clear()
  const deleteCluster = store.deleteCluster.bind(store)
  let release = (): void => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  store.deleteCluster = async (name) => {
    await held
    await deleteCluster(name)
  }
  const removed = box.clusters.desk.remove('lab')
  await turn()
  t.equal(box.clusters.desk.find('lab'), undefined, 'nothing is kept of it from here on')
  release()
  t.match(await removed, { kind: 'removed' })
})
