import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { JoinWish } from '../../server/machines/join-wish.ts'
import { until } from '../http/over-loopback.ts'
import { aJoiningBox, aRegisteredNode, readiness } from './a-joining-box.ts'

// Two things at once, and things that come while something else is waited for.

const worker: Omit<JoinWish, 'cluster'> = { role: 'worker', labels: {}, taints: [] }
const controlPlane: Omit<JoinWish, 'cluster'> = { ...worker, role: 'control-plane' }

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
