import { openStore } from '../../server/store/open-store.ts'
import { ipv4OfNumber } from '../../server/wire/ipv4.ts'
import { aLease, macNumber } from '../networks/a-network.ts'

// Writes leases and events in batches as fast as the disk takes them, several on their way at once, and prints the number of
// each batch after the store has acknowledged it. Ends when it is killed.

const [path = '', first = '0'] = process.argv.slice(2)
const onTheirWay = 8

const store = await openStore(path)
let next = Number(first)

async function writeOn(): Promise<never> {
  for (;;) {
    const number = next++
    const address = ipv4OfNumber(10 * 2 ** 24 + (number % 5000))
    await store.commit({
      leases: [aLease({ address, mac: macNumber(number), since: number, endsAt: number })],
      events: [
        { at: number, event: { kind: 'job-ran', job: 'first', outcome: 'x'.repeat(200) } },
        { at: number, event: { kind: 'job-ran', job: 'second', outcome: '' } },
      ],
    })
    process.stdout.write(`${number}\n`)
  }
}

process.stdout.write('open\n')
await Promise.all(Array.from({ length: onTheirWay }, writeOn))
