import { decodeTftp } from '../tftp/decode.ts'
import { encodeTftp } from '../tftp/encode.ts'
import { blockHeaderBytes, errorCodes, plainBlockBytes } from '../tftp/packet.ts'
import type { TftpOrder } from './course.ts'

/** A download by TFTP as the client sees it. */
export type Download = {
  readonly order: TftpOrder
  readonly blockBytes: number
  readonly window: number
  /** Blocks that came in order. */
  readonly blocks: number
  readonly byteCount: number
  /** Blocks since the last acknowledgement. */
  readonly unacknowledged: number
  readonly outcome:
    | { readonly kind: 'under-way' }
    | { readonly kind: 'whole' }
    /** The size was wanted, and is known. */
    | { readonly kind: 'size'; readonly byteCount: number }
    | { readonly kind: 'died' }
    | { readonly kind: 'refused'; readonly because: string }
}

export type DownloadStep = {
  readonly download: Download
  readonly send: readonly Uint8Array[]
  /** The bytes of the file that came with it, in their order. */
  readonly bytes?: Uint8Array
}

/** The first packet, and the state in which its answer is awaited. */
export function startDownload(order: TftpOrder): DownloadStep & { readonly request: Uint8Array } {
  const options = new Map<string, string>([['tsize', '0']])
  if (order.blockBytes !== undefined) options.set('blksize', String(order.blockBytes))
  if (order.window !== undefined) options.set('windowsize', String(order.window))
  const plain = encodeTftp({ kind: 'read-request', file: order.file, mode: 'octet', options })
  const request = order.trailingMark ? withMark(plain, order.file.length) : plain
  const download: Download = {
    order,
    blockBytes: plainBlockBytes,
    window: 1,
    blocks: 0,
    byteCount: 0,
    unacknowledged: 0,
    outcome: { kind: 'under-way' },
  }
  return { download, send: [request], request }
}

/** What follows from a packet of the server. */
export function receive(download: Download, bytes: Uint8Array): DownloadStep {
  if (download.outcome.kind !== 'under-way') return { download, send: [] }
  const packet = decodeTftp(bytes)
  switch (packet.kind) {
    case 'malformed':
    case 'read-request':
    case 'write-request':
    case 'acknowledgement':
      return { download, send: [] }
    case 'error':
      return ended(download, { kind: 'refused', because: `error ${packet.code}: ${packet.text}` })
    case 'option-acknowledgement': {
      if (download.blocks > 0) return { download, send: [] }
      const said = (name: string): number | undefined => {
        const text = packet.options.get(name)
        return text === undefined ? undefined : Number(text)
      }
      if (download.order.sizeOnly) {
        const abort = encodeTftp({
          kind: 'error',
          code: errorCodes['options-refused'],
          text: 'User aborted the transfer',
        })
        const outcome = { kind: 'size' as const, byteCount: said('tsize') ?? 0 }
        return { download: { ...download, outcome }, send: [abort] }
      }
      const agreed = {
        ...download,
        blockBytes: said('blksize') ?? plainBlockBytes,
        window: said('windowsize') ?? 1,
      }
      return { download: agreed, send: [acknowledgement(0)] }
    }
    case 'block':
      return block(download, packet.block, packet.bytes)
  }
}

/** What a client says again when nothing came: where it is, or its request. */
export function sayAgain(download: Download, request: Uint8Array): Uint8Array {
  return download.blocks === 0 ? request : acknowledgement(download.blocks)
}

function block(download: Download, number: number, bytes: Uint8Array): DownloadStep {
  const next = download.blocks + 1
  if (number !== (next & 0xffff)) {
    // A gap: the server is told where to go on from. What came before is not answered (RFC 7440 §4).
    return (number & 0xffff) > (download.blocks & 0xffff)
      ? { download: { ...download, unacknowledged: 0 }, send: [acknowledgement(download.blocks)] }
      : { download, send: [] }
  }
  const last = bytes.length < download.blockBytes
  const full = download.unacknowledged + 1 >= download.window
  const came: Download = {
    ...download,
    blocks: next,
    byteCount: download.byteCount + bytes.length,
    unacknowledged: last || full ? 0 : download.unacknowledged + 1,
  }
  const { diesAfterBlocks } = download.order
  if (diesAfterBlocks !== undefined && next >= diesAfterBlocks) return ended(came, { kind: 'died' })
  const send = last || full ? [acknowledgement(next)] : []
  return { download: last ? { ...came, outcome: { kind: 'whole' } } : came, send, bytes }
}

function ended(download: Download, outcome: Download['outcome']): DownloadStep {
  return { download: { ...download, outcome }, send: [] }
}

function acknowledgement(blocks: number): Uint8Array {
  return encodeTftp({ kind: 'acknowledgement', block: blocks })
}

/** Operation and name, 255, and the rest. */
function withMark(request: Uint8Array, nameLength: number): Uint8Array {
  const at = blockHeaderBytes / 2 + nameLength
  return Uint8Array.of(...request.subarray(0, at), 0xff, ...request.subarray(at))
}
