import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'
import { isIpv4 } from '../interop/datagram.ts'
import { openFrames } from '../interop/frames.ts'

const tcp = 6

export type HttpRequests = AsyncDisposable & {
  /** The methods and paths in the order in which they came, as `HEAD /programs/snponly.efi`. */
  readonly lines: readonly string[]
}

/** Reads on the wire what is asked of the box by HTTP: the log tells of bodies that were sent, and so not of HEAD. */
export function httpRequests(box: NetworkNamespace, device: string): HttpRequests {
  const lines: string[] = []
  const frames = openFrames(box.name, device, (frame) => {
    if (!isIpv4(frame) || frame[23] !== tcp) return
    const segment = 14 + ((frame[14] ?? 0) & 0x0f) * 4
    const text = segment + ((frame[segment + 12] ?? 0) >> 4) * 4
    const [, line] = /^((?:HEAD|GET) \S+) HTTP\/1\.[01]\r\n/.exec(frame.toString('latin1', text)) ?? []
    if (line !== undefined) lines.push(line)
  })
  return {
    lines,
    [Symbol.asyncDispose]: async () => {
      frames[Symbol.dispose]()
      await Promise.resolve()
    },
  }
}
