import { compileHotCode } from './appliance/compile-hot-code.ts'
import { run } from './cli/run.ts'

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())

// A reader that has seen enough (`| head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') stopping.abort()
  else throw error
})

// An appliance does it when it has started.
if (process.argv[2] !== 'serve') compileHotCode()

process.exitCode = await run(process.argv.slice(2), {
  print: (line) => void process.stdout.write(`${line}\n`),
  remark: (line) => void process.stderr.write(`${line}\n`),
  stop: stopping.signal,
  isTerminal: process.stdout.isTTY,
  now: () => Date.now(),
})
