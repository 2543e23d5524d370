import t, { type Test } from 'tap'
import { plansOf } from '../../server/appliance/plans.ts'
import { whyNotJoin } from '../../server/appliance/why-not-join.ts'
import type { ApprovalOrder } from '../../server/http/api-app.ts'
import type { ClusterDesk } from '../../server/http/cluster-routes.ts'
import { rawDisk } from '../images/some-images.ts'
import { aConfig, ram } from './a-config.ts'
import { boxWithDisk } from './box-with-disk.ts'
import { mac, OneMachine } from './one-machine.ts'
import { theClusters } from './the-clusters.ts'

async function aBox(t: Test): Promise<OneMachine> {
  const box = await boxWithDisk(t, rawDisk(4 * 1024 * 1024))
  await box.restart({ approve: { kind: 'these', macs: new Set() } })
  box.clusters = await theClusters(box)
  t.equal(await box.boots(), 'wait')
  return box
}

t.test(
  'a machine is approved for a cluster and a disk, and what it is to become stays after a restart',
  async (t) => {
    const box = await aBox(t)
    const order: ApprovalOrder = {
      hostname: 'node-1',
      method: 'disk',
      disk: 'serial=A',
      wipe: true,
      cluster: 'lab',
      role: 'control-plane',
      labels: { rack: 'r1' },
      taints: ['dedicated=gpu:NoSchedule'],
      zone: 'hall-2',
    }
    t.match(await box.api.approve(box.machine, order), { kind: 'done', remarks: [] })
    await box.restart()
    const wish = {
      cluster: 'lab',
      role: 'control-plane',
      labels: { rack: 'r1' },
      taints: [{ key: 'dedicated', value: 'gpu', effect: 'NoSchedule' }],
      zone: 'hall-2',
    }
    t.strictSame(box.plans.joinOf(mac, box.machine), wish)
    t.match(box.plans.intentFor(mac, box.machine), {
      method: 'disk',
      disk: { selector: { text: 'serial=A' }, by: 'approval', wipe: 'allowed' },
    })
    t.equal(await box.boots(), 'install-disk')
    t.match(await box.clusters?.remove('lab'), {
      kind: 'refused',
      because: 'lab has machines: node-1. Release them, or approve them for another cluster, first.',
    })
    await box.api.unapprove(box.machine)
    t.equal(box.plans.joinOf(mac, box.machine), undefined)
    t.strictSame(await box.clusters?.remove('lab'), { kind: 'removed' })
  },
)

