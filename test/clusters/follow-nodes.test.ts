import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { followNodes, type NodeWord } from '../../server/clusters/follow-nodes.ts'
import type { KubeClient } from '../../server/clusters/kube-client.ts'
import { KubeFault } from '../../server/clusters/kube-fault.ts'
import type { KubeTarget } from '../../server/clusters/read-kubeconfig.ts'
import { until } from '../http/over-loopback.ts'
import { ownAddress } from '../own-address.ts'
import { aClient, aKubeServer, aNode } from './a-kube-server.ts'

/** Follows a cluster until the test is over. Waits end at once, and are remembered. */
function following(t: Test, target: KubeTarget, chance = 1) {
  const words: NodeWord[] = []
  const waits: number[] = []
  const over = new AbortController()
  /** The nodes as one who heard all words knows them. */
  const known = new Map<string, string>()
  /** The last state of which a bookmark told, once it was taken note of. */
  let bookmark = ''
  const client = aClient(t, target)
  const noted: Pick<KubeClient, 'listNodes' | 'watchNodes'> = {
    listNodes: client.listNodes,
    async *watchNodes(resourceVersion, signal) {
      for await (const change of client.watchNodes(resourceVersion, signal)) {
        yield change
        if (change.kind === 'bookmark') bookmark = change.resourceVersion
      }
    },
  }
  const wait = async (ms: number): Promise<void> => {
    waits.push(ms)
    await turn()
  }
  const done = (async () => {
    for await (const word of followNodes(
      { ...client, ...noted },
      { wait, chance: () => chance },
      over.signal,
    )) {
      words.push(word)
      if (word.kind === 'all') known.clear()
      for (const node of word.kind === 'all' ? word.nodes : word.kind === 'changed' ? [word.node] : []) {
        known.set(node.name, node.resourceVersion)
      }
      if (word.kind === 'gone') known.delete(word.node.name)
    }
  })()
  t.teardown(async () => {
    over.abort()
    await done
  })
  const kinds = (): readonly string[] => words.map(({ kind }) => kind)
  return { words, waits, known, kinds, bookmark: () => bookmark }
}

t.test('first all nodes are told, then each change', async (t) => {
  const { server, target } = await aKubeServer(t)
  server.nodes.create(aNode('one'))
  const { words, kinds } = following(t, target)
  await until(() => server.asked.some((asked) => asked.includes('watch=1')))
  server.nodes.create(aNode('two'))
  server.nodes.merge('two', { spec: { unschedulable: true } })
  server.nodes.delete('one')
  await until(() => words.length === 4)
  t.strictSame(kinds(), ['all', 'changed', 'changed', 'gone'])
  t.match(words, [
    { nodes: [{ name: 'one' }] },
    { node: { name: 'two' } },
    { node: { unschedulable: true } },
    { node: { name: 'one' } },
  ])
})

t.test('a connection that breaks is taken up where it stood, and nothing is told of it', async (t) => {
  const { server, target } = await aKubeServer(t)
  const { kinds, known } = following(t, target)
  await until(() => server.asked.some((asked) => asked.includes('watch=1')))
  server.nodes.create(aNode('one'))
  await until(() => known.has('one'))
  server.breakConnections()
  server.nodes.create(aNode('two'))
  await until(() => known.has('two'))
  t.strictSame(kinds(), ['all', 'changed', 'changed'])
  t.equal(server.asked.filter((asked) => asked.includes('limit=')).length, 1, 'the list is read once')
})

t.test('where the state is forgotten all is read anew, and what was deleted meanwhile is gone', async (t) => {
  const { server, target } = await aKubeServer(t)
  server.nodes.create(aNode('one'))
  const { kinds, known } = following(t, target)
  await until(() => server.asked.some((asked) => asked.includes('watch=1')))
  server.nodes.delete('one')
  server.nodes.create(aNode('two'))
  server.nodes.compact()
  server.breakConnections()
  await until(() => known.has('two') && !known.has('one'))
  const last = server.nodes.get('two').metadata.resourceVersion
  await until(() => known.get('two') === last)
  t.notOk(kinds().includes('silent'))
})

