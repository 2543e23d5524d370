import type { Random } from '../interop/random.ts'

/** Where the fields of a DHCP message begin, and how long they are (RFC 2131 §2, figure 1). */
const fields = {
  op: [0, 1],
  htype: [1, 1],
  hlen: [2, 1],
  hops: [3, 1],
  xid: [4, 4],
  secs: [8, 2],
  flags: [10, 2],
  ciaddr: [12, 4],
  yiaddr: [16, 4],
  siaddr: [20, 4],
  giaddr: [24, 4],
  chaddr: [28, 16],
  sname: [44, 64],
  file: [108, 128],
  cookie: [236, 4],
} as const
const beforeOptions = 240
const mostBytes = 1472

/** Addresses that make the most of giaddr and ciaddr: ours, neighbours, nobody's and everybody's. */
const addresses = [
  [0, 0, 0, 0],
  [10, 77, 0, 1],
  [10, 77, 0, 100],
  [10, 77, 0, 200],
  [10, 77, 0, 255],
  [255, 255, 255, 255],
  // A network behind a relay, and its relay.
  [10, 9, 0, 0],
  [10, 9, 0, 1],
  [127, 0, 0, 1],
  [224, 0, 0, 1],
  [8, 8, 8, 8],
] as const

/** Datagrams made of real ones by one to four changes, and now and then of noise alone. */
export function mutations(golden: readonly Buffer[], random: Random): () => Buffer {
  const below = (limit: number): number => Math.floor(random() * limit)
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T
  const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, () => below(256)))

  const flip = (bytes: Buffer): Buffer => {
    for (let count = 1 + below(12); count > 0 && bytes.length > 0; count--) {
      const at = below(bytes.length)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8))
    }
    return bytes
  }
  const cut = (bytes: Buffer): Buffer => bytes.subarray(0, below(bytes.length + 1))
  const lengthen = (bytes: Buffer): Buffer =>
    Buffer.concat([bytes, noise(below(Math.max(1, mostBytes - bytes.length)))])
  const field = (bytes: Buffer): Buffer => {
    const [at, length] = pick(Object.values(fields))
    if (bytes.length >= at + length) bytes.set(noise(length), at)
    return bytes
  }
  const address = (bytes: Buffer): Buffer => {
    const [at] = pick([fields.ciaddr, fields.giaddr, fields.yiaddr, fields.siaddr])
    if (bytes.length >= at + 4) bytes.set(pick(addresses), at)
    return bytes
  }
  /** One of some hundred machines, so that they meet each other's leases; seldom one that was never seen. */
  const client = (bytes: Buffer): Buffer => {
    if (bytes.length < 34) return bytes
    bytes.set([0x52, 0x54, 0, 9, below(4), below(256)], 28)
    if (below(20) === 0) bytes.set(noise(5), 29)
    return bytes
  }
  const length = (bytes: Buffer): Buffer => {
    if (bytes.length > 2) bytes[2] = pick([0, 1, 5, 7, 8, 15, 16, 17, 255])
    return bytes
  }
  const options = (change: (parts: Buffer[]) => Buffer[]) => (bytes: Buffer) =>
    Buffer.concat([bytes.subarray(0, beforeOptions), ...change(optionsIn(bytes))]).subarray(0, mostBytes)
  const shuffled = options((parts) => parts.toSorted(() => random() - 0.5))
  const repeated = options((parts) => [...parts, ...parts, ...(parts.length > 0 ? [pick(parts)] : [])])
  const without = options((parts) => parts.filter(() => below(5) > 0))
  const invented = options((parts) => {
    const value = noise(pick([0, 1, 2, 4, 5, 16, 17, 100, 255]))
    return [Buffer.from([below(256), value.length]), value, ...parts]
  })
  const typed = options((parts) => [
    Buffer.from([53, 1, below(12)]),
    ...parts.filter((part) => part[0] !== 53),
  ])

  /** Sub-options of option 82 (RFC 3046, 3527, 5107, 8357, and what is none), some of them cut or with a wrong length. */
  const relayOption = (): Buffer => {
    const parts = Array.from({ length: below(5) }, () => {
      const code = pick([1, 2, 5, 5, 10, 11, 11, 19, 0, 255, below(256)])
      const value = pick([
        Buffer.from(pick(addresses)),
        noise(0),
        noise(1),
        noise(below(12)),
        noise(below(200)),
      ])
      const length = below(8) === 0 ? below(256) : value.length
      return Buffer.concat([Buffer.from([code, length]), value])
    })
    const value = Buffer.concat(parts).subarray(0, 255)
    return Buffer.concat([Buffer.from([82, value.length]), value])
  }
  const selection = (): Buffer => {
    const value = below(4) === 0 ? noise(below(9)) : Buffer.from(pick(addresses))
    return Buffer.concat([Buffer.from([118, value.length]), value])
  }
  /** As if it had come by a relay, which says of the client what it likes. */
  const relayed = (bytes: Buffer): Buffer => {
    if (bytes.length < beforeOptions) return bytes
    bytes.set(pick(addresses), fields.giaddr[0])
    bytes[fields.hops[0]] = below(20)
    return options((parts) => [
      ...parts.filter((part) => part[0] !== 82 && part[0] !== 118),
      ...(below(3) === 0 ? [selection()] : []),
      ...Array.from({ length: 1 + (below(6) === 0 ? 1 : 0) }, relayOption),
    ])(bytes)
  }

  const changes = [
    flip,
    cut,
    lengthen,
    field,
    address,
    address,
    client,
    client,
    client,
    length,
    shuffled,
    repeated,
    without,
    invented,
    typed,
    relayed,
    relayed,
  ]
  return () => {
    if (below(20) === 0) return noise(below(mostBytes))
    let bytes: Buffer = Buffer.from(pick(golden))
    for (let count = 1 + below(4); count > 0; count--) bytes = pick(changes)(bytes)
    return bytes
  }
}

/** The options, each with its code and length, up to the first that is cut off; the end option and pads are left out. */
function optionsIn(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = []
  for (let at = beforeOptions; at + 2 <= bytes.length;) {
    const code = bytes[at]
    if (code === 255) break
    if (code === 0) {
      at++
      continue
    }
    const end = at + 2 + (bytes[at + 1] ?? 0)
    parts.push(bytes.subarray(at, end))
    at = end
  }
  return parts
}
