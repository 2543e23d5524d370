import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { imageStoreName } from '../../server/appliance/image-shelf.ts'
import type { MachineSettings } from '../../server/config/config.ts'
import { prepareDisk } from '../../server/images/prepare-image.ts'
import { aManifest, aStore } from '../images/a-store.ts'
import { ram } from './a-config.ts'
import { OneMachine } from './one-machine.ts'

/** What its disk is to have. */
export const image = 'noble@20260401'

/** A box with a disk image in its store, and a machine that is to have it on its disk. */
export async function boxWithDisk(
  t: Test,
  disk: Uint8Array,
  changes: Partial<MachineSettings> = {},
): Promise<OneMachine> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'ironwake-install-'))
  t.teardown(() => rmSync(dataFolder, { recursive: true, force: true }))
  const path = join(dataFolder, 'disk.raw')
  writeFileSync(path, disk)
  using store = await aStore(join(dataFolder, imageStoreName))
  const work = { stop: new AbortController().signal, progress() {} }
  await store.publishManifest(aManifest({ disk: await prepareDisk(store, { path, form: 'raw' }, work) }))
  const written = { method: 'disk', image: 'noble', ephemeral: 'debian' } as const
  return await OneMachine.open(t, { dataFolder, defaults: { ...ram, ...written, ...changes } })
}
