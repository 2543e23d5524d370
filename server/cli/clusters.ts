import { fileTrouble } from '../wire/file-trouble.ts'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { addAbortSignal } from 'node:stream'
import type { ClusterSummary } from '../http/cluster-routes.ts'
import { ask, askForText } from './api-client.ts'
import { boxOf, remoteOptions } from './box-of.ts'
import type { Call, Command } from './call.ts'
import { nameInPath } from './name-in-path.ts'
import { Sorry } from './sorry.ts'
import { Stopped } from './stopped.ts'
import { table } from './table.ts'
import { unknownVerb } from './unknown-verb.ts'
import { WronglyCalled } from './wrongly-called.ts'

export const clusters: Command = {
  usage:
    'ironwake clusters list | show CLUSTER | create CLUSTER | add CLUSTER --kubeconfig FILE |\n' +
    '                  kubeconfig CLUSTER [--output-file FILE] | node-config CLUSTER | remove CLUSTER [--yes]',
  about:
    '`create` makes the authorities and keys of a new cluster, which lie encrypted in the store; its first control plane\n' +
    'is to be started with them. `add` takes in a cluster that is there, by a kubeconfig with everything in it; what its\n' +
    'user may do is looked at. `kubeconfig` gives one for administrators of a created cluster, each time with a new key,\n' +
    'good for a year. `node-config` prints cloud-config that makes a Debian or Ubuntu fit to become a node: containerd, kubelet\n' +
    'and kubeadm. `remove` forgets a cluster and its keys. docs/clusters.md says more.\n' +
    'Of a box elsewhere (--server) a viewer may ask list, show and node-config; the others are for admins.',
  options: {
    kubernetes: { type: 'string', about: 'create: the version, as 1.36.5 or 1.36' },
    endpoint: {
      type: 'string',
      about:
        'create: HOST[:PORT] by which all control planes are reached, where you see to that; kubeconfig: in place of it',
    },
    vip: { type: 'string', about: 'create: an address that kube-vip moves between the control planes' },
    'pod-subnet': { type: 'string', about: 'create: addresses of pods (10.244.0.0/16)' },
    'service-subnet': { type: 'string', about: 'create: addresses of services (10.96.0.0/12)' },
    'dns-domain': { type: 'string', about: 'create: its domain (cluster.local)' },
    'pod-network': { type: 'string', about: 'create: flannel (default), or none to bring your own' },
    kubeconfig: { type: 'string', about: 'add: the kubeconfig, `-` for standard input' },
    context: { type: 'string', about: 'add: its context, where it is not the current one' },
    'output-file': { type: 'string', about: 'kubeconfig: the file to write, for its owner alone' },
    yes: { type: 'boolean', about: 'remove: also where keys are lost by it' },
    ...remoteOptions,
  },
  examples: [
    'ironwake clusters create lab --vip 10.20.0.5',
    'ironwake clusters create edge --kubernetes 1.35.8 --endpoint k8s.edge.example --pod-network none',
    'ironwake clusters kubeconfig lab --output-file ~/.kube/lab.yaml',
    'kubectl config view --raw --flatten --minify | ironwake clusters add prod --kubeconfig -',
    'ironwake clusters node-config lab > user-data',
    'ironwake clusters show lab --output json | jq -r .caCertHash',
    'ironwake clusters kubeconfig lab --endpoint 10.20.0.11:6443 --server https://10.20.0.1:8443 --token-file admin.token --ca-fingerprint sha256:…',
  ],
  async run(call) {
    const [verb, name, ...more] = call.words
    const isOne = name !== undefined && more.length === 0
    if (verb === 'list' && name === undefined) return await list(call)
    if (verb === 'show' && isOne) return await show(call, name)
    if (verb === 'create' && isOne) return await create(call, name)
    if (verb === 'add' && isOne) return await add(call, name)
    if (verb === 'kubeconfig' && isOne) return await kubeconfig(call, name)
    if (verb === 'node-config' && isOne) return await nodeConfig(call, name)
    if (verb === 'remove' && isOne) return await remove(call, name)
    throw unknownVerb(verb, {
      known: ['list', 'show', 'create', 'add', 'kubeconfig', 'node-config', 'remove'],
      say: 'say list, show CLUSTER, create CLUSTER, add CLUSTER --kubeconfig FILE, kubeconfig CLUSTER, node-config CLUSTER or remove CLUSTER',
    })
  },
}

