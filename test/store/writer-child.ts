import { openStore } from '../../server/store/open-store.ts'
import { StoreFault } from '../../server/store/store-fault.ts'
import { aLease, macNumber } from '../networks/a-network.ts'
import { ipv4OfNumber } from '../../server/wire/ipv4.ts'

// Writes leases until the disk takes no more, says so on standard output, waits for a line on standard input, and goes on.

const path = process.argv[2] ?? ''
const hostname = 'x'.repeat(1000)

await using store = await openStore(path)
let number = 0
const save = () =>
  store.saveLeases([
    aLease({ address: ipv4OfNumber(10 * 2 ** 24 + number), mac: macNumber(number++), hostname }),
  ])

for (;;) {
  try {
    await save()
  } catch (error) {
    if (!(error instanceof StoreFault)) throw error
    console.log(JSON.stringify({ stored: number - 1, kind: error.kind, message: error.message }))
    break
  }
}
const readable = (await store.leases.all()).length
console.log(JSON.stringify({ readable }))
await new Promise((resolve) => process.stdin.once('data', resolve))
process.stdin.destroy()
await save()
console.log(JSON.stringify({ readable: (await store.leases.all()).length }))
