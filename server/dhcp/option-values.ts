import { ByteWriter } from '../wire/byte-writer.ts'
import { bytesOfIpv4, type Ipv4 } from '../wire/ipv4.ts'
import { bytesOfText } from '../wire/text.ts'
import { messageTypes, type MessageTypeName } from './message.ts'
import { optionCodes } from './option-codes.ts'

// The bytes of an option's value, made by its shape.

export function addressValue(address: Ipv4): Uint8Array {
  return bytesOfIpv4(address)
}

export function addressesValue(addresses: readonly Ipv4[]): Uint8Array {
  return Uint8Array.from(addresses.flatMap((address) => [...bytesOfIpv4(address)]))
}

export function u8Value(value: number): Uint8Array {
  return Uint8Array.of(value)
}

export function u16Value(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value)
}

export function u32Value(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
}

/** A span of time; whole seconds, at most the 0xffffffff that means for ever (RFC 2131 §3.3). */
export function secondsValue(seconds: number): Uint8Array {
  return u32Value(Math.min(Math.max(0, Math.floor(seconds)), 0xffff_ffff))
}

export function textValue(text: string): Uint8Array {
  return bytesOfText(text)
}

/** Text with a NUL behind it: some ROMs read a boot file's name past its length without one. */
export function textWithNulValue(text: string): Uint8Array {
  return bytesOfText(`${text}\0`)
}

export function messageTypeValue(type: MessageTypeName): Uint8Array {
  return u8Value(messageTypes[type])
}

/** Sub-options in the order given, as options 82 and 175 hold them; one longer than 255 bytes is cut. */
export function subOptionsValue(subOptions: Iterable<readonly [number, Uint8Array]>): Uint8Array {
  const writer = new ByteWriter(32)
  for (const [code, value] of subOptions) {
    const part = value.subarray(0, 255)
    writer.u8(code).u8(part.length).bytes(part)
  }
  return writer.done().slice()
}

/** Sub-options closed by 255, as PXE's option 43 wants them (PXE 2.1). */
export function closedSubOptionsValue(subOptions: Iterable<readonly [number, Uint8Array]>): Uint8Array {
  return Uint8Array.of(...subOptionsValue(subOptions), optionCodes.end)
}
