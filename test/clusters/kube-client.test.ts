import { readFileSync } from 'node:fs'
import t from 'tap'
import { flannelObjects } from '../../server/cloud-init/flannel.ts'
import { kubeClient, type NodeChange } from '../../server/clusters/kube-client.ts'
import { neededActions, probeRights } from '../../server/clusters/probe-rights.ts'
import { kubeTransport } from '../../server/listen/kube-transport.ts'
import type { KubeManifest } from '../../server/clusters/kube-manifest.ts'
import { aClient, aKubeServer, soon, theKubeServer } from './a-kube-server.ts'
import { ca } from './a-kubeconfig.ts'

// What asks `theKubeServer` in this file is asked of a real kube-apiserver too, where KUBE_BIN_DIR names one
// (docs/testing-with-kubernetes.md); what asks `aKubeServer` is asked of the stand-in alone: pods need more than an API server.

t.test('nodes are read, changed and deleted, and each write has a version of its own', async (t) => {
  const { target, makeNode } = await theKubeServer(t)
  const client = aClient(t, target)
  const made = await makeNode('node-1', { 'example.com/rack': 'r1' })
  const before = await client.getNode('node-1', soon())
  t.match(before, { name: 'node-1', labels: { 'example.com/rack': 'r1' }, ready: { status: 'absent' } })
  t.equal(before.uid, made)
  const after = await client.patchNode(
    'node-1',
    { labels: { 'example.com/rack': null, 'example.com/zone': 'z' }, unschedulable: true },
    soon(),
  )
  t.equal(after.labels['example.com/zone'], 'z')
  t.notOk('example.com/rack' in after.labels)
  t.equal(after.unschedulable, true)
  t.not(after.resourceVersion, before.resourceVersion)
  const old = { unschedulable: false, resourceVersion: before.resourceVersion }
  await t.rejects(client.patchNode('node-1', old, soon()), { name: 'KubeFault', kind: 'conflict' })
  const fresh = { unschedulable: false, resourceVersion: after.resourceVersion }
  t.equal((await client.patchNode('node-1', fresh, soon())).unschedulable, false)
  await client.deleteNode('node-1', soon())
  await t.rejects(client.getNode('node-1', soon()), {
    name: 'KubeFault',
    kind: 'not-found',
    message: /node-1/,
  })
  await t.rejects(client.deleteNode('node-1', soon()), { name: 'KubeFault', kind: 'not-found' })
})

t.test('a list of more than a page is whole', async (t) => {
  const { target, makeNode } = await theKubeServer(t)
  for (let number = 0; number < 600; number++) await makeNode(`many-${String(number).padStart(3, '0')}`)
  const { nodes, resourceVersion } = await aClient(t, target).listNodes(soon())
  t.equal(new Set(nodes.map(({ name }) => name)).size, 600)
  t.match(resourceVersion, /^[1-9][0-9]*$/)
})

