import t from 'tap'
import { macNumber } from '../networks/a-network.ts'
import { mac, OneMachine } from './one-machine.ts'

t.test(
  'a flood of made-up cards leaves the store as large as the settings say, and the known machines in it',
  async (t) => {
    const box = await OneMachine.open(t, {
      approve: { kind: 'these', macs: new Set() },
      sightings: { keep: 50 },
    })
    await box.boots()
    await box.api.approve(box.machine, { hostname: 'node-1' })
    const { id } = box.machine
    await box.asksForScript(macNumber(2))
    const shown = box.roster.byMac(macNumber(2))!
    for (let number = 1_000; number < 3_000; number++) {
      box.sends('discover-uefi-pxe', macNumber(number))
      box.now += 10
      // What comes while a commit is under way is written with the next.
      if (number % 100 === 0) await box.settled()
    }
    await box.settled()
    const stored = await box.store.machines.all()
    t.equal(stored.length, 51)
    t.equal((await box.store.attempts.latest()).length, 51)
    t.same(new Set(stored.map((one) => one.id)), new Set(box.roster.all().map((one) => one.id)))
    t.ok(box.count('sightings-swept') >= 1)
    t.equal(box.roster.byMac(macNumber(2))?.claim, shown.claim, 'who showed its code has it still')
    await box.restart()
    t.equal(box.roster.all().length, 51)
    t.equal(box.roster.byMac(mac)?.id, id)
    t.equal(await box.boots(), 'run-image')
  },
)
