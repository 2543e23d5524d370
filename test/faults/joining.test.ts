import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import type { NodeRoute } from '../../server/http/node-routes.ts'
import type { JoinWish } from '../../server/machines/join-wish.ts'
import { aNode, given } from '../access/a-node.ts'
import { aJoiningBox, aRegisteredNode } from '../appliance/a-joining-box.ts'
import { aNodeApi } from '../http/a-node-api.ts'
import { bearer } from '../http/an-https-api.ts'
import { until } from '../http/over-loopback.ts'
import { nodeFactsText } from '../machines/node-facts.ts'

const worker: Omit<JoinWish, 'cluster'> = { role: 'worker', labels: {}, taints: [] }
const controlPlane: Omit<JoinWish, 'cluster'> = { ...worker, role: 'control-plane' }
const minute = 60_000

t.test('who shows no credential, or that of nobody, is given nothing and told why', async (t) => {
  const box = await aJoiningBox(t, { 1: controlPlane })
  const reached: string[] = []
  const watched = (route: NodeRoute): NodeRoute => ({
    ...route,
    answer: async (question) => {
      reached.push(question.machine)
      return await route.answer({ ...question, machine: box.idOf(1) })
    },
  })
  const routes = Object.fromEntries(
    Object.entries(box.box.clusters.routes).map(([word, route]) => [word, watched(route)]),
  )
  const api = await aNodeApi(t, { routes })
  const time = String(Math.floor(box.clock.now / 1_000))
  const facts = nodeFactsText({ time })
  t.match(await api.post('join', facts), { status: 401, body: /no credential was shown/ })
  t.match(await api.post('join', facts, bearer(`iwm_${'A'.repeat(43)}`)), { status: 401 })
  t.strictSame(reached, [], 'nobody came as far as the cluster')
  t.match((await api.told('credential-refused')).length, 2)
  t.equal(box.machine(1).state, 'installed')

  const { nonce } = await api.boots()
  const node = aNode()
  const first = given((await api.post('enrol', node.enrols(nonce))).body)
  await api.logbook.keep(api.roster.move(first.machine, 'cloud-init-finished', 'a test', api.clock.now))
  api.clock.now += 25 * 60 * minute
  t.match(await api.post('join', facts, bearer(first.credential)), { status: 401, body: /expired/ })
  t.strictSame(reached, [], 'nor with one that is over')
  const again = given((await api.post('renew', node.renews(first.machine, api.clock.now))).body)
  t.match(await api.post('join', facts, bearer(again.credential)), { status: 200 })
  t.equal(box.machine(1).join?.order, 'init', 'and with the next all is well')
})

t.test('an API that is down for ten minutes is waited for, and nobody fails by it', async (t) => {
  const box = await aJoiningBox(t, { 1: controlPlane, 2: worker })
  await box.asks(1)
  await box.says(1, 'init-done')
  for (let minutes = 0; minutes < 40; minutes++) {
    t.match((await box.asks(2)).action, ['wait', '20', /the API of lab does not answer/])
    box.clock.now += minute
    await box.logbook.keep(box.roster.passTimeLimits(box.clock.now))
    if (minutes < 28) t.equal(box.machine(1).state, 'joining')
  }
  t.match(box.machine(2), { state: 'joining', failures: 0, stateBecause: /does not answer/ })
  t.equal(
    box.told('join-waits').filter(({ mac }) => mac === box.machine(2).macs[0]).length <= 3,
    true,
    'told once for each reason',
  )
  t.match(box.machine(1), { state: 'failed', failure: 'node-not-ready' })

  const api = await box.api()
  await until(() => box.told('cluster-heard').length > 0)
  api.nodes.create(aRegisteredNode(1, 'True'))
  await until(() => box.machine(1).state === 'active')
  t.strictSame((await box.asks(2)).action, ['join-worker'])
})