t.test('secrets are made once, and deleted', async (t) => {
  const { target } = await theKubeServer(t)
  const client = aClient(t, target)
  const secret = {
    namespace: 'kube-system',
    name: 'bootstrap-token-abcdef',
    type: 'bootstrap.kubernetes.io/token',
    texts: { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef' },
  }
  await client.createSecret(secret, soon())
  await t.rejects(client.createSecret(secret, soon()), { name: 'KubeFault', kind: 'conflict' })
  await client.deleteSecret('kube-system', secret.name, soon())
  await t.rejects(client.deleteSecret('kube-system', secret.name, soon()), {
    name: 'KubeFault',
    kind: 'not-found',
  })
})

t.test('a watch tells every change after a state, and none before it', async (t) => {
  const { target, makeNode } = await theKubeServer(t)
  const client = aClient(t, target)
  await makeNode('before')
  const { resourceVersion } = await client.listNodes(soon())
  await makeNode('missed')
  const over = new AbortController()
  const changes: NodeChange[] = []
  const watching = (async () => {
    for await (const change of client.watchNodes(resourceVersion, over.signal)) {
      if ('node' in change) changes.push(change)
      if (change.kind === 'added' && change.node.name === 'missed') await makeNode('later')
      if (change.kind === 'added' && change.node.name === 'later') {
        await client.patchNode('later', { unschedulable: true }, soon())
      }
      if (change.kind === 'modified') await client.deleteNode('later', soon())
      if (change.kind === 'deleted') over.abort()
    }
  })()
  await t.rejects(watching, { name: 'KubeFault', kind: 'stopped' })
  t.strictSame(
    changes.map((change) => ('node' in change ? `${change.kind} ${change.node.name}` : change.kind)),
    ['added missed', 'added later', 'modified later', 'deleted later'],
  )
})

t.test('a state that is forgotten is gone', async (t) => {
  const { target, forget } = await theKubeServer(t)
  const client = aClient(t, target)
  await forget()
  const watching = client.watchNodes('1', soon())
  t.match(await watching.next(), { value: { kind: 'open' } })
  await t.rejects(watching.next(), { name: 'KubeFault', kind: 'gone' })
})

t.test('who asks is known by a certificate or a token, and nobody else is', async (t) => {
  const { target } = await theKubeServer(t)
  t.match(await aClient(t, target).version(soon()), /^v1\./)
  const stranger = aClient(t, { ...target, credential: { kind: 'token', token: 'no-such-token' } })
  await t.rejects(stranger.listNodes(soon()), { name: 'KubeFault', kind: 'unauthorized' })
  t.match(await probeRights(stranger, soon()), { kind: 'unfit' })
  t.match(await probeRights(aClient(t, target), soon()), { kind: 'fit', version: /^v1\./ })
  t.equal(neededActions.length, 9)
})

t.test('a server of another authority is not asked anything', async (t) => {
  const { target, authorities } = await theKubeServer(t)
  const client = aClient(t, { ...target, ca: authorities.etcdCa })
  await t.rejects(client.version(soon()), { name: 'KubeFault', kind: 'stranger', message: /does not prove/ })
  const named = aClient(t, { ...target, ca, tlsServerName: 'other.example' })
  await t.rejects(named.version(soon()), { name: 'KubeFault', kind: 'stranger' })
})

t.test('what is stopped ends at once, and says so', async (t) => {
  const { target } = await theKubeServer(t)
  const client = aClient(t, target)
  await t.rejects(client.version(AbortSignal.abort()), { name: 'KubeFault', kind: 'stopped' })
  const { resourceVersion } = await client.listNodes(soon())
  const over = new AbortController()
  const watch = client.watchNodes(resourceVersion, over.signal)
  t.strictSame(await watch.next(), { done: false, value: { kind: 'open' } })
  const next = watch.next()
  over.abort()
  await t.rejects(next, { name: 'KubeFault', kind: 'stopped' })
})

t.test('where nobody answers is unreachable', async (t) => {
  const { target } = await theKubeServer(t)
  await using transport = kubeTransport({ ...target, server: 'https://127.0.0.1:1' }, 'test')
  await t.rejects(kubeClient(transport).version(soon()), {
    kind: 'unreachable',
    message: /nobody answers there/,
  })
})

const shop: KubeManifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }

function settings(data: Readonly<Record<string, string>>, more: object = {}): KubeManifest {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings', namespace: 'shop', ...more },
    data,
  }
}

t.test('a cluster takes the network for pods as the box brings it, and takes it once more', async (t) => {
  const { target } = await theKubeServer(t)
  const client = aClient(t, target)
  const template = readFileSync(new URL('../../cloud-init/kubernetes/flannel.yaml', import.meta.url), 'utf8')
  const objects = flannelObjects(template, '10.244.0.0/16')
  for (const object of [...objects, ...objects]) await t.resolves(client.apply(object, soon()), object.kind)
})

t.test('what is applied is made, and changed where it is there', async (t) => {
  const { server, target } = await aKubeServer(t)
  const client = aClient(t, target)
  await client.apply(shop, soon())
  await client.apply(settings({ a: '1' }), soon())
  const place = '/api/v1/namespaces/shop/configmaps'
  const made = server.applied.get(place)?.get('settings')
  t.match(made, { data: { a: '1' } })
  await client.apply(settings({ a: '2' }), soon())
  const after = server.applied.get(place)?.get('settings')
  t.match(after, { data: { a: '2' }, metadata: { uid: made?.metadata.uid } })
  const role: KubeManifest = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'flannel' },
  }
  await client.apply(role, soon())
  t.match(server.applied.get('/apis/rbac.authorization.k8s.io/v1/clusterroles')?.get('flannel'), role)
})

t.test('what cannot be applied is told by what the cluster says of it', async (t) => {
  const { server, target } = await aKubeServer(t)
  const client = aClient(t, target)
  await t.rejects(client.apply(settings({}), soon()), {
    name: 'KubeFault',
    kind: 'not-found',
    message: /answers 404: namespaces "shop" not found/,
  })
  await client.apply(shop, soon())
  await client.apply(settings({ a: '1' }), soon())
  await t.rejects(client.apply(settings({ a: '2' }, { resourceVersion: '1' }), soon()), {
    name: 'KubeFault',
    kind: 'conflict',
    message: /answers 409: .*has been modified/,
  })
  t.match(server.applied.get('/api/v1/namespaces/shop/configmaps')?.get('settings'), { data: { a: '1' } })
  const reader = aClient(t, { ...target, credential: { kind: 'token', token: 'reader-token' } })
  await t.rejects(reader.apply(shop, soon()), { name: 'KubeFault', kind: 'forbidden' })
  const pod: KubeManifest = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', namespace: 'shop' } }
  await t.rejects(client.apply(pod, soon()), { kind: 'malformed', message: /the kind Pod/ })
})

function aPod(
  name: string,
  node: string,
  more: { readonly metadata?: object; readonly phase?: string } = {},
) {
  const { metadata = {}, phase = 'Running' } = more
  return {
    metadata: { name, namespace: 'shop', ...metadata },
    spec: { nodeName: node },
    status: { phase },
  }
}

