import { compileHotCode } from './appliance/compile-hot-code.ts'
import type { DeliveryOrder, DeliveryPlace, DeliveryWord } from './appliance/delivery.ts'
import { ImageShelf } from './appliance/image-shelf.ts'
import type { ApplianceEvent } from './events/event.ts'
import { deliveryApp } from './http/delivery-app.ts'
import { LinkBudget } from './http/link-budget.ts'
import { StreamQueue } from './http/stream-queue.ts'
import { listenHttp, type HttpListener } from './listen/http.ts'
import { sendFile } from './listen/send-file.ts'

// The process that delivers images. Its parent tells it what and where; it ends when the parent goes.

const listeners: HttpListener[] = []

process.once('message', (order) => void deliver(order as DeliveryOrder))
process.once('disconnect', () => void end())
// A Ctrl-C reaches every process of the terminal; the parent stops first, and then this one.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

async function deliver(order: DeliveryOrder): Promise<void> {
  const shelf = new ImageShelf(order)
  const queue = new StreamQueue(order.streams, (news) => tell({ kind: 'images-queued', ...news }))
  try {
    for (const place of order.places) {
      const link = linkOf(place)
      const app = deliveryApp(
        async (image, file) => {
          await shelf.look()
          return shelf.file(image, file)
        },
        (delivery) => say({ kind: 'delivered', delivery }),
        {
          fastWay: sendFile,
          queue,
          ...(link === undefined ? {} : { link }),
          underWay: (underWay) => say({ kind: 'under-way', underWay }),
        },
      )
      listeners.push(await listenHttp(app, { address: place.address, port: order.port }, tell))
    }
    // The parent may have gone while the last of them opened.
    if (!process.connected) await end()
    compileHotCode()
    say({ kind: 'ready' })
  } catch (error) {
    say({ kind: 'failed', because: error instanceof Error ? error.message : String(error) })
    if (process.connected) process.disconnect()
  }
}

function linkOf({ network, bitsPerSecond }: DeliveryPlace): LinkBudget | undefined {
  if (bitsPerSecond === undefined) return undefined
  return new LinkBudget(bitsPerSecond, () => tell({ kind: 'link-full', network, bitsPerSecond }))
}

async function end(): Promise<void> {
  for (const listener of listeners) await listener[Symbol.asyncDispose]()
}

function tell(event: ApplianceEvent): void {
  say({ kind: 'happened', event })
}

function say(word: DeliveryWord): void {
  // A parent that has gone a moment ago hears nothing; without the callback that would end this process as a fault.
  if (process.connected) process.send?.(word, () => {})
}
