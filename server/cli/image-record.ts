import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { imageStoreName } from '../appliance/image-shelf.ts'
import type { ClosedLog } from '../appliance/record-image-act.ts'
import type { ImageAct, ImageActEnd } from '../http/image-acts.ts'
import { fileOfTrouble, fileTrouble } from '../wire/file-trouble.ts'
import { ask, CutOff, NotRunning, Refused, socketName, type Box } from './api-client.ts'
import type { Call } from './call.ts'
import { sorryForImage } from './image-trouble.ts'
import { Sorry } from './sorry.ts'
import { Stopped } from './stopped.ts'

/** Beyond what the log keeps; the reasons of a whole catalogue are not sent. */
const mostOutcome = 1_000

/** Says what came of an act, for the audit log. */
export type Came = (outcome: string) => void

/** What brings images makes the store where there is none; without one the others change nothing. */
const making: readonly ImageAct['act'][] = ['images synced', 'image imported']

/** A log that has no room keeps nobody from making some. */
const freeing: readonly ImageAct['act'][] = ['image removed', 'images swept']

/**
 * Does something to the image store between two rows of the audit log: the first is on disk before anything is done, and
 * without it nothing is. The rows are told to the box that runs over the data folder, and written here where none does;
 * which of both is looked at for each.
 */
export async function onRecord(
  call: Call,
  act: ImageAct,
  go: (came: Came) => Promise<number>,
): Promise<number> {
  const { dataFolder } = call.settings().config
  if (!making.includes(act.act) && !existsSync(join(dataFolder, imageStoreName))) return await go(() => {})
  const begun = await begin(call, act)
  let outcome: string | undefined
  const ended = async (exitCode: number): Promise<void> => {
    if (begun !== undefined)
      await end(call, begun, {
        exitCode,
        ...(outcome === undefined ? {} : { outcome: outcome.slice(0, mostOutcome) }),
      })
  }
  try {
    const exitCode = await go((words) => (outcome = words))
    await ended(exitCode)
    return exitCode
  } catch (error) {
    const told = sorryForImage(error)
    outcome = reasonOf(told)
    await ended(1)
    throw told
  }
}

function reasonOf(error: unknown): string {
  const file = fileOfTrouble(error)
  if (file !== undefined) return `${file} cannot be used: ${fileTrouble(error)}`
  return error instanceof Sorry ? error.message : 'the command failed at it'
}

/** The number of the row; `undefined` where the act goes on without one. */
async function begin(call: Call, act: ImageAct): Promise<number | undefined> {
  try {
    const { begun } = await written(call, {
      tell: async (box) => (await ask(box, 'POST', '/api/v1/image-acts', act)) as { readonly begun: number },
      write: async (log) => ({ begun: await log.begin(act) }),
      stop: call.stop,
    })
    return begun
  } catch (error) {
    if (error instanceof Refused && error.status === 404)
      throw new Sorry(
        'the appliance that runs here is of a version that cannot be told of it, and nothing was done',
        'Start the appliance again with this version: ironwake serve',
      )
    if (!isFull(error) || !freeing.includes(act.act)) throw error
    call.remark('The audit log has no room for a row, so this is not in it.')
    return undefined
  }
}

/** How long a box may say nothing to what is done already. */
const silenceMs = 10_000

async function end(call: Call, begun: number, how: ImageActEnd): Promise<void> {
  try {
    await written(call, {
      tell: async (box) => {
        try {
          await ask({ ...box, silenceMs }, 'POST', `/api/v1/image-acts/${begun}/end`, how)
        } catch (error) {
          // It is written once, however often it is told.
          throw error instanceof CutOff ? new NotRunning(error.message) : error
        }
      },
      write: async (log) => {
        const outcome = await log.end(begun, how)
        if (outcome.kind === 'refused') throw new Sorry(outcome.because)
      },
    })
  } catch (error) {
    if (!(error instanceof Error)) throw error
    call.remark(`How it ended is not in the audit log: ${error.message}`)
  }
}

/** As long as a box takes to start or to stop, which has the store and no ear meanwhile. */
const patienceMs = 30_000
const tryEachMs = 100

type Row<T> = {
  readonly tell: (box: Box) => Promise<T>
  readonly write: (log: ClosedLog) => Promise<T>
  readonly stop?: AbortSignal
}

async function written<T>(call: Call, { tell, write, stop }: Row<T>): Promise<T> {
  const { dataFolder } = call.settings().config
  const box = { socket: join(dataFolder, socketName), ...(stop === undefined ? {} : { stop }) }
  for (let waited = 0; ; waited += tryEachMs) {
    try {
      return await tell(box)
    } catch (error) {
      if (!(error instanceof NotRunning)) throw error
    }
    try {
      // Not needed beside a box, and half of a store to load.
      const { closedLog } = await import('../appliance/record-image-act.ts')
      return await write(closedLog(dataFolder, call.now))
    } catch (error) {
      if (!isStoreFault(error, 'in-use')) throw error
      if (waited >= patienceMs) throw unheard(dataFolder)
    }
    await rest(stop)
  }
}

function unheard(dataFolder: string): Sorry {
  return new Sorry(
    `the store in ${dataFolder} is in use by an appliance that cannot be asked by ${socketName} there`,
    'Where it is starting or stopping, try again when that is over; else stop it and start it again: ironwake serve',
  )
}

async function rest(stop: AbortSignal | undefined): Promise<void> {
  try {
    await pause(tryEachMs, undefined, stop === undefined ? {} : { signal: stop })
  } catch {
    throw new Stopped()
  }
}

function isFull(error: unknown): boolean {
  return (error instanceof Refused && error.status === 507) || isStoreFault(error, 'full')
}

function isStoreFault(error: unknown, kind: string): boolean {
  return error instanceof Error && error.name === 'StoreFault' && 'kind' in error && error.kind === kind
}
