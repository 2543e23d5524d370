import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { etcdDesk } from '../../server/appliance/etcd-desk.ts'
import type { ClusterBook } from '../../server/appliance/cluster-book.ts'
import type { ManagedCluster } from '../../server/clusters/cluster.ts'
import { etcdClient, type EtcdClient } from '../../server/clusters/etcd-client.ts'
import { issueClientCertificate } from '../../server/clusters/issue-client-certificate.ts'
import type { KubeClient } from '../../server/clusters/kube-client.ts'
import { kubeNode } from '../../server/clusters/kube-node.ts'
import { makeAuthorities, type MadeAuthorities } from '../../server/clusters/make-authorities.ts'
import { kubeTransport } from '../../server/listen/kube-transport.ts'
import type { Ipv4 } from '../../server/wire/ipv4.ts'
import { serverCertificate } from '../clusters/server-certificate.ts'
import { testFolder } from '../folder.ts'
import { until } from './a-box.ts'
import { needs } from './needs.ts'

// The box takes members out of a real etcd, at kubeadm's ports, each at an address of loopback.

const patience = 60_000

/** Of each run its own, so that two of them do not meet at one port. */
const [third, fourth] = [10 + (process.pid % 240), 10 + (Math.floor(process.pid / 240) % 100)]
const addressOf = (number: number): Ipv4 => `127.${fourth}.${third}.${number}` as Ipv4
const urlOf = (number: number, port: 2379 | 2380): string => `https://${addressOf(number)}:${port}`

