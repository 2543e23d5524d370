import t from 'tap'
import { afterReading } from '../../server/listen/after-reading.ts'
import { openUdp } from '../../server/listen/udp-socket.ts'
import type { Ipv4 } from '../../server/wire/ipv4.ts'

t.test('what came while the program was held up is read before the time counts as over', async (t) => {
  const order: string[] = []
  await using socket = openUdp({ address: '127.0.0.1' as Ipv4, port: 0 }, () => order.push('read'))
  const over = new Promise<void>((resolve) => {
    afterReading(5, () => {
      order.push('over')
      resolve()
    })
  })
  socket.send(Uint8Array.of(1), socket.local)
  for (const end = performance.now() + 20; performance.now() < end;);
  await over
  t.strictSame(order, ['read', 'over'])
})

t.test('who cancels is spared, also when the time has passed and nothing was read yet', async (t) => {
  let acts = 0
  const early = afterReading(1, () => acts++)
  early()
  const late = afterReading(1, () => acts++)
  // Of timers for the same time the first is the first.
  setTimeout(late, 1)
  await new Promise<void>((resolve) => {
    afterReading(10, resolve)
  })
  t.equal(acts, 0)
})