t.test(
  'a first control plane that dies in its init is given up, and the next one makes the cluster',
  async (t) => {
    const box = await aJoiningBox(t, { 1: controlPlane, 2: controlPlane })
    t.strictSame((await box.asks(1)).action, ['init'])
    t.match((await box.asks(2)).action, ['wait', '15', /node-1 is making the first control plane/])
    box.clock.now += 19 * minute
    await box.box.clusters.passTime()
    t.match((await box.asks(2)).action, ['wait', '15', /node-1/])
    box.clock.now += 2 * minute
    await box.box.clusters.passTime()
    t.match(box.told('cluster-init-given-up'), [{ because: 'node-1 did not say in 20 minutes how it went' }])
    t.match(box.machine(1), { state: 'failed', failure: 'init-failed' })
    t.strictSame((await box.asks(2)).action, ['init'])
    t.match((await box.asks(1, { leftovers: 'ours' })).action, ['reset'], 'when it is back it begins anew')
    t.match((await box.asks(1)).action, ['wait', '15', /node-2 is making/])
    t.match(await box.says(1, 'init-done'), { kind: 'accepted' }, 'a late word')
    t.strictSame(box.told('cluster-initialised'), [], 'moves nobody')
  },
)

t.test('of several that ask at once to be the first, one is', async (t) => {
  const box = await aJoiningBox(t, { 1: controlPlane, 2: controlPlane, 3: controlPlane })
  const orders = await Promise.all([1, 2, 3, 1, 2, 3].map(async (number) => await box.asks(number)))
  const first = orders.flatMap(({ action }, index) => (action[0] === 'init' ? [(index % 3) + 1] : []))
  t.equal(new Set(first).size, 1, JSON.stringify(orders.map(({ action }) => action)))
  t.equal(box.told('cluster-init-begun').length, 1)
  const [cluster] = await box.store.clusters.all()
  t.match(cluster?.cluster, { init: { machine: box.idOf(first[0] ?? 0), phase: 'claimed' } })
})

t.test('a clock that is a day off is told, in either direction, and joins when it is right', async (t) => {
  const box = await aJoiningBox(t, { 1: controlPlane })
  const day = 86_400
  const seconds = Math.floor(box.clock.now / 1_000)
  t.match((await box.asks(1, { time: String(seconds - day) })).action, ['wait', '60', /1 day behind/])
  t.match(box.machine(1), { state: 'joining', join: { phase: 'refused', refusal: 'clock-off' } })
  await box.asks(1, { time: String(seconds - day) })
  t.equal(box.told('join-refused').length, 1, 'told once for each reason')
  t.match((await box.asks(1, { time: String(seconds + day + 5) })).action, ['wait', '60', /1 day ahead/])
  t.strictSame((await box.asks(1)).action, ['init'])
  t.notOk('refusal' in (box.machine(1).join ?? { refusal: '' }))
})

t.test(
  'a machine that does not fit for half an hour has failed, with that cause, and may still mend it',
  async (t) => {
    const box = await aJoiningBox(t, { 1: controlPlane })
    await box.asks(1, { swap: 'on' })
    box.clock.now += 31 * minute
    await box.logbook.keep(box.roster.passTimeLimits(box.clock.now))
    t.match(box.machine(1), { state: 'failed', failure: 'not-fit', stateBecause: /swap on/ })
    t.strictSame((await box.asks(1)).action, ['init'])
  },
)

t.test(
  'a node name that is taken is told, no token is made, and the machine joins when it is free',
  async (t) => {
    const box = await aJoiningBox(t, { 1: controlPlane, 2: worker })
    await box.asks(1)
    const api = await box.api()
    await box.says(1, 'init-done')
    api.nodes.create({ metadata: { name: 'node-2' } })
    await until(() => box.told('pod-network-applied').length > 0)
    t.match((await box.asks(2)).action, ['wait', '60', /lab has a Node node-2 already/])
    t.match(box.machine(2).join, { refusal: 'name-taken' })
    t.strictSame(api.secrets.all(), [])
    t.equal(api.nodes.all().length, 1, 'and it is left alone')
    api.nodes.delete('node-2')
    await until(() => box.box.clusters.desk.find('lab')?.nodes?.kind === 'heard')
    // The box hears by its watch that it is gone.
    let { action } = await box.asks(2)
    while (action[0] === 'wait') {
      await nextTurn()
      ;({ action } = await box.asks(2))
    }
    t.strictSame(action, ['join-worker'])
  },
)
