import type { Machine } from '../machines/machine.ts'
import { MachineRecords } from './machines.ts'
import { readOnly } from './read-only.ts'

/** The machines of the store in this file, whether or not an appliance has it open. Throws a `StoreFault` where they cannot be read. */
export async function readMachines(path: string): Promise<readonly Machine[]> {
  return (await readOnly(path, async (db) => await new MachineRecords(db).all())) ?? []
}