t.test('plan shows what a machine is to become, what prepares it, and what keeps it from it', async (t) => {
  const box = await aBox(t)
  await box.api.approve(box.machine, { method: 'disk', cluster: 'lab', zone: 'hall-2' })
  const planned = async () => {
    const found = await box.api.plan(box.machine)
    if (found.kind === 'refused') throw new Error(found.because)
    return found.plan
  }
  const plan = await planned()
  t.match(plan.wishes.at(-1), 'worker of the cluster lab, zone hall-2, by its approval')
  t.match(plan.files.at(-1), { file: 'node-config', text: /^#cloud-config\n[^]*KUBERNETES_VERSION='1\.36\./ })
  t.equal(plan.notJoining, undefined)
  box.clusters = undefined
  t.match((await planned()).notJoining, /^there is no cluster lab/)
})

t.test('what could not be done is refused when it is said, with the reason', async (t) => {
  const box = await aBox(t)
  const before = box.machine
  const refusals: readonly (readonly [ApprovalOrder, RegExp])[] = [
    [{ cluster: 'labs' }, /^there is no cluster labs; .*clusters create labs/],
    [{ cluster: 'La b' }, /^La b is not the name of a cluster/],
    [{ cluster: 'prod', role: 'control-plane' }, /^prod is somebody else’s cluster.*--role worker$/],
    [
      { role: 'worker' },
      /^neither this approval nor the settings name a cluster for .* so its role says nothing/,
    ],
    [{ labels: { rack: 'r1' } }, /so its labels says nothing; say --cluster NAME/],
    [{ method: 'local', cluster: 'lab' }, /is to boot its own disk \(method: local\), and enters no cluster/],
    [{ cluster: 'lab', labels: { 'a b': 'c' } }, /^a b=c is no label: a key is not that of a label/],
    [{ cluster: 'lab', taints: ['x'] }, /^x is no taint: write it as dedicated=gpu:NoSchedule/],
    [{ cluster: 'lab', zone: 'a b' }, /^a b is no zone/],
    [{ cluster: 'lab', zone: 'a', labels: { 'topology.kubernetes.io/zone': 'b' } }, /cannot be both a and/],
    [{ method: 'ram', wipe: true }, /is of method ram, which writes no disk, so --wipe says nothing/],
    [{ method: 'ram', disk: 'smallest' }, /so --disk says nothing; say --method disk/],
    [{ disk: 'sda' }, /^sda names no disk: kernel names .* Write serial=…/],
    [
      { image: 'debian' },
      /cannot have debian: there is no image debian in the store, and a folder has no disk/,
    ],
    [{ image: 'jammy' }, /cannot have jammy: there is no image jammy in the store; `ironwake images list`/],
  ]
  for (const [order, because] of refusals) {
    t.match(await box.api.approve(box.machine, order), { kind: 'refused', because }, JSON.stringify(order))
  }
  t.equal(box.machine, before)
  t.equal(await box.boots(), 'wait')
})

t.test('what the settings say of a cluster is looked at by whoever approves, too', async (t) => {
  const box = await aBox(t)
  await box.restart({ defaults: { ...box.config.defaults, cluster: 'gone', role: 'worker' } })
  t.match(await box.api.approve(box.machine, {}), { kind: 'refused', because: /^there is no cluster gone/ })
  t.match(await box.api.approve(box.machine, { cluster: 'lab' }), { kind: 'done' })
  await box.restart({ defaults: { ...box.config.defaults, ephemeral: 'nothing' } })
  t.match(await box.api.approve(box.machine, { method: 'disk' }), {
    kind: 'refused',
    because:
      /has no system in memory that writes its disk \(ephemeral in the settings\): there is no image nothing/,
  })
})

t.test('no machine enters a cluster by a box whose API is off, or whose keys are locked', async (t) => {
  const box = await aBox(t)
  const wish = { cluster: 'lab', role: 'worker', labels: {}, taints: [] } as const
  const clusters = box.clusters!
  t.equal(whyNotJoin({ clusters, api: 'on' }, wish, 'noble'), undefined)
  t.match(
    whyNotJoin({ clusters, api: 'off' }, wish, 'noble'),
    /the API is off: add `api: \{listen: networks\}`/,
  )
  t.match(
    whyNotJoin({ clusters, api: 'on' }, wish, 'focal'),
    /^focal cannot be a node of lab: Ubuntu 20.04 has containerd/,
  )
  const locked: Pick<ClusterDesk, 'find' | 'nodeConfig'> = {
    ...clusters,
    find(name) {
      const found = clusters.find(name)
      return found === undefined ? undefined : { ...found, locked: 'the key file is not there' }
    },
  }
  t.match(
    whyNotJoin({ clusters: locked, api: 'on' }, wish, 'noble'),
    /cannot be used: the key file is not there/,
  )
})

t.test(
  'a rule says what the machines have that it approves, before the defaults and after their entries',
  async (t) => {
    const gives = { cluster: 'lab', zone: 'hall-1', method: 'local' as const, wipe: true }
    const entry = { ...ram, mac, hostname: undefined, own: { method: 'ram' as const, zone: 'hall-9' } }
    const approve = {
      kind: 'these' as const,
      macs: new Set<never>(),
      likenesses: [{ text: 'serial 7XK*', serials: ['7XK*'], gives }],
    }
    const config = aConfig({ approve, defaults: { ...ram, cluster: 'other', role: 'control-plane' } })
    const box = await OneMachine.open(t, { approve, defaults: config.defaults })
    const board = { serial: '7XK1' }
    await box.asksForScript(mac, '&serial=7XK1')
    t.match(
      box.happened.findLast(({ kind }) => kind === 'script-served'),
      { script: 'boot-local' },
      'the rule says local',
    )
    t.match(box.machine, { ...board, approval: { by: 'rule' }, stateBecause: /method: local/ })
    const plans = plansOf({ ...config, machines: [entry] }, box.images)
    t.match(plans.intentFor(mac, box.machine), { approved: true, method: 'ram' })
    t.match(plans.joinOf(mac, box.machine), { cluster: 'lab', role: 'worker', zone: 'hall-9' })
    t.match(
      plans.wishesFor(undefined, mac, box.machine).at(-1),
      /^worker of the cluster lab, zone hall-9, by the rule for serial 7XK\*$/,
    )
  },
)
