import t from 'tap'
import { meantMachine } from '../../server/appliance/meant-machine.ts'
import { aMachine } from '../store/records.ts'

t.test('a slip of the finger is told from a machine that is not there', async (t) => {
  const machines = [
    aMachine({ id: 'p1sk5q60', hostname: 'storage-1', claim: 'QKX-HGR' }),
    aMachine({ id: 'xz4m15eg', hostname: undefined }),
  ]
  t.equal(meantMachine(machines, 'storaeg-1'), 'storage-1')
  t.equal(meantMachine(machines, 'xz4m15ge'), 'xz4m15eg')
  t.equal(meantMachine(machines, 'qkx-hgk'), 'QKX-HGR')
  t.equal(meantMachine(machines, 'nobody'), undefined)
  t.equal(meantMachine([], 'storage-1'), undefined)
  const many = Array.from({ length: 1001 }, (_, index) => aMachine({ id: `machine${index}` }))
  t.equal(meantMachine(many, 'machine1001'), undefined, 'so many are not compared')
})
