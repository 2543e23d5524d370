import t from 'tap'
import { readTemplates } from '../../server/appliance/boot-material.ts'
import { grubDesk } from '../../server/appliance/grub-desk.ts'
import type { Sighting } from '../../server/machines/identity.ts'
import type { Outcome } from '../../server/http/outcome.ts'
import { ip, macNumber } from '../networks/a-network.ts'

const arrival = { from: '10.0.0.10', to: '10.0.0.1' }
const one = 'grub/grub.cfg-01-52-54-00-00-00-01'

function aGrubDesk() {
  const asked: Sighting[] = []
  const clock = { now: 1_000 }
  const desk = grubDesk({
    grubTemplates: readTemplates('grub'),
    holderOf: (address) => (address === ip('10.0.0.10') ? macNumber(7) : undefined),
    now: () => clock.now,
    scriptFor: async (_arrival, sighting) => {
      asked.push(sighting)
      return await Promise.resolve<Outcome>({
        kind: 'text',
        type: 'text/plain',
        text: `script ${asked.length}`,
      })
    },
  })
  return { desk, asked, clock }
}

t.test('grub.cfg is the same for every machine and asks for its own', async (t) => {
  const { desk, asked } = aGrubDesk()
  const outcome = await desk.configFor(arrival, 'grub/x86_64-efi/grub.cfg')
  t.match(outcome, { kind: 'text', text: /source \$prefix\/grub\.cfg-01-\$net_default_mac/ })
  t.equal(asked.length, 0, 'no boot begins by it')
})

t.test('a machine is known by the card in the name, and else by its lease', async (t) => {
  const { desk, asked } = aGrubDesk()
  await desk.configFor(arrival, one)
  await desk.configFor(arrival, 'grub.cfg-01-')
  t.strictSame(asked, [
    { mac: macNumber(1), firmware: 'uefi' },
    { mac: macNumber(7), firmware: 'uefi' },
  ])
  const stranger = await desk.configFor({ ...arrival, from: '10.0.0.99' }, 'grub.cfg-01-')
  t.match(stranger, { kind: 'refused', status: 404, because: /no lease/ })
  const group = await desk.configFor(arrival, 'grub.cfg-01-ff-ff-ff-ff-ff-ff')
  t.match(group, { kind: 'refused' })
  t.equal(asked.length, 2)
})

t.test('to look whether the file is there and to read it is one question; later it is another', async (t) => {
  const { desk, asked, clock } = aGrubDesk()
  const [first, second] = await Promise.all([desk.configFor(arrival, one), desk.configFor(arrival, one)])
  t.strictSame(first, second)
  clock.now += 2_999
  await desk.configFor(arrival, one)
  t.equal(asked.length, 1)
  clock.now += 1
  t.match(await desk.configFor(arrival, one), { text: 'script 2' })
  clock.now -= 10_000
  t.match(
    await desk.configFor(arrival, one),
    { text: 'script 3' },
    'a clock that was set back keeps nothing alive',
  )
})

t.test('another file is none of its own', async (t) => {
  const { desk } = aGrubDesk()
  t.equal(await desk.configFor(arrival, 'grub.cfg-0A000001'), undefined)
})
