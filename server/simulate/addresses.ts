import { spawn } from 'node:child_process'
import type { Ipv4 } from '../wire/ipv4.ts'

/** Addresses that machines of the rack take, put on this box in batches: one call of `ip` serves a whole burst. */
export class RackAddresses implements AsyncDisposable {
  readonly #taken = new Set<Ipv4>()
  #next: Batch | undefined
  #running = Promise.resolve()

  /** Resolves when sockets can be bound to it. */
  async take(address: Ipv4): Promise<void> {
    if (this.#taken.has(address)) return
    this.#taken.add(address)
    if (this.#next === undefined) {
      const batch: Batch = { addresses: [], done: this.#running.then(async () => await this.#add(batch)) }
      this.#next = batch
      this.#running = batch.done.catch(() => {})
    }
    this.#next.addresses.push(address)
    await this.#next.done
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running
    if (this.#taken.size > 0)
      await inBatch([...this.#taken].map((address) => `address del ${address}/32 dev lo`))
    this.#taken.clear()
  }

  async #add(batch: Batch): Promise<void> {
    if (this.#next === batch) this.#next = undefined
    // On the loopback interface and of the scope `host`, they are answered for on the wire (ARP) and can be bound to, but
    // the kernel never chooses one by itself: what is broadcast to find an address comes from 0.0.0.0, as it must.
    await inBatch(batch.addresses.map((address) => `address add ${address}/32 dev lo scope host`))
  }
}

type Batch = { readonly addresses: Ipv4[]; readonly done: Promise<void> }

async function inBatch(lines: readonly string[]): Promise<void> {
  const child = spawn('ip', ['-force', '-batch', '-'], { stdio: ['pipe', 'ignore', 'pipe'] })
  let complaint = ''
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (complaint = (complaint + text).slice(0, 500)))
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`the addresses of the rack cannot be set: ${complaint.trim()}`))
    })
    child.stdin.on('error', () => {})
    child.stdin.end(`${lines.join('\n')}\n`)
  })
}