async function someMembers(t: Test, count: number) {
  const folder = testFolder(t)
  const made = await makeAuthorities(Date.now())
  const authority = { certificate: made.authorities.etcdCa, privateKey: made.secrets['etcd-ca'] ?? '' }
  writeFileSync(join(folder, 'ca.crt'), authority.certificate)
  const numbers = Array.from({ length: count }, (_, index) => index + 1)
  const running = new Map<number, ChildProcess>()
  t.teardown(async () => {
    for (const number of running.keys()) await kill(number)
  })
  const shown = await issueClientCertificate({
    organization: 'test',
    commonName: 'test',
    authority,
    at: Date.now(),
    lastsMs: 3_600_000,
  })
  const credential = { kind: 'certificate', ...shown } as const
  const clientOf = (number: number): EtcdClient => {
    const target = {
      server: urlOf(number, 2379),
      ca: authority.certificate,
      tlsServerName: undefined,
      credential,
    }
    const transport = kubeTransport(target, 'ironwake/test')
    t.teardown(async () => await transport[Symbol.asyncDispose]())
    return etcdClient(transport)
  }

  for (const number of numbers) {
    const { certificate, privateKey } = await serverCertificate({
      authority,
      commonName: `node-${number}`,
      // The members connect to each other from the first address of loopback, which etcd compares with the certificate.
      names: [addressOf(number), '127.0.0.1'].map((value) => ({ type: 'ip', value })),
    })
    writeFileSync(join(folder, `${number}.crt`), certificate)
    writeFileSync(join(folder, `${number}.key`), privateKey, { mode: 0o600 })
    start(number)
  }
  for (const number of numbers) await until(`member ${number}`, async () => await agrees(number), patience)
  return { made, numbers, start, kill, agrees, clientOf }

  function start(number: number): void {
    const pair = [`cert-file=${join(folder, `${number}.crt`)}`, `key-file=${join(folder, `${number}.key`)}`]
    const tls = ['', 'peer-'].flatMap((end) => [
      ...pair.map((words) => `--${end}${words}`),
      `--${end}trusted-ca-file=${join(folder, 'ca.crt')}`,
      `--${end}client-cert-auth`,
    ])
    const child = spawn(
      'etcd',
      [
        `--name=node-${number}`,
        `--data-dir=${join(folder, `data-${number}`)}`,
        `--listen-client-urls=${urlOf(number, 2379)}`,
        `--advertise-client-urls=${urlOf(number, 2379)}`,
        `--listen-peer-urls=${urlOf(number, 2380)}`,
        `--initial-advertise-peer-urls=${urlOf(number, 2380)}`,
        `--initial-cluster=${numbers.map((one) => `node-${one}=${urlOf(one, 2380)}`).join(',')}`,
        ...tls,
      ],
      { stdio: 'ignore' },
    )
    running.set(number, child)
  }

  async function kill(number: number): Promise<void> {
    const child = running.get(number)
    running.delete(number)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  async function agrees(number: number): Promise<boolean> {
    return await clientOf(number)
      .agree(AbortSignal.timeout(2_000))
      .then(
        () => true,
        () => false,
      )
  }
}

/** The box’s part, for a cluster of these authorities, whose API tells of these control planes. */
function aDesk({ authorities, secrets }: MadeAuthorities, numbers: readonly number[]) {
  const cluster = { kind: 'managed', name: 'lab', authorities } as ManagedCluster
  const book: ClusterBook = {
    list: () => [{ cluster }],
    find: (name) => (name === 'lab' ? { cluster } : undefined),
    secretOf: (_, name) => ({ kind: 'opened', text: secrets[name] ?? '' }),
    setInit: async () => {},
    subscribe: () => {},
  }
  const nodes = numbers.map((number) =>
    kubeNode({
      metadata: {
        name: `node-${number}`,
        resourceVersion: '1',
        labels: { 'node-role.kubernetes.io/control-plane': '' },
      },
      status: {
        addresses: [{ type: 'InternalIP', address: addressOf(number) }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    })!,
  )
  const listNodes: KubeClient['listNodes'] = async () =>
    await Promise.resolve({ nodes, resourceVersion: '1' })
  const desk = etcdDesk({
    book,
    links: { clientOf: () => ({ listNodes }) as KubeClient },
    transport: (target) => kubeTransport(target, 'ironwake/test'),
    now: Date.now,
  })
  return async (number: number, address = addressOf(number)) =>
    await desk.takeOut('lab', { node: `node-${number}`, addresses: [address] })
}

t.setTimeout(240_000)

t.test(
  'of three members of a real etcd the dead one is taken out, and never one that is needed or answers',
  needs('etcd'),
  async (t) => {
    const { made, numbers, start, kill, agrees, clientOf } = await someMembers(t, 3)
    const takeOut = aDesk(made, numbers)
    const names = async (): Promise<readonly string[]> =>
      (await clientOf(1).listMembers(AbortSignal.timeout(5_000))).map(({ name }) => name).toSorted()
    const all = ['node-1', 'node-2', 'node-3']

    t.strictSame(await takeOut(4), { kind: 'none' }, 'who is none')
    t.match(await takeOut(3), { kind: 'stays', because: /node-3 of etcd still answers at .*switch that off/ })
    t.strictSame(await names(), all)

    const stranger = aDesk(await makeAuthorities(Date.now()), numbers)
    t.match(
      await stranger(3),
      { kind: 'not-asked', because: /does not prove that it is this cluster/ },
      'what is not of the authority of etcd is not believed',
    )
    t.strictSame(await aDesk(made, [3])(3), {
      kind: 'not-asked',
      because: 'no other control plane of lab tells where it stands',
    })

    await kill(3)
    t.match(await takeOut(3, addressOf(9)), {
      kind: 'stays',
      because: /a member node-3 at .*:2380, and node-3 stands/,
    })
    t.strictSame(await names(), all, 'the name alone is not enough')
    const removed = await takeOut(3)
    t.match(removed, { kind: 'removed', members: [/^[0-9a-f]{1,16}$/] })
    t.strictSame(await names(), ['node-1', 'node-2'])
    t.strictSame(await takeOut(3), { kind: 'none' }, 'said again, nothing is left to do')
    t.ok(await agrees(1))

    await kill(2)
    t.match(await takeOut(2), {
      kind: 'stays',
      because:
        /^0 of the other 1 members of etcd that vote agree, and 1 are needed without the member node-2: see to node-1 first$/,
    })
    start(2)
    await until('node-2 is back', async () => await agrees(2), patience)
    t.strictSame(await names(), ['node-1', 'node-2'], 'where nobody agrees nobody is taken out')
  },
)

t.test('two tries at the same time take one member out once', needs('etcd'), async (t) => {
  const { made, numbers, kill, agrees } = await someMembers(t, 3)
  await kill(1)
  await until('another leader', async () => (await agrees(2)) && (await agrees(3)), patience)
  const takeOut = aDesk(made, numbers)
  const other = aDesk(made, numbers)
  const kinds = (await Promise.all([takeOut(1), other(1)])).map(({ kind }) => kind)
  t.ok(kinds.includes('removed'), kinds.join())
  t.strictSame(
    kinds.filter((kind) => kind !== 'removed' && kind !== 'none'),
    [],
  )
  t.strictSame(await takeOut(1), { kind: 'none' })
  t.ok((await agrees(2)) && (await agrees(3)))
})
