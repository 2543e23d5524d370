import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import type { EventKind } from '../../server/events/event.ts'
import { putControlPlane } from '../fakes/kubernetes-packages.ts'
import { openBox, until, type Box } from './a-box.ts'
import {
  controlPlaneMachine,
  programs,
  putStands,
  type ControlPlaneMachine,
} from './control-plane-machine.ts'
import { needs } from './needs.ts'

// A cluster of three control planes, from the first script to the last of them: the box as a process of its own, the seeds and
// orders that it gives, its node agent, a real etcd on each machine; kubeadm, kubelet and API server are stand-ins.

const version = '1.35.8'
const vip = '10.79.0.9'
/** On a machine that does much else; it takes three quarters of a minute in all on one that does not. */
const patience = 150_000
const needed = needs('etcd', 'curl', 'openssl', 'unshare', 'chroot', 'setsid', 'flock', '/usr/bin/python3')

t.setTimeout(600_000)

type Member = { readonly name?: string; readonly peerURLs: readonly string[]; readonly isLearner?: boolean }

/** What a member of etcd answers to one of these machines, which shows the certificate that kubeadm made there. */
async function askEtcdOnce<T>(
  from: ControlPlaneMachine,
  of: ControlPlaneMachine,
  word: string,
  body: unknown,
): Promise<T> {
  const pki = join(from.root, 'etc/kubernetes/pki/etcd')
  const shown = ['--cert', `${pki}/healthcheck-client.crt`, '--key', `${pki}/healthcheck-client.key`]
  const words = [
    'curl',
    '-fsS',
    '--max-time',
    '60',
    '--cacert',
    `${pki}/ca.crt`,
    ...shown,
    '--data',
    JSON.stringify(body),
  ]
  const { stdout } = await from.namespace.run([...words, `https://${of.address}:2379/v3/${word}`])
  return JSON.parse(stdout) as T
}

/** The same, asked until it is answered: on a slow machine etcd may have no leader for a moment. */
async function askEtcd<T>(...asked: Parameters<typeof askEtcdOnce>): Promise<T> {
  let answer: { readonly value: T } | undefined
  await until(
    `${asked[1].name} answers ${asked[2]}`,
    async () => {
      answer = await askEtcdOnce<T>(...asked).then(
        (value) => ({ value }),
        () => undefined,
      )
      return answer !== undefined
    },
    patience,
  )
  return answer!.value
}

async function membersAt(machine: ControlPlaneMachine): Promise<readonly string[]> {
  const { members } = await askEtcd<{ members: readonly Member[] }>(
    machine,
    machine,
    'cluster/member/list',
    {},
  )
  return members
    .map(({ name = 'not started', isLearner = false }) => (isLearner ? `${name}, a learner` : name))
    .toSorted()
}

/** By what the kubelet asks: whether it can read what a majority agrees on. */
async function isHealthy(machine: ControlPlaneMachine): Promise<boolean> {
  const words = ['curl', '-sS', '--max-time', '60', 'http://127.0.0.1:2381/health']
  const { stdout } = await machine.namespace.run(words)
  return (JSON.parse(stdout) as { readonly health: string }).health === 'true'
}

async function valueOf(key: string, at: ControlPlaneMachine): Promise<string | undefined> {
  const { kvs = [] } = await askEtcd<{ kvs?: readonly { value: string }[] }>(at, at, 'kv/range', {
    key: btoa(key),
  })
  return kvs[0] === undefined ? undefined : atob(kvs[0].value)
}

/** What the API of the cluster answers at an address to its administrator on one of these machines. */
async function askApi(
  machine: ControlPlaneMachine,
  server: string,
  path: string,
  ...more: readonly string[]
): Promise<List> {
  const config = parse(readFileSync(join(machine.root, 'etc/kubernetes/admin.conf'), 'utf8')) as Kubeconfig
  const [{ user }, { cluster }] = [config.users[0], config.clusters[0]]
  const file = (name: string, data: string): string => {
    const place = join(machine.root, 'tmp', name)
    writeFileSync(place, Buffer.from(data, 'base64'))
    return place
  }
  const ca = file('ca', cluster['certificate-authority-data'])
  const shown = [
    '--cert',
    file('cert', user['client-certificate-data']),
    '--key',
    file('key', user['client-key-data']),
  ]
  const words = ['curl', '-fsS', '--max-time', '60', '--cacert', ca, ...shown, ...more]
  return JSON.parse((await machine.namespace.run([...words, `https://${server}:6443${path}`])).stdout) as List
}

type List = { readonly items: readonly { readonly metadata: { readonly name: string } }[] }

type Kubeconfig = {
  readonly users: readonly [
    { readonly user: Readonly<Record<'client-certificate-data' | 'client-key-data', string>> },
  ]
  readonly clusters: readonly [{ readonly cluster: Readonly<Record<'certificate-authority-data', string>> }]
}

async function nodesAt(machine: ControlPlaneMachine, server: string): Promise<readonly string[]> {
  return (await askApi(machine, server, '/api/v1/nodes')).items.map(({ metadata }) => metadata.name)
}