async function list(call: Call): Promise<number> {
  const found = (await ask(boxOf(call), 'GET', '/api/v1/clusters')) as ClusterSummary[]
  if (call.output === 'json') call.print(JSON.stringify(found, undefined, 2))
  else if (found.length === 0) call.remark('There is no cluster yet. See: ironwake clusters --help')
  else
    call.print(table(['NAME', 'KIND', 'KUBERNETES', 'ENDPOINT', 'AUTHORITY UNTIL', 'KEYS'], found.map(row)))
  return 0
}

function row({ cluster, caEndsAt, locked }: ClusterSummary): string[] {
  const isManaged = cluster.kind === 'managed'
  return [
    cluster.name,
    cluster.kind,
    isManaged ? cluster.kubernetes : '-',
    isManaged ? (cluster.endpoint ?? '-') : cluster.server,
    dayOf(caEndsAt),
    locked === undefined ? 'ok' : 'locked',
  ]
}

async function show(call: Call, name: string): Promise<number> {
  const summary = (await ask(boxOf(call), 'GET', pathOf(name))) as ClusterSummary
  if (call.output === 'json') call.print(JSON.stringify(summary, undefined, 2))
  else {
    for (const line of linesOf(summary)) call.print(line)
    printNodes(call, summary)
  }
  return 0
}

function printNodes(call: Call, { nodes }: ClusterSummary): void {
  if (nodes === undefined) return
  if (nodes.kind === 'silent') {
    call.print(`nodes      not known: ${nodes.because}`)
    return
  }
  call.print(`nodes      ${nodes.nodes.length}`)
  if (nodes.nodes.length === 0) return
  const rows = nodes.nodes.map(({ name, ready, machine, kubeletVersion, unschedulable }) => [
    name,
    `${ready.status === 'True' ? 'Ready' : 'NotReady'}${unschedulable ? ', cordoned' : ''}`,
    kubeletVersion ?? '-',
    machine ?? '-',
  ])
  call.print(table(['NODE', 'STATUS', 'KUBELET', 'MACHINE'], rows))
}

function linesOf({ cluster, caCertHash, caEndsAt, locked }: ClusterSummary): readonly string[] {
  const own: readonly (readonly [string, string | undefined])[] =
    cluster.kind === 'managed'
      ? [
          ['kubernetes', cluster.kubernetes],
          ['endpoint', cluster.endpoint ?? 'that of the first control plane'],
          ['kube-vip', cluster.vip],
          [
            'pods',
            `${cluster.podSubnet}, ${cluster.podNetwork === 'none' ? 'no network' : cluster.podNetwork}`,
          ],
          ['services', `${cluster.serviceSubnet}, ${cluster.dnsDomain}`],
        ]
      : [
          ['server', cluster.server],
          ['signs in', cluster.credential.kind === 'token' ? 'by a token' : 'by a certificate'],
        ]
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['cluster', cluster.name],
    ['kind', cluster.kind],
    ...own,
    ['authority', `${caCertHash}, until ${dayOf(caEndsAt)}`],
    ['created', new Date(cluster.createdAt).toISOString()],
    ['keys', locked === undefined ? 'encrypted in the store' : `LOCKED, because ${locked}`],
  ]
  return facts.flatMap(([label, value]) => (value === undefined ? [] : [`${label.padEnd(10)} ${value}`]))
}

async function create(call: Call, name: string): Promise<number> {
  const { kubernetes, endpoint, vip } = call.options
  const order = {
    kind: 'managed',
    name,
    kubernetes,
    endpoint,
    vip,
    podSubnet: call.options['pod-subnet'],
    serviceSubnet: call.options['service-subnet'],
    dnsDomain: call.options['dns-domain'],
    podNetwork: call.options['pod-network'],
  }
  return await made(call, order)
}

