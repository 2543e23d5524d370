import t from 'tap'
import { kubeClient, type NodeChange } from '../../server/clusters/kube-client.ts'
import { neededActions, probeRights } from '../../server/clusters/probe-rights.ts'
import { kubeTransport } from '../../server/listen/kube-transport.ts'
import { aClient, soon, theKubeServer } from './a-kube-server.ts'
import { ca } from './a-kubeconfig.ts'

// Everything in this file is asked of a real kube-apiserver too, where KUBE_BIN_DIR names one (docs/testing-with-kubernetes.md).

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
