import type { Test } from 'tap'
import { enrolmentDesk } from '../../server/appliance/enrolment-desk.ts'
import { Logbook } from '../../server/appliance/logbook.ts'
import { whoseEvent } from '../../server/appliance/whose-event.ts'
import type { ApplianceEvent } from '../../server/events/event.ts'
import { machineDoor } from '../../server/http/machine-door.ts'
import { nodeRoutes, type NodeRoute } from '../../server/http/node-routes.ts'
import { Roster } from '../../server/machines/roster.ts'
import { openStore } from '../../server/store/open-store.ts'
import { testFolder } from '../folder.ts'
import { countingChance } from '../machines/sightings.ts'
import { macNumber } from '../networks/a-network.ts'
import { anHttpsApi } from './an-https-api.ts'

/** The machines' side of the API over HTTPS on loopback, over a store on disk, with machines that may enrol. */
export async function aNodeApi(
  t: Test,
  {
    routes = {},
    mayFailAgain = () => true,
  }: {
    readonly routes?: Readonly<Record<string, NodeRoute>>
    readonly mayFailAgain?: (address: string) => boolean
  } = {},
) {
  const path = `${testFolder(t)}/ironwake.db`
  const store = await openStore(path)
  t.teardown(async () => await store[Symbol.asyncDispose]())
  const clock = { now: Date.now() }
  const now = () => clock.now
  const roster = new Roster()
  const chance = countingChance()
  const logbook = new Logbook(
    store,
    whoseEvent(roster, () => undefined, now),
    now,
  )
  t.teardown(async () => await logbook.settle())
  const happened: ApplianceEvent[] = []
  logbook.subscribe(({ event }) => void happened.push(event))
  const parts = { roster, logbook, now, chance, mayFailAgain, tooWeak: () => undefined }
  const tell = (event: ApplianceEvent): void => logbook.note(event)
  const desk = enrolmentDesk(parts, [])
  const door = machineDoor({ check: desk.check, tell, mayFailAgain })
  const api = await anHttpsApi(t, {}, undefined, nodeRoutes({ desk, door, tell, routes }))

  return {
    ...api,
    store,
    roster,
    desk,
    clock,
    happened,
    logbook,
    /** The desk as it is after a start of the box. */
    restarted: async () => enrolmentDesk(parts, await store.enrolments.all()),
    /** A machine that was told to run a system of ours, and the nonce in its seed. */
    async boots(number = 1) {
      const mac = macNumber(number)
      await logbook.keep(roster.see({ sighting: { mac }, stage: 'script', because: 'a test' }, now(), chance))
      const known = roster.byMac(mac)
      const attempt = known === undefined ? undefined : roster.latestAttempt(known.id)
      if (known === undefined || attempt === undefined) throw new Error('no record')
      desk.invite(known, attempt)
      const stands = { kind: 'approved', by: 'rule', because: 'a test' } as const
      await logbook.keep(roster.stands(known.id, mac, stands, now()))
      await logbook.keep(roster.move(known.id, 'script-served', 'a test', now()))
      const nonce = desk.openNonce(known.id, attempt.id)
      if (nonce === undefined) throw new Error('no nonce')
      return { machine: known.id, attempt: attempt.id, nonce }
    },
    post: async (word: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
      await api.ask({ path: `/api/v1/node/${word}`, method: 'POST', headers, body }),
    async told(kind: ApplianceEvent['kind']) {
      await logbook.settle()
      return happened.filter((event) => event.kind === kind)
    },
  }
}
