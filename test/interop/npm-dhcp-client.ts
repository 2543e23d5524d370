import type { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'

// The client of the npm package dhcp as a program of its own, to be started on a neighbour's network stack:
// node npm-dhcp-client.ts MAC. It prints what it was bound to as a line of JSON, and asks again while nothing comes: the
// package itself knows no time-outs. Ends when it is bound.

type Bound = { readonly address: string; readonly server: string; readonly leasePeriod: number }
type Client = EventEmitter & {
  listen(port?: number, host?: string, begin?: () => void): void
  sendDiscover(): void
  close(): void
}
const { createClient } = createRequire(import.meta.url)('dhcp') as {
  createClient: (settings: { mac: string; features?: readonly string[] }) => Client
}

const patienceMs = 1_000
const [mac = ''] = process.argv.slice(2)
const client = createClient({ mac, features: ['hostname', 'domainName'] })
client.listen()
client.on('listening', () => {
  client.sendDiscover()
  const again = setInterval(() => client.sendDiscover(), patienceMs)
  client.on('bound', (state: Bound) => {
    clearInterval(again)
    process.stdout.write(`${JSON.stringify(state)}\n`)
    client.close()
  })
})
