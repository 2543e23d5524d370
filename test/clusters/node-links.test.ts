import t from 'tap'
import { makeToken, tokenSecret, tokenText } from '../../server/clusters/bootstrap-token.ts'
import { kubeNode, type KubeNode } from '../../server/clusters/kube-node.ts'
import { marksFor } from '../../server/clusters/node-marks.ts'
import { isNodeOf, ownerOf, providerIdOf } from '../../server/clusters/node-owner.ts'
import { byteSwapped, parseUuid } from '../../server/wire/uuid.ts'

const uuid = parseUuid('4c4c4544-0042-3510-8058-b4c04f4d3232')!

function aNode(changes: {
  readonly providerID?: string
  readonly systemUUID?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[]
}): KubeNode {
  const { providerID, systemUUID, labels, taints } = changes
  const node = kubeNode({
    metadata: { name: 'node-1', resourceVersion: '7', labels },
    spec: { providerID, taints },
    status: { nodeInfo: { systemUUID } },
  })
  if (node === undefined) throw new Error('no node')
  return node
}

t.test('a Node belongs to the machine of its providerID, whatever its board says', (t) => {
  const node = aNode({ providerID: providerIdOf('m0000001'), systemUUID: uuid })
  t.ok(isNodeOf(node, { id: 'm0000001', uuid: undefined }))
  t.notOk(isNodeOf(node, { id: 'm0000002', uuid }))
  t.end()
})

t.test(
  'without a providerID its board says whose it is, in either order of the bytes and in capitals',
  (t) => {
    for (const systemUUID of [uuid, byteSwapped(uuid), uuid.toUpperCase()]) {
      t.ok(isNodeOf(aNode({ systemUUID }), { id: 'm', uuid }), systemUUID)
    }
    t.notOk(isNodeOf(aNode({ systemUUID: uuid }), { id: 'm', uuid: undefined }))
    t.end()
  },
)

t.test('a Node of another provider, or of a board without a UUID of its own, is nobody’s', (t) => {
  t.strictSame(ownerOf(aNode({ providerID: 'aws:///eu-1/i-1', systemUUID: uuid })), { kind: 'unknown' })
  t.strictSame(ownerOf(aNode({ systemUUID: '03000200-0400-0500-0006-000700080009' })), { kind: 'unknown' })
  t.strictSame(ownerOf(aNode({})), { kind: 'unknown' })
  t.end()
})

t.test('a Node is given what it lacks of its labels, taints and zone, and keeps what others gave it', (t) => {
  const wish = {
    cluster: 'lab',
    role: 'worker',
    labels: { rack: 'r1' },
    taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }],
    zone: 'a',
  } as const
  const theirs = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }
  t.strictSame(marksFor(aNode({ labels: { team: 'x' }, taints: [theirs] }), wish), {
    kind: 'patch',
    patch: {
      labels: { rack: 'r1', 'topology.kubernetes.io/zone': 'a' },
      taints: [theirs, { key: 'gpu', value: 'yes', effect: 'NoSchedule' }],
      resourceVersion: '7',
    },
    words: 'the label rack=r1, the label topology.kubernetes.io/zone=a, the taint gpu=yes:NoSchedule',
  })
  const labels = { rack: 'r1', 'topology.kubernetes.io/zone': 'a' }
  t.strictSame(marksFor(aNode({ labels, taints: wish.taints }), wish), { kind: 'as-wished' })
  t.end()
})

t.test('a token has the form that kubeadm wants, and its Secret that of the token cleaner', (t) => {
  const token = makeToken((count) => crypto.getRandomValues(new Uint8Array(count)))
  t.match(tokenText(token), /^[a-z0-9]{6}\.[a-z0-9]{16}$/)
  const secret = tokenSecret(token, {
    node: 'node-1',
    machine: 'm1',
    until: Date.UTC(2026, 10, 24, 21, 0, 0, 5),
  })
  t.match(secret, {
    namespace: 'kube-system',
    name: `bootstrap-token-${token.id}`,
    type: 'bootstrap.kubernetes.io/token',
    labels: { 'ironwake/machine': 'm1' },
    texts: {
      expiration: '2026-11-24T21:00:00Z',
      'usage-bootstrap-authentication': 'true',
      'usage-bootstrap-signing': 'true',
      'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
      description: /node-1/,
    },
  })
  t.end()
})

t.test('no character of a token is likelier than another', (t) => {
  // 252 = 7 × 36: bytes above would make the first four letters likelier.
  let next = 0
  const every = (count: number) => Uint8Array.from({ length: count }, () => next++ % 256)
  const counts = new Map<string, number>()
  for (let i = 0; i < 252 * 11; i++) {
    for (const letter of tokenText(makeToken(every)).replace('.', ''))
      counts.set(letter, (counts.get(letter) ?? 0) + 1)
  }
  t.equal(counts.size, 36)
  t.ok(Math.max(...counts.values()) - Math.min(...counts.values()) < 600, JSON.stringify([...counts]))
  t.end()
})
