import { createRequire } from 'node:module'

// The client of the npm package tftp as a program of its own, to be started on a neighbour's network stack:
// node npm-tftp-client.ts HOST FILE LOCAL BLOCK WINDOW

type Settings = { host: string; blockSize: number; windowSize: number; retries: number; timeout: number }
type Client = { get(file: string, local: string, done: (error?: Error) => void): void }
const { createClient } = createRequire(import.meta.url)('tftp') as {
  createClient: (settings: Settings) => Client
}

const [host = '', file = '', local = '', block, window] = process.argv.slice(2)
const settings = { host, blockSize: Number(block), windowSize: Number(window), retries: 20, timeout: 1_000 }
createClient(settings).get(file, local, (error) => {
  if (error === undefined) return
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
})