t.test('the pods of one node are read, all of them, with what each of them is', async (t) => {
  const { server, target } = await aKubeServer(t)
  const client = aClient(t, target)
  t.strictSame(await client.podsOn('node-1', soon()), [])
  const controlled = { ownerReferences: [{ kind: 'DaemonSet', controller: true }] }
  const mirror = { annotations: { 'kubernetes.io/config.mirror': '1' } }
  server.pods.create(aPod('web-0', 'node-1'))
  server.pods.create(aPod('job-1', 'node-1', { phase: 'Succeeded' }))
  server.pods.create(aPod('flannel-x', 'node-1', { metadata: controlled }))
  server.pods.create(aPod('etcd-node-1', 'node-1', { metadata: mirror }))
  server.pods.create(aPod('last-0', 'node-1', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }))
  server.pods.create(aPod('other-0', 'node-2'))
  const pods = new Map((await client.podsOn('node-1', soon())).map((pod) => [pod.name, pod]))
  t.strictSame([...pods.keys()].toSorted(), ['etcd-node-1', 'flannel-x', 'job-1', 'last-0', 'web-0'])
  const plain = { isEnding: false, hasEnded: false, isOfDaemonSet: false, isMirror: false }
  t.match(pods.get('web-0'), { namespace: 'shop', ...plain, uid: /^[0-9a-f-]{36}$/ })
  t.match(pods.get('job-1'), { ...plain, hasEnded: true })
  t.match(pods.get('flannel-x'), { ...plain, isOfDaemonSet: true })
  t.match(pods.get('etcd-node-1'), { ...plain, isMirror: true })
  t.match(pods.get('last-0'), { ...plain, isEnding: true })
  for (let number = 0; number < 600; number++) server.pods.create(aPod(`many-${number}`, 'node-3'))
  const many = await client.podsOn('node-3', soon())
  t.equal(new Set(many.map(({ name }) => name)).size, 600, 'more than two pages')
  const reader = aClient(t, { ...target, credential: { kind: 'token', token: 'reader-token' } })
  await t.rejects(reader.podsOn('node-1', soon()), { name: 'KubeFault', kind: 'forbidden' })
})

t.test('a list that is none of pods is not taken for one', async (t) => {
  const { server, target } = await aKubeServer(t)
  server.pods.create({ metadata: { name: 'x' }, spec: { nodeName: 'node-1' } } as never)
  await t.rejects(aClient(t, target).podsOn('node-1', soon()), { name: 'KubeFault', kind: 'malformed' })
})

t.test('a list without end is broken off', async (t) => {
  let pages = 0
  const client = kubeClient({
    async send() {
      const item = { metadata: { name: 'one', namespace: 'shop', resourceVersion: '1' } }
      const items = Array.from({ length: 1_000 }, () => item)
      if (++pages > 100) throw new Error('it is asked on and on')
      const text = JSON.stringify({ metadata: { resourceVersion: '1', continue: 'more' }, items })
      async function* body() {
        yield Buffer.from(text)
      }
      return await Promise.resolve({ status: 200, retryAfter: undefined, body: body(), close: () => {} })
    },
    [Symbol.asyncDispose]: async () => {},
  })
  await t.rejects(client.listNodes(soon()), { name: 'KubeFault', kind: 'malformed' })
  pages = 0
  await t.rejects(client.podsOn('one', soon()), { name: 'KubeFault', kind: 'malformed' })
})

t.test('a pod is evicted, unless a budget holds it, and one that has gone is not there', async (t) => {
  const held = new Set(['web-0'])
  const budget = ({ metadata }: { readonly metadata: { readonly name: string } }) =>
    held.has(metadata.name) ? 'web' : undefined
  const { server, target } = await aKubeServer(t, { budget })
  const client = aClient(t, target)
  server.pods.create(aPod('web-0', 'node-1'))
  server.pods.create(aPod('web-1', 'node-1'))
  const names = async () => (await client.podsOn('node-1', soon())).map(({ name }) => name)
  const pod = (name: string) => ({ namespace: 'shop', name })
  await client.evict(pod('web-1'), soon())
  t.strictSame(await names(), ['web-0'])
  await t.rejects(client.evict(pod('web-0'), soon()), {
    name: 'KubeFault',
    kind: 'busy',
    message: /answers 429: .*disruption budget web needs 1 healthy pods/,
  })
  t.strictSame(await names(), ['web-0'], 'it is left')
  await t.rejects(client.evict(pod('web-1'), soon()), { kind: 'not-found', message: /"web-1" not found/ })
  const reader = aClient(t, { ...target, credential: { kind: 'token', token: 'reader-token' } })
  await t.rejects(reader.evict(pod('web-0'), soon()), { name: 'KubeFault', kind: 'forbidden' })
  held.clear()
  await client.evict(pod('web-0'), soon())
  t.strictSame(await names(), [])
})
