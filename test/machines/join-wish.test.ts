import t from 'tap'
import { joinWishOf } from '../../server/machines/join-wish.ts'

t.test('where nobody names a cluster, a machine is for none', async (t) => {
  t.equal(joinWishOf(), undefined)
  t.equal(joinWishOf(undefined, { role: 'control-plane', labels: { rack: 'r1' } }), undefined)
})

t.test('who speaks first counts, word by word', async (t) => {
  const settings = { cluster: 'lab', labels: { rack: 'r1' }, zone: 'hall-1' }
  t.strictSame(joinWishOf({ zone: 'hall-2', taints: [] }, settings), {
    cluster: 'lab',
    role: 'worker',
    labels: { rack: 'r1' },
    taints: [],
    zone: 'hall-2',
  })
})

t.test('a role is one in the cluster that it was said of, or of any', async (t) => {
  const lab = { cluster: 'lab', role: 'control-plane' as const }
  t.match(joinWishOf({ zone: 'a' }, lab), { cluster: 'lab', role: 'control-plane' })
  t.match(joinWishOf({ cluster: 'prod' }, lab), { cluster: 'prod', role: 'worker' })
  t.match(joinWishOf({ cluster: 'lab' }, lab), { cluster: 'lab', role: 'control-plane' })
  t.match(joinWishOf({ cluster: 'lab' }, { role: 'control-plane' }), { role: 'control-plane' })
})
