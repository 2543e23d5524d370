import { node } from 'koffi'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'
import { libc } from '../../server/listen/libc.ts'
import { headerBytes, openFrames, packetSocket, type Frames } from './frames.ts'
import { calls } from './inside.ts'

const etherTypeVlan = 0x8100
const tagBytes = 4

/** A frame as a card with VLANs sees it: what it is in, where it is in one, and what is left of it without the tag. */
export type TaggedFrame = {
  readonly vlan: number | undefined
  readonly frame: Buffer
  readonly header: Buffer
}

/**
 * Gives an interface of a namespace a VLAN, as `ip link add link eth0 name eth0.20 type vlan id 20` does. Where the kernel
 * has no VLANs, this process puts the tags on and takes them off: `eth0.20` is then a cable to it.
 */
export async function addVlan(
  namespace: NetworkNamespace,
  device: string,
  vlan: number,
  address?: string,
): Promise<AsyncDisposable> {
  const name = `${device}.${vlan}`
  const added = new AsyncDisposableStack()
  const run = async (words: string): Promise<string> => (await namespace.run(words.split(' '))).stdout
  try {
    await run(`ip link add link ${device} name ${name} type vlan id ${vlan}`)
  } catch (error) {
    if (!String(error).includes('Unknown device type')) throw error
    const mac = (await run(`cat /sys/class/net/${device}/address`)).trim()
    // A bridge would change its own with each port that is added.
    await run(`ip link set ${device} address ${mac}`)
    const cable = `cable${vlan}`
    await run(`ip link add name ${name} address ${mac} type veth peer name ${cable}`)
    await run(`ip link set ${cable} up`)
    added.use(joined(namespace.name, { device, cable, vlan }))
  }
  await run(`ip link set ${name} up`)
  if (address !== undefined) await run(`ip address add ${address} dev ${name}`)
  return added
}

function joined(
  namespace: string,
  { device, cable, vlan }: { readonly device: string; readonly cable: string; readonly vlan: number },
): Disposable {
  const opened = new DisposableStack()
  const ends: { cable?: Frames } = {}
  const trunk = opened.use(
    openTagged(namespace, device, (tagged) => {
      if (tagged.vlan === vlan) ends.cable?.send(tagged.frame, tagged.header)
    }),
  )
  ends.cable = opened.use(
    openFrames(namespace, cable, (frame, header) => {
      trunk.send(withTag(frame, vlan), behindTag(header))
    }),
  )
  return opened
}

/** The frame with a tag of this VLAN behind its addresses (IEEE 802.1Q). */
export function withTag(frame: Buffer, vlan: number): Buffer {
  const tag = Buffer.alloc(tagBytes)
  tag.writeUInt16BE(etherTypeVlan, 0)
  tag.writeUInt16BE(vlan, 2)
  return Buffer.concat([frame.subarray(0, 12), tag, frame.subarray(12)])
}

/** What is left to be done on the frame, such as its checksum, stands further behind. */
function behindTag(header: Buffer): Buffer {
  const moved = Buffer.from(header)
  const [headerLengthAt, checksumStartAt] = [2, 6]
  for (const at of [headerLengthAt, checksumStartAt]) {
    const value = header.readUInt16LE(at)
    if (value !== 0) moved.writeUInt16LE(value + tagBytes, at)
  }
  return moved
}

// The numbers of <linux/if_packet.h>. The kernel takes the tag off each frame that arrives, and tells it beside.
const SOL_PACKET = 263
const PACKET_AUXDATA = 8
const TP_STATUS_VLAN_VALID = 0x10
const MSG_DONTWAIT = 0x40
/** struct msghdr, struct iovec, and struct cmsghdr with struct tpacket_auxdata, on 64 bits. */
const messageBytes = 56
const controlBytes = 40

/** Like `openFrames`, for all VLANs of a wire and for what is in none. */
export function openTagged(
  namespace: string,
  device: string,
  arrived: (tagged: TaggedFrame) => void,
): Frames {
  const on = new Uint8Array(Int32Array.of(1).buffer)
  const fd = packetSocket(namespace, device)
  if (calls().setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, on, on.length) !== 0) {
    calls().close(fd)
    throw new Error(`the tags of ${device} cannot be seen`)
  }
  const bytes = Buffer.alloc(headerBytes + 65_536)
  const control = Buffer.alloc(controlBytes)
  const vector = Buffer.alloc(16)
  const message = Buffer.alloc(messageBytes)
  const outgoing = Buffer.alloc(headerBytes + 65_536)
  const address = (of: Uint8Array): bigint => BigInt(libc().addressOf(of))
  vector.writeBigUInt64LE(address(bytes), 0)
  vector.writeBigUInt64LE(BigInt(bytes.length), 8)
  let closed = false
  const read = (): void => {
    for (;;) {
      if (closed) return
      message.fill(0)
      message.writeBigUInt64LE(address(vector), 16)
      message.writeBigUInt64LE(1n, 24)
      message.writeBigUInt64LE(address(control), 32)
      message.writeBigUInt64LE(BigInt(control.length), 40)
      const length = calls().recvmsg(fd, message, MSG_DONTWAIT)
      if (length <= headerBytes) return
      const isTagged = (control.readUInt32LE(16) & TP_STATUS_VLAN_VALID) !== 0
      arrived({
        vlan: isTagged ? control.readUInt16LE(32) & 0xfff : undefined,
        frame: Buffer.from(bytes.subarray(headerBytes, length)),
        header: Buffer.from(bytes.subarray(0, headerBytes)),
      })
    }
  }
  const poll = node.poll(fd, { readable: true }, () => {
    try {
      read()
    } catch (error) {
      setImmediate(() => {
        throw error
      })
    }
  })
  return {
    send(frame, header) {
      if (closed) return false
      outgoing.fill(0, 0, headerBytes)
      if (header !== undefined) outgoing.set(header)
      outgoing.set(frame, headerBytes)
      const length = headerBytes + frame.length
      return calls().send(fd, outgoing, length, MSG_DONTWAIT) === length
    },
    [Symbol.dispose]() {
      if (closed) return
      closed = true
      poll.close()
      calls().close(fd)
    },
  }
}
