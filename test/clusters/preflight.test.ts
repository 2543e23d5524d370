import t from 'tap'
import { minorOf } from '../../server/clusters/kubernetes-versions.ts'
import { whyUnfit } from '../../server/clusters/preflight.ts'
import type { NodeFacts } from '../../server/machines/node-facts.ts'
import { parseNodeFacts } from '../../server/machines/parse-node-facts.ts'
import { nodeFactsText } from '../machines/node-facts.ts'

const now = 1_800_000_000_000
const k136 = { version: '1.36.5', minor: minorOf('1.36.5') }

function facts(changes: Readonly<Record<string, string>> = {}): NodeFacts {
  const parsed = parseNodeFacts(nodeFactsText(changes))
  if (parsed.kind === 'refused') throw new Error(parsed.because)
  return parsed.facts
}

const unfit: readonly (readonly [Readonly<Record<string, string>>, string, RegExp])[] = [
  [{ time: '1799913600' }, 'clock-off', /1 day behind/],
  [{ time: '1800000061' }, 'clock-off', /1 minute ahead/],
  [{ cgroup: 'v1' }, 'old-cgroups', /1\.36\.5/],
  [{ swap: 'on' }, 'swap-on', /swap/],
  [{ modules: 'overlay' }, 'modules-missing', /br_netfilter/],
  [{ containerd: 'none' }, 'containerd-unfit', /does not answer/],
  [{ containerd: '2.1.9' }, 'containerd-unfit', /2\.1\.9.*2\.2\.0, or 2\.3\.0/],
  [{ containerd: '1.7.28' }, 'containerd-unfit', /1\.7\.28/],
  [{ kubeadm: '1.36.4' }, 'kubeadm-unfit', /1\.36\.4.*1\.36\.5/],
  [{ kubeadm: 'none' }, 'kubeadm-unfit', /no kubeadm/],
  [{ memory: '600000000' }, 'too-small', /memory, and a worker needs 700/],
  [{ 'disk-free': '1000000' }, 'too-small', /room on its disk/],
  [{ address: 'none' }, 'no-address', /address/],
]

for (const [changes, refusal, because] of unfit) {
  t.test(`a system with ${JSON.stringify(changes)} is unfit: ${refusal}`, (t) => {
    t.match(whyUnfit(facts(changes), 'worker', k136, now), { refusal, because })
    t.end()
  })
}

t.test('a system that has all that is asked for fits, with a clock up to a minute off', (t) => {
  for (const changes of [
    {},
    { time: '1800000060' },
    { time: '1799999940' },
    { containerd: '2.3.0' },
    { containerd: '3.0.0' },
  ]) {
    t.equal(whyUnfit(facts(changes), 'worker', k136, now), undefined, JSON.stringify(changes))
  }
  t.end()
})

t.test('a control plane needs more memory than a worker', (t) => {
  t.equal(whyUnfit(facts({ memory: '1000000000' }), 'worker', k136, now), undefined)
  t.match(whyUnfit(facts({ memory: '1000000000' }), 'control-plane', k136, now), { refusal: 'too-small' })
  t.end()
})

t.test('Kubernetes 1.34 takes the old cgroups, and a cluster of an unknown version any kubeadm', (t) => {
  const k134 = { version: '1.34.1', minor: minorOf('1.34.1') }
  t.equal(whyUnfit(facts({ cgroup: 'v1', kubeadm: '1.34.1' }), 'worker', k134, now), undefined)
  t.equal(whyUnfit(facts({ kubeadm: '1.33.0', containerd: '1.7.28' }), 'worker', undefined, now), undefined)
  t.end()
})