t.test('a server that forgets every state at once is not asked without a pause', async (t) => {
  let asked = 0
  const client = {
    ...aClient(t, (await aKubeServer(t)).target),
    listNodes: async () => await Promise.resolve({ nodes: [], resourceVersion: String(asked++) }),
    async *watchNodes() {
      yield* []
      throw new KubeFault('gone', 'too old')
    },
  }
  const over = new AbortController()
  let waits = 0
  const wait = async (): Promise<void> => {
    if (++waits === 3) over.abort()
    await turn()
  }
  for await (const word of followNodes(client, { wait, chance: () => 1 }, over.signal)) {
    t.equal(word.kind, 'all')
    if (asked > 10) break
  }
  t.equal(asked, 3, 'each time after a pause')
})

t.test('a bookmark carries the stream over a state that is forgotten', async (t) => {
  const { server, target } = await aKubeServer(t, { bookmarkMs: 5 })
  const { known, bookmark } = following(t, target)
  await until(() => server.asked.some((asked) => asked.includes('watch=1')))
  const { metadata } = server.secrets.create(aNode('only-moves-the-version'))
  const { length } = server.asked
  await until(() => bookmark() === metadata.resourceVersion)
  server.nodes.compact()
  server.breakConnections()
  await until(() => server.asked.length > length)
  server.nodes.create(aNode('later'))
  await until(() => known.has('later'))
  t.equal(server.asked.filter((asked) => asked.includes('limit=')).length, 1, 'the list is read once')
})

t.test('an outage is told once, with growing pauses, and its end', async (t) => {
  const host = ownAddress
  const first = await aKubeServer(t, { host })
  const { port } = first.server
  const { kinds, waits, words, known } = following(t, first.target)
  await until(() => kinds().length === 1)
  await first.server[Symbol.asyncDispose]()
  await until(() => waits.length >= 9)
  t.strictSame(kinds(), ['all', 'silent'])
  t.match(words[1], { because: /nobody answers there|the connection broke/ })
  t.strictSame(waits.slice(0, 9), [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
  const { server } = await aKubeServer(t, { host }, port)
  server.nodes.create(aNode('one'))
  await until(() => known.has('one'))
  t.strictSame(kinds().slice(0, 3), ['all', 'silent', 'heard-again'])
})

t.test('boxes come back spread over half of the pause', async (t) => {
  const { server, target } = await aKubeServer(t)
  await server[Symbol.asyncDispose]()
  const { waits } = following(t, target, 0)
  await until(() => waits.length >= 3)
  t.strictSame(waits.slice(0, 3), [500, 1_000, 2_000])
})

t.test('a line without end is broken off, and all is read anew', async (t) => {
  const { server, target } = await aKubeServer(t)
  const { known, kinds } = following(t, target)
  const watched = () => server.asked.filter((asked) => asked.includes('watch=1')).length
  await until(() => watched() === 1)
  server.nodes.create(aNode('before'))
  await until(() => known.has('before'))
  server.writeToWatches('x'.repeat(5 * 1024 * 1024))
  await until(() => watched() === 2)
  server.nodes.create(aNode('after'))
  await until(() => known.has('after'))
  t.strictSame(kinds().filter((kind) => kind === 'all').length, 2)
})

t.test('what is not Kubernetes, and what may not be asked, is told as it is', async (t) => {
  const { server, target } = await aKubeServer(t)
  const { words } = following(t, { ...target, credential: { kind: 'token', token: 'reader-token' } })
  await until(() => words.length === 1)
  t.match(words, [{ kind: 'silent', because: /403: nodes is forbidden: User "reader"/ }])
  t.ok(server.asked.length >= 2)
})

t.test('through breaks and forgetting at any time, what is known is in the end what is', async (t) => {
  const { server, target } = await aKubeServer(t, { historyLength: 20, bookmarkMs: 3 })
  const { known } = following(t, target)
  let seed = 7
  const next = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below
  for (let step = 0; step < 600; step++) {
    const name = `node-${next(12)}`
    const isThere = server.nodes.all().some(({ metadata }) => metadata.name === name)
    if (!isThere) server.nodes.create(aNode(name))
    else if (next(3) === 0) server.nodes.delete(name)
    else server.nodes.merge(name, { metadata: { labels: { step: String(step) } } })
    if (next(25) === 0) server.breakConnections()
    if (next(40) === 0) server.nodes.compact()
    if (next(3) === 0) await turn()
  }
  const truth = () => server.nodes.all().map(({ metadata }) => [metadata.name, metadata.resourceVersion])
  const heard = () => [...known].toSorted(([a], [b]) => (a < b ? -1 : 1))
  await until(() => JSON.stringify(heard()) === JSON.stringify(truth()))
  t.strictSame(heard(), truth())
})