/** The files below a folder with their modes. */
function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(folder, path)).isFile())
    .map((path) => `${(statSync(join(folder, path)).mode & 0o777).toString(8)} ${path}`)
    .toSorted()
}

const pairs = [
  'apiserver-etcd-client',
  'apiserver-kubelet-client',
  'apiserver',
  'ca',
  'etcd/ca',
  'etcd/healthcheck-client',
]
const morePairs = ['etcd/peer', 'etcd/server', 'front-proxy-ca', 'front-proxy-client']
const wholePki = [...pairs, ...morePairs]
  .flatMap((name) => [`644 ${name}.crt`, `600 ${name}.key`])
  .concat('644 sa.pub', '600 sa.key')
  .toSorted()

t.test(
  'three control planes: the box leads them in, one leaves and comes again, is lost and comes again, and the loss of one is borne',
  needed,
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'ironwake-planes-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
    const stands = join(folder, 'programs')
    mkdirSync(stands)
    putControlPlane(stands, programs, version)
    putStands(stands)
    mkdirSync(join(folder, 'image'))
    for (const file of ['vmlinuz', 'initrd', 'squashfs']) writeFileSync(join(folder, 'image', file), file)
    const macOf = (number: number): string => `52:54:00:79:00:0${number}`
    const numbers = [1, 2, 3]
    const entries = numbers.map((number) => `{mac: "${macOf(number)}", hostname: node-${number}}`)
    await using box = await openBox({
      networks: [{ name: 'lab', addresses: ['10.79.0.1/24'] }],
      settings: `
api: {listen: [10.79.0.1]}
approve: all
networks: [{name: lab, interface: lab, mode: full, pool: 10.79.0.100-10.79.0.120}]
images: [{name: debian, folder: ${join(folder, 'image')}}]
defaults: {method: ram, cluster: lab, role: control-plane}
machines: [${entries.join(', ')}]
`,
    })
    const made = await box.cli('clusters', 'create', 'lab', '--kubernetes', version, '--vip', vip)
    t.equal(made.code, 0, made.stderr)
    const plug = async (number: number): Promise<ControlPlaneMachine> => {
      const namespace = await box.addNeighbour('lab', { mac: macOf(number) })
      const address = `10.79.0.1${number}`
      await namespace.run(['ip', 'address', 'add', `${address}/24`, 'dev', 'eth0'])
      const own = join(folder, `node-${number}`)
      const about = { number, address, namespace, folder: own, mac: macOf(number) }
      return controlPlaneMachine({
        ...about,
        boot: 'http://10.79.0.1:8080',
        programs: stands,
        kubernetes: version,
      })
    }
    /** In place of kube-vip, whose pod lies there and is not run. */
    const holdVip = async (
      by: ControlPlaneMachine,
      others: readonly ControlPlaneMachine[],
    ): Promise<void> => {
      await by.namespace.run(['ip', 'address', 'add', `${vip}/32`, 'dev', 'eth0'])
      for (const { run } of [box.namespace, ...others.map(({ namespace }) => namespace)])
        await run(['ip', 'neighbour', 'flush', 'to', vip])
    }
    const machines: ControlPlaneMachine[] = []
    t.teardown(() => {
      if (!t.passing()) for (const { name, log } of machines) t.comment(`${name}\n${log()}`)
    })
    const began = performance.now()
    const phase = (what: string): void =>
      t.comment(`${((performance.now() - began) / 1_000).toFixed(1)} s ${what}`)

    const first = await plug(1)
    machines.push(first)
    await holdVip(first, [])
    await first.powerOn()
    await heard(box, 'node-ready', 'node-1')
    phase('the first is Ready')
    t.strictSame(await membersAt(first), ['node-1'])
    const written = { key: btoa('/test/word'), value: btoa('ironwake') }
    await askEtcd(first, first, 'kv/put', written)

    const [second, third] = [await plug(2), await plug(3)]
    machines.push(second, third)
    await Promise.all([second.powerOn(), third.powerOn()])
    await Promise.all(['node-2', 'node-3'].map(async (name) => await heard(box, 'node-ready', name)))
    phase('all three are Ready')
    const all = ['node-1', 'node-2', 'node-3']
    for (const machine of machines) {
      t.strictSame(await membersAt(machine), all, `${machine.name} knows three that vote`)
      t.equal(await valueOf('/test/word', machine), 'ironwake', `${machine.name} has what the first wrote`)
    }
    const { items } = await askApi(third, third.address, '/api/v1/nodes')
    t.match(
      items,
      all.map((name) => ({
        metadata: { name, labels: { 'node-role.kubernetes.io/control-plane': '' } },
        spec: { taints: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] },
      })),
      'the API server of the third knows all, as control planes',
    )
    t.equal(items.length, 3)
    t.ok(
      happened(box, 'join-waits').some(({ event }) => JSON.stringify(event).includes('one after another')),
      'of the two that asked at once one was told to wait',
    )

    await until('tokens', () => happened(box, 'bootstrap-token-deleted').length === 2, patience)
    const secrets = await askApi(second, vip, '/api/v1/namespaces/kube-system/secrets')
    t.strictSame(secrets.items, [], 'no token is left')
    for (const { name, root } of machines) {
      t.strictSame(
        filesIn(join(root, 'etc/kubernetes/pki')),
        wholePki,
        `${name}: what kubeadm leaves, and no more`,
      )
      t.match(
        readFileSync(join(root, 'etc/kubernetes/manifests/kube-vip.yaml'), 'utf8'),
        `path: "/etc/kubernetes/admin.conf"`,
      )
      t.notOk(existsSync(join(root, 'run/ironwake/order')), `${name}: nothing of the order is left`)
    }

    const released = await box.cli('machines', 'release', macOf(3))
    t.equal(released.code, 0, released.stderr)
    await until('released', () => happened(box, 'machine-released').length === 1, patience)
    phase('the third is released')
    t.strictSame(await membersAt(first), ['node-1', 'node-2'], 'it has left etcd')
    t.strictSame(
      box.appliance.happened
        .map(({ event }) => event.kind)
        .filter((kind) => kind === 'node-deleted' || kind === 'machine-released'),
      ['node-deleted', 'machine-released'],
    )
    t.strictSame(await nodesAt(first, vip), ['node-1', 'node-2'])
    for (const path of ['pki', 'manifests', 'admin.conf', 'kubelet.conf'])
      t.throws(() => statSync(join(third.root, 'etc/kubernetes', path)), `${path} is gone`)
    await third.pullPlug()

    const again = await plug(3)
    machines.push(again)
    await again.powerOn()
    await until('node-3 is back', () => named(box, 'node-ready', 'node-3').length === 2, patience)
    phase('the third is back')
    t.strictSame(await membersAt(second), all)

    await again.pullPlug()
    const forced = await box.cli('machines', 'release', macOf(3), '--force')
    t.equal(forced.code, 0, forced.stderr)
    await until('released by force', () => happened(box, 'machine-released').length === 2, patience)
    phase('the third is lost, and released by force')
    t.match(
      happened(box, 'etcd-member-removed').map(({ event }) => event),
      [{ cluster: 'lab', node: 'node-3', because: 'its machine is released' }],
    )
    t.strictSame(await membersAt(first), ['node-1', 'node-2'], 'the box has taken it out of etcd')
    t.strictSame(await nodesAt(first, vip), ['node-1', 'node-2'])

    const fresh = await plug(3)
    machines.push(fresh)
    await fresh.powerOn()
    await until('a new node-3', () => named(box, 'node-ready', 'node-3').length === 3, patience)
    phase('a new machine has joined by its name')
    t.strictSame(await membersAt(second), all)

    // Its system in memory is gone with its power. A real cluster finds its Node NotReady; this one is told.
    await fresh.pullPlug()
    await askApi(first, vip, '/api/v1/nodes/node-3', '--request', 'DELETE')
    await until('it is no node', () => named(box, 'node-deleted', 'node-3').length === 3, patience)
    t.strictSame(await membersAt(first), all, 'its member is there, and dead')
    const restarted = await plug(3)
    machines.push(restarted)
    await restarted.powerOn()
    await until('node-3 once more', () => named(box, 'node-ready', 'node-3').length === 4, patience)
    phase('one that starts from memory again has joined in its own place')
    t.match(happened(box, 'etcd-member-removed').map(({ event }) => event)[1], {
      cluster: 'lab',
      node: 'node-3',
      because: 'the system of its machine was set up anew',
    })
    t.strictSame(await membersAt(second), all)
    for (const kind of ['etcd-member-stays', 'etcd-not-asked'] as const)
      t.strictSame(happened(box, kind), [], `no ${kind}`)

    await until('it is healthy, of three', async () => await isHealthy(second), patience)
    await first.pullPlug()
    await holdVip(second, [restarted])
    await until(
      'a majority is left',
      async () => (await valueOf('/test/word', restarted)) === 'ironwake',
      patience,
    )
    const more = { key: btoa('/test/more'), value: btoa('without the first') }
    await until(
      'writes',
      async () => await askEtcdOnce(second, second, 'kv/put', more).then(...bothWays),
      patience,
    )
    t.equal(await valueOf('/test/more', restarted), 'without the first')
    t.strictSame(await nodesAt(restarted, vip), all, 'the API answers at the address that has moved')
    phase('the loss of the first is borne')
    await restarted.pullPlug()
    await until('one of three is no majority', async () => !(await isHealthy(second)), patience)
    await second.pullPlug()
  },
)

const bothWays = [() => true, () => false] as const

function happened(box: Box, kind: EventKind) {
  return box.appliance.happened.filter(({ event }) => event.kind === kind)
}

function named(box: Box, kind: EventKind, node: string) {
  return happened(box, kind).filter(({ event }) => 'node' in event && event.node === node)
}

async function heard(box: Box, kind: EventKind, node: string): Promise<void> {
  await until(`${kind} ${node}`, () => named(box, kind, node).length > 0, patience)
}
