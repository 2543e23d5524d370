import { compileHotCode } from './appliance/compile-hot-code.ts'
import { run } from './cli/run.ts'

const stopping = new AbortController()
let isTold = false
// SIGHUP: the terminal was closed, or the line to it was cut.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  const stop = (): void => {
    if (!stopping.signal.aborted) return stopping.abort()
    // Asked once more: it takes too long.
    process.removeListener(signal, stop)
    process.kill(process.pid, signal)
  }
  process.on(signal, stop)
}

for (const stream of [process.stdout, process.stderr]) stream.on('error', cannotPrint)

// An appliance does it when it has started.
if (process.argv[2] !== 'serve') compileHotCode()

process.exitCode = await run(process.argv.slice(2), {
  print: (line) => print(process.stdout, line),
  remark: (line) => print(process.stderr, line),
  stop: stopping.signal,
  isTerminal: process.stdout.isTTY,
  now: () => Date.now(),
})

/** Files are written to at once, and a full disk is told here; pipes and terminals later. */
function print(stream: NodeJS.WriteStream, line: string): void {
  try {
    stream.write(`${line}\n`)
  } catch (error) {
    cannotPrint(error as NodeJS.ErrnoException)
  }
}

/** A reader that has seen enough (`| head`) is no fault. Any other is told, once, where that can be; the appliance goes on. */
function cannotPrint({ code, message }: NodeJS.ErrnoException): void {
  if (code === 'EPIPE') return stopping.abort()
  if (isTold) return
  isTold = true
  process.on('exit', () => (process.exitCode ||= 1))
  print(
    process.stderr,
    `ironwake: the output cannot be written: ${message}. What it should have said is lost.`,
  )
}
