import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { imageStoreName } from '../../server/appliance/image-shelf.ts'
import type { Config, MachineSettings } from '../../server/config/config.ts'
import { aManifest, aStore, put, someBytes } from '../images/a-store.ts'
import { ram } from './a-config.ts'
import { OneMachine } from './one-machine.ts'

/** Whose installer runs. */
export const installer = 'noble@20260401'

/** A box with an ISO in its store, and a machine that its installer is to install. */
export async function boxWithInstaller(
  t: Test,
  changes: Partial<MachineSettings> = {},
  settings: Partial<Config> = {},
): Promise<OneMachine> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'ironwake-installer-'))
  t.teardown(() => rmSync(dataFolder, { recursive: true, force: true }))
  using store = await aStore(join(dataFolder, imageStoreName))
  const files = {
    kernel: await put(store, someBytes(1_000)),
    initrd: await put(store, someBytes(2_000)),
    iso: { ...(await put(store, someBytes(3_000))), form: 'iso' as const },
  }
  await store.publishManifest(aManifest(files))
  const defaults = { ...ram, method: 'autoinstall' as const, image: 'noble', ...changes }
  return await OneMachine.open(t, { dataFolder, defaults, ...settings })
}
