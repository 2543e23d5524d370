import * as fc from 'fast-check'
import t from 'tap'
import { longestNodeFacts, parseNodeFacts } from '../../server/machines/parse-node-facts.ts'
import { nodeFactsText } from './node-facts.ts'

t.test('what a node tells of itself is read, and words that are not known are passed over', (t) => {
  const parsed = parseNodeFacts(nodeFactsText({ containerd: '2.2.0~ds1-1', 'of-tomorrow': 'more' }))
  t.strictSame(parsed, {
    kind: 'facts',
    facts: {
      time: 1_800_000_000_000,
      cgroup: 'v2',
      swap: 'off',
      containerd: '2.2.0',
      kubeadm: '1.36.5',
      modules: ['overlay', 'br_netfilter'],
      memoryBytes: 4_000_000_000,
      diskFreeBytes: 20_000_000_000,
      uuid: '4c4c4544-0042-3510-8058-b4c04f4d3232',
      address: '10.20.0.31',
      leftovers: 'none',
    },
  })
  t.end()
})

t.test('a word that is missing, said twice or not of its form is named', (t) => {
  for (const word of ['time', 'cgroup', 'swap', 'memory', 'disk-free', 'leftovers']) {
    t.match(parseNodeFacts(nodeFactsText({ [word]: undefined })), {
      kind: 'refused',
      because: new RegExp(word),
    })
    t.match(parseNodeFacts(nodeFactsText({ [word]: 'x' })), { kind: 'refused', because: new RegExp(word) })
  }
  t.match(parseNodeFacts(`${nodeFactsText()}swap on\n`), { because: 'swap is said twice' })
  t.match(parseNodeFacts('hello\n'), { because: /first line/ })
  t.match(parseNodeFacts(`${nodeFactsText()}\u001b[2J\n`), { because: /is not a word/ })
  t.match(parseNodeFacts('x'.repeat(longestNodeFacts + 1)), { kind: 'refused' })
  t.end()
})

t.test('what may be missing is absent, also where it is nonsense', (t) => {
  const facts = { containerd: 'none', kubeadm: '1.36', uuid: 'to be filled', address: '10.0.0.256' }
  t.match(parseNodeFacts(nodeFactsText(facts)), {
    facts: { containerd: undefined, kubeadm: undefined, uuid: undefined, address: undefined },
  })
  t.end()
})

t.test('no text makes it fail', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => void parseNodeFacts(`ironwake-node 1\n${text}`)),
  )
  t.end()
})