async function add(call: Call, name: string): Promise<number> {
  const file = call.options['kubeconfig']
  if (typeof file !== 'string' || file === '') {
    throw new WronglyCalled('add needs the kubeconfig of the cluster, --kubeconfig FILE')
  }
  const { context } = call.options
  return await made(call, { kind: 'external', name, kubeconfig: await read(call, file), context })
}

async function made(call: Call, order: unknown): Promise<number> {
  const { remarks, ...summary } = (await ask(boxOf(call), 'POST', '/api/v1/clusters', order)) as Made
  if (call.output === 'json') call.print(JSON.stringify(summary, undefined, 2))
  else for (const line of linesOf(summary)) call.print(line)
  for (const remark of remarks) call.remark(remark)
  return 0
}

type Made = ClusterSummary & { readonly remarks: readonly string[] }

async function kubeconfig(call: Call, name: string): Promise<number> {
  const { endpoint, 'output-file': file } = call.options
  if (file === '') throw new WronglyCalled('--output-file needs the name of a file')
  const text = await askForText(boxOf(call), 'POST', `${pathOf(name)}/kubeconfig`, { endpoint })
  const isJson = call.output === 'json'
  if (typeof file !== 'string') {
    call.print(isJson ? JSON.stringify({ cluster: name, kubeconfig: text }, undefined, 2) : text.trimEnd())
    return 0
  }
  writePrivate(file, text)
  if (isJson) call.print(JSON.stringify({ cluster: name, file }, undefined, 2))
  else call.remark(`${file} is for administrators of ${name}. Try: kubectl --kubeconfig ${file} get nodes`)
  return 0
}

async function nodeConfig(call: Call, name: string): Promise<number> {
  const text = await askForText(boxOf(call), 'GET', `${pathOf(name)}/node-config`)
  if (call.output === 'json') call.print(JSON.stringify({ cluster: name, nodeConfig: text }, undefined, 2))
  else call.print(text.trimEnd())
  return 0
}

async function remove(call: Call, name: string): Promise<number> {
  const { cluster } = (await ask(boxOf(call), 'GET', pathOf(name))) as ClusterSummary
  if (cluster.kind === 'managed' && call.options['yes'] !== true) {
    throw new Sorry(
      `the keys of ${name} are nowhere else: without them no machine can join it any more.`,
      `If that is meant: ironwake clusters remove ${name} --yes`,
    )
  }
  await ask(boxOf(call), 'DELETE', pathOf(name))
  if (call.output === 'json') call.print(JSON.stringify({ cluster: name, removed: true }, undefined, 2))
  else call.remark(`${name} is forgotten. Its nodes go on as they are.`)
  return 0
}

/** As the box takes it. */
const mostKubeconfig = 1024 * 1024

async function read(call: Call, file: string): Promise<string> {
  const text = file === '-' ? await typedIn(call.stop) : textOf(file)
  if (text.length <= mostKubeconfig) return text
  throw new Sorry(
    `${file} is too large for a kubeconfig: it has at most 1 MiB`,
    'This leaves what belongs to one cluster: kubectl config view --raw --flatten --minify',
  )
}

/** Standard input, as much of it as is needed to see that it is too long. Ctrl-C ends it, as it could not where it is read in one call. */
async function typedIn(stop: AbortSignal): Promise<string> {
  let text = ''
  try {
    for await (const chunk of addAbortSignal(stop, process.stdin.setEncoding('utf8'))) {
      text += String(chunk)
      if (text.length > mostKubeconfig) break
    }
  } catch (error) {
    if (stop.aborted) throw new Stopped()
    throw new Sorry(`standard input cannot be read: ${fileTrouble(error)}`)
  }
  return text
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Sorry(`${file} cannot be read: ${fileTrouble(error)}`)
  }
}

/** Whole, and at no time open to others: not even where a file of that name was. */
function writePrivate(file: string, text: string): void {
  const unfinished = `${file}.${process.pid}.new`
  try {
    writeFileSync(unfinished, text, { mode: 0o600, flag: 'wx' })
    renameSync(unfinished, file)
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw new Sorry(`${file} cannot be written: ${fileTrouble(error)}`)
  }
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

function pathOf(name: string): string {
  return `/api/v1/clusters/${nameInPath('cluster', name)}`
}
