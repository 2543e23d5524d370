import { Buffer } from 'node:buffer'

/** What the twin reads: the fields as numbers and texts, each option as its bytes in hexadecimal. */
export type TwinMessage = {
  readonly fields: Readonly<Record<string, number>>
  readonly chaddr: string
  readonly sname: string
  readonly file: string
  readonly options: Readonly<Record<number, string>>
}

/**
 * A second reading of RFC 2131, RFC 2132 §9.3 and RFC 3396, written for clearness alone: no shared code, offsets as the
 * RFC counts them, every part of an option as a string that is appended to. `undefined` where the bytes are no message.
 */
export function slowDecode(bytes: Uint8Array): TwinMessage | undefined {
  if (bytes.length < 240) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(236) !== 0x63825363) return undefined
  if (![1, 2].includes(view.getUint8(0)) || view.getUint8(2) > 16) return undefined

  const options: Record<number, string> = {}
  if (!append(options, bytes.subarray(240))) return undefined
  const overload = options[52] ?? '00'
  delete options[52]
  if (!['00', '01', '02', '03'].includes(overload)) return undefined
  const [inFile, inSname] = [['01', '03'].includes(overload), ['02', '03'].includes(overload)]
  if (inFile && !append(options, bytes.subarray(108, 236))) return undefined
  if (inSname && !append(options, bytes.subarray(44, 108))) return undefined

  return {
    fields: {
      op: view.getUint8(0),
      htype: view.getUint8(1),
      hlen: view.getUint8(2),
      hops: view.getUint8(3),
      xid: view.getUint32(4),
      secs: view.getUint16(8),
      flags: view.getUint16(10),
      ciaddr: view.getUint32(12),
      yiaddr: view.getUint32(16),
      siaddr: view.getUint32(20),
      giaddr: view.getUint32(24),
    },
    chaddr: Buffer.from(bytes.subarray(28, 44)).toString('hex'),
    sname: inSname ? '' : text(bytes.subarray(44, 108)),
    file: inFile ? '' : text(bytes.subarray(108, 236)),
    options,
  }
}

function append(options: Record<number, string>, field: Uint8Array): boolean {
  let rest = Buffer.from(field)
  while (rest.length > 0 && rest[0] !== 255) {
    if (rest[0] === 0) {
      rest = rest.subarray(1)
      continue
    }
    if (rest.length < 2 || rest.length < 2 + rest[1]!) return false
    options[rest[0]!] = (options[rest[0]!] ?? '') + rest.subarray(2, 2 + rest[1]!).toString('hex')
    rest = rest.subarray(2 + rest[1]!)
  }
  return true
}

function text(field: Uint8Array): string {
  return Buffer.from(field).toString('utf8').split('\0')[0] ?? ''
}
