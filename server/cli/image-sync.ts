import { syncImageStore } from '../appliance/sync-image-store.ts'
import { size } from '../events/sentence.ts'
import type { SyncOutcome } from '../images/sync-report.ts'
import type { Call } from './call.ts'
import { onRecord } from './image-record.ts'
import { Sorry } from './sorry.ts'
import { syncPrinter } from './sync-printer.ts'
import { workPrinter } from './work-printer.ts'

/** Fetches what the settings ask for, or the images named, and tells how it goes. */
export async function syncNow(call: Call, names: readonly string[]): Promise<number> {
  const { config } = call.settings()
  if (names.length === 0 && config.imageSync.images.length === 0) {
    throw new Sorry(
      'the settings name no images to fetch',
      'Name some under image-sync, or here: ironwake images sync ubuntu-24.04-amd64. docs/image-sync.md lists them.',
    )
  }
  const images = names.length === 0 ? config.imageSync.images : names
  return await onRecord(call, { act: 'images synced', images: [...images] }, async (came) => {
    const outcome = await syncImageStore(config, {
      images,
      report: syncPrinter(call),
      over: call.stop,
      environment: process.env,
      // The terminal has one line that moves, and the downloads have it.
      work: workPrinter({ ...call, isTerminal: false }),
    })
    const { published, present, refused, byteCount } = outcome
    const told = [
      `${published.length} fetched`,
      `${present.length} here already`,
      `${refused.length} refused`,
    ].join(', ')
    const named = [...published.map(({ name, version }) => `${name}@${version}`), ...refused.map(whyNot)]
    came([told, ...named].join('; '))
    if (call.output === 'json') call.print(JSON.stringify(outcome, undefined, 2))
    else call.print(`${told}; ${size(byteCount)}.`)
    return refused.length === 0 ? 0 : 1
  })
}

function whyNot({ image, because }: SyncOutcome['refused'][number]): string {
  return `${image}: ${because}`
}
