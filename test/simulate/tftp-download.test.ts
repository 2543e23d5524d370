import t from 'tap'
import * as fc from 'fast-check'
import type { TftpOrder } from '../../server/simulate/course.ts'
import { receive, sayAgain, startDownload } from '../../server/simulate/tftp-download.ts'
import { decodeTftp } from '../../server/tftp/decode.ts'
import { encodeTftp } from '../../server/tftp/encode.ts'
import { ip } from '../networks/a-network.ts'

const order: TftpOrder = {
  server: ip('10.0.0.1'),
  file: 'snponly.efi',
  blockBytes: 1468,
  window: 4,
  sizeOnly: false,
  trailingMark: false,
  diesAfterBlocks: undefined,
}
const agreed = encodeTftp({
  kind: 'option-acknowledgement',
  options: new Map([
    ['blksize', '8'],
    ['windowsize', '4'],
    ['tsize', '19'],
  ]),
})

function block(number: number, length: number): Uint8Array {
  return encodeTftp({ kind: 'block', block: number, bytes: new Uint8Array(length).fill(number) })
}

function acknowledged(packets: readonly Uint8Array[]): readonly number[] {
  return packets.map((bytes) => {
    const packet = decodeTftp(bytes)
    return packet.kind === 'acknowledgement' ? packet.block : -1
  })
}

t.test('a window is acknowledged once, and the short block ends the file', async (t) => {
  let { download } = startDownload(order)
  const said: number[] = []
  for (const bytes of [agreed, block(1, 8), block(2, 8), block(3, 8), block(4, 8), block(5, 3)]) {
    const step = receive(download, bytes)
    download = step.download
    said.push(...acknowledged(step.send))
  }
  t.strictSame(said, [0, 4, 5])
  t.strictSame(download.outcome, { kind: 'whole' })
  t.equal(download.byteCount, 35)
})

t.test('a gap tells the server where to go on, and what came before is not answered', async (t) => {
  let { download } = startDownload(order)
  for (const bytes of [agreed, block(1, 8)]) download = receive(download, bytes).download
  t.strictSame(acknowledged(receive(download, block(3, 8)).send), [1])
  t.strictSame(receive(download, block(1, 8)).send, [])
  t.strictSame(acknowledged([sayAgain(download, new Uint8Array())]), [1])
})

t.test('EDK2 breaks off when it knows the size, with error 8', async (t) => {
  const { download, request } = startDownload({ ...order, sizeOnly: true })
  const step = receive(download, agreed)
  t.strictSame(step.download.outcome, { kind: 'size', byteCount: 19 })
  t.match(decodeTftp(step.send[0] ?? new Uint8Array()), { kind: 'error', code: 8 })
  t.match(decodeTftp(request), { kind: 'read-request', file: 'snponly.efi', mode: 'octet' })
})

t.test('the name of an old ROM has 255 behind it on the wire', async (t) => {
  const { request } = startDownload({ ...order, trailingMark: true })
  t.equal(request[2 + order.file.length], 0xff)
  t.match(decodeTftp(request), { file: 'snponly.efi', mode: 'octet' })
})

t.test('nothing that comes makes it throw, or go on after its end', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 }), (packets) => {
      let { download } = startDownload(order)
      for (const bytes of packets) {
        const before = download.outcome.kind
        download = receive(download, bytes).download
        if (before !== 'under-way' && download.outcome.kind !== before) return false
      }
      return true
    }),
  )
  t.pass('it did not')
})
