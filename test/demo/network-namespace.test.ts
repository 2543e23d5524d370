import t from 'tap'
import { namespaceName, openNetworkNamespace, ownerOf } from '../../server/demo/network-namespace.ts'

t.test('a namespace tells which process made it', async (t) => {
  t.equal(ownerOf(namespaceName({ pid: 4711, count: 2 })), 4711)
})

t.test('namespaces of one process never share a name', async (t) => {
  t.not(namespaceName({ pid: 4711, count: 1 }), namespaceName({ pid: 4711, count: 2 }))
})

t.test('a namespace that somebody else made is nobody of ours', async (t) => {
  for (const name of [
    '',
    'cni-1234',
    'ironwake',
    'ironwake-x-1',
    'ironwake-12',
    'my-ironwake-12-1',
    'ironwake-12-1-2',
  ]) {
    t.equal(ownerOf(name), undefined, name)
  }
})

t.test('a network name that the kernel would refuse is refused before anything is made', async (t) => {
  for (const name of ['', 'Lab', 'a b', '1lab', 'a-name-of-sixteen']) {
    await t.rejects(openNetworkNamespace([{ name, addresses: [] }]), /cannot be called/, name)
  }
})
