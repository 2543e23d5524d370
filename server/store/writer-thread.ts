import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { CommitWrites } from './commit-writes.ts'
import { connect } from './connect.ts'
import type { FromWriter, ToWriter, Write } from './write.ts'

// The thread that alone writes to the store, so that a slow disk holds up no packet. While one commit waits for the disk the
// next writes gather in its inbox and share the commit after it.

/** A commit grows with its rows; beyond this the first writer of a group would wait too long for its answer. */
const mostRowsPerCommit = 512

if (parentPort === null) throw new Error('writer-thread.ts runs as a worker thread only.')
const port = parentPort
const database = connect(workerData as string)
const commits = new CommitWrites(database)

port.on('message', (first: ToWriter) => {
  const { writes, closing } = gather(first)
  if (writes.length > 0) tell({ kind: 'settled', outcomes: commits.commit(writes) })
  if (!closing) return
  database.close()
  port.close()
})
tell({ kind: 'ready' })

function gather(first: ToWriter): { readonly writes: readonly Write[]; readonly closing: boolean } {
  const writes: Write[] = []
  let rows = 0
  for (let next: ToWriter | undefined = first; next !== undefined; next = take()) {
    if (next.kind === 'close') return { writes, closing: true }
    writes.push(next.write)
    for (const statement of next.write.statements) rows += statement.rows.length
    if (rows >= mostRowsPerCommit) break
  }
  return { writes, closing: false }
}

function take(): ToWriter | undefined {
  return receiveMessageOnPort(port)?.message
}

function tell(message: FromWriter): void {
  port.postMessage(message)
}
