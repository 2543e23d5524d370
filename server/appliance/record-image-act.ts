import { join } from 'node:path'
import type { AuditDesk } from '../http/audit.ts'
import { beginImageAct, endImageAct, type ImageAct, type ImageActEnd } from '../http/image-acts.ts'
import { openStore } from '../store/open-store.ts'
import { storeName } from '../store/store-name.ts'
import { auditDesk } from './audit-desk.ts'

/** Where an act was asked for of which no box was told. */
const dataFolderItself = 'the data folder'

/** The audit log of a data folder over which no appliance runs. Each throws a `StoreFault`, of the kind `in-use` where one does. */
export type ClosedLog = {
  readonly begin: (act: ImageAct) => Promise<number>
  readonly end: (begun: number, end: ImageActEnd) => ReturnType<typeof endImageAct>
}

export function closedLog(dataFolder: string, now: () => number): ClosedLog {
  /** The store is closed again after each row, so that an appliance can start while what is written about goes on. */
  const written = async <T>(write: (audit: AuditDesk) => Promise<T>): Promise<T> => {
    await using store = await openStore(join(dataFolder, storeName))
    return await write(auditDesk(store, now))
  }
  return {
    begin: async (act) => await written(async (audit) => await beginImageAct(audit, act, dataFolderItself)),
    end: async (begun, end) => await written(async (audit) => await endImageAct(audit, begun, end)),
  }
}
