import t from 'tap'
import { openNetworkNamespace } from '../../server/demo/network-namespace.ts'
import { needs } from './needs.ts'

t.test(
  'the box keeps its addresses whoever is plugged in, so that neighbours still find it',
  needs(),
  async (t) => {
    const networks = ['lab', 'other'].map((name) => ({ name, addresses: [] }))
    await using box = await openNetworkNamespace(networks)
    const address = async (name: string) => (await box.run(['cat', `/sys/class/net/${name}/address`])).stdout
    await box.addNeighbour('lab')
    await box.addTap('other')
    const before = [await address('lab'), await address('other')]
    t.equal(new Set(before).size, 2, 'each network shows another one')
    for (let i = 0; i < 4; i++) {
      await box.addNeighbour('lab', { mac: `00:16:3e:00:00:0${i}` })
      await box.addTap('lab')
    }
    t.strictSame([await address('lab'), await address('other')], before)
  },
)
