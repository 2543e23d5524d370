import t, { type Test } from 'tap'
import { sweepImages } from '../../server/appliance/image-jobs.ts'
import { viewImages } from '../../server/appliance/image-store.ts'
import { syncAside } from '../../server/appliance/sync-aside.ts'
import type { Config } from '../../server/config/config.ts'
import type { ApplianceEvent } from '../../server/events/event.ts'
import { testFolder } from '../folder.ts'
import { aMirror, mirrored, type Mirror } from '../images/a-mirror.ts'
import { mute } from '../images/an-upstream.ts'
import { aConfig } from './a-config.ts'

async function aBox(t: Test): Promise<{ config: Config; mirror: Mirror }> {
  const dataFolder = testFolder(t)
  const mirror = await aMirror(t, dataFolder)
  const usual = aConfig({ dataFolder })
  return { config: { ...usual, imageSync: { ...usual.imageSync, ...mirror.settings } }, mirror }
}

t.test('images are fetched by a process of their own, whose events are told', async (t) => {
  const { config } = await aBox(t)
  const events: ApplianceEvent[] = []
  const never = new AbortController().signal
  const tell = (event: ApplianceEvent): void => void events.push(event)
  t.equal(await syncAside(config, tell, never), '1 images fetched, 0 here already')
  t.strictSame(
    events.map(({ kind }) => kind),
    ['image-sync-planned', 'image-synced', 'image-sync-ended'],
  )
  t.match((await viewImages(config)).versions, [{ version: `${mirrored}@20250709`, whole: true }])
  t.equal(await syncAside(config, tell, never), '0 images fetched, 1 here already')
})

t.test('what was refused is the outcome, with its reason', async (t) => {
  const { config, mirror } = await aBox(t)
  mirror.upstream.remove('noble/amd64/20250709/squashfs')
  await t.rejects(
    syncAside(config, () => {}, new AbortController().signal),
    { message: /^ubuntu-24\.04-amd64@20250709: .* is not there \(404\)/ },
  )
})

t.test('a sync that is stopped ends, and holds the store no longer', async (t) => {
  const { config, mirror } = await aBox(t)
  const stop = new AbortController()
  mirror.upstream.misbehave('noble/amd64/20250709/squashfs', (happening) => {
    stop.abort()
    return mute(happening)
  })
  await t.rejects(
    syncAside(config, () => {}, stop.signal),
    { message: /the process that fetches images ended \(0\)/ },
  )
  t.match(await sweepImages(config, { now: Date.now(), orphansKeptMs: 0 }), { kind: 'swept' })
  t.strictSame((await viewImages(config)).versions, [])
})
