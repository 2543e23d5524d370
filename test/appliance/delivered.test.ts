import t from 'tap'
import { delivered } from '../../server/appliance/delivered.ts'
import { Logbook } from '../../server/appliance/logbook.ts'
import type { Delivery } from '../../server/http/delivery-app.ts'
import { Roster } from '../../server/machines/roster.ts'
import { ip, macNumber } from '../networks/a-network.ts'
import { countingChance, seeing } from '../machines/sightings.ts'
import { FixedShelf } from './shelves.ts'

const address = ip('10.0.0.10')
const kernel: Delivery = {
  file: 'debian/vmlinuz',
  from: address,
  to: '10.0.0.1',
  status: 200,
  byteCount: 9,
  tookMs: 3,
  complete: true,
}

function aBox() {
  const roster = new Roster()
  seeing(roster, countingChance())(1, 'script', 0)
  const shelf = new FixedShelf()
  const machine = roster.byMac(macNumber(1))!.id
  const logbook = new Logbook(
    shelf,
    ({ address }) => (address === undefined ? {} : { machine }),
    () => 7,
  )
  const holderOf = (asked: string) => (asked === address ? macNumber(1) : undefined)
  const deliver = async (changes: Partial<Delivery>) => {
    delivered({ roster, logbook, holderOf, now: () => 7 }, { ...kernel, ...changes })
    await logbook.settle()
    return shelf.commits.at(-1)
  }
  return { roster, deliver, stage: () => roster.latestAttempt(machine)?.stage }
}

t.test('a kernel carries the boot of its machine on, and a squashfs shows that a system runs', async (t) => {
  const { deliver, stage } = aBox()
  t.match(await deliver({}), {
    attempts: [{ stage: 'kernel', lastSeenAt: 7 }],
    events: [
      {
        event: {
          kind: 'file-served',
          address,
          file: 'debian/vmlinuz',
          byteCount: 9,
          tookMs: 3,
          complete: true,
        },
      },
    ],
  })
  await deliver({ file: 'debian/initrd' })
  t.equal(stage(), 'kernel')
  await deliver({ file: 'debian/squashfs' })
  t.equal(stage(), 'system')
  await deliver({ file: 'debian/vmlinuz' })
  t.equal(stage(), 'system', 'a boot never goes back')
})

t.test('a delivery that broke off is told as that', async (t) => {
  const { deliver } = aBox()
  t.match(await deliver({ complete: false }), {
    events: [{ event: { kind: 'file-served', complete: false } }],
  })
})

t.test('a refusal is told with its reason, and carries no boot on', async (t) => {
  const { deliver, stage } = aBox()
  t.match(await deliver({ status: 404, because: 'no such image or file' }), {
    events: [
      {
        event: {
          kind: 'request-refused',
          path: 'debian/vmlinuz',
          status: 404,
          because: 'no such image or file',
        },
      },
    ],
  })
  t.equal(stage(), 'script')
})

t.test('a stranger\u2019s download is told, and is nobody\u2019s boot', async (t) => {
  const { deliver, stage } = aBox()
  for (const from of ['10.0.0.77', '', '::1']) {
    t.match(await deliver({ from }), { attempts: [], events: [{ event: { kind: 'file-served' } }] }, from)
  }
  t.equal(stage(), 'script')
})
