import { readFileSync } from 'node:fs'
import type { ApplianceEvent } from '../events/event.ts'
import { bootFileName } from '../tftp/boot-file-name.ts'
import { decodeTftp } from '../tftp/decode.ts'
import { encodeBlocks, encodeTftp, encodeTftpError } from '../tftp/encode.ts'
import { ceilingsOf, negotiate, type Agreement, type TftpCeilings } from '../tftp/negotiate.ts'
import { netascii } from '../tftp/netascii.ts'
import { blockHeaderBytes, errorCodes, type TftpErrorName, type TftpRequest } from '../tftp/packet.ts'
import { acknowledge, startTransfer, timeOut, type Step, type Transfer } from '../tftp/transfer.ts'
import type { Ipv4 } from '../wire/ipv4.ts'
import { printable } from '../wire/text.ts'
import { openUdp, type Datagram, type Endpoint, type UdpSocket } from './udp-socket.ts'

export type TftpSettings = {
  /** The name of the network, for events and for `lookup`. */
  readonly network: string
  readonly interface: string
  /** Requests to this address are answered, and from it. */
  readonly address: Ipv4
  /** 69, except in tests. */
  readonly port?: number | undefined
  readonly limits?: Partial<TftpLimits> | undefined
  /** Finds what a client may have. */
  readonly lookup: (wanted: WantedFile) => FoundFile | Promise<FoundFile>
  readonly report: (event: ApplianceEvent) => void
}

export type WantedFile = { readonly file: string; readonly client: Ipv4; readonly network: string }

export type FoundFile =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'refused'
      readonly because: string
      readonly code: TftpErrorName
      /** That the client asks for it and is refused is the usual course. */
      readonly expected?: boolean
    }

export type TftpLimits = {
  readonly transfers: number
  readonly transfersPerClient: number
  readonly transferMs: number
}

export type TftpListener = AsyncDisposable & {
  readonly local: Endpoint
  /** How many transfers are under way. */
  readonly transferCount: number
}

/** Serves boot files on one network. Throws `UdpUnavailable` when its port cannot be had. */
export function listenTftp(settings: TftpSettings): TftpListener {
  return new Listener(settings)
}

const tftpPort = 69

const usualLimits: TftpLimits = { transfers: 1_000, transfersPerClient: 16, transferMs: 15 * 60_000 }

/**
 * Sockets that transfers share. A transfer is known by its client's address and port and by the port of ours, so a few
 * serve any number, and what many clients send is taken in one system call. A client that asks again from the same
 * port gets another of them, so late packets of its earlier transfer do not fit the new one (RFC 1350 §4).
 */
const laneCount = 16

/** Five hundred machines that start together ask within one turn of the event loop. */
const requestBufferBytes = 1_000_000

/** How exactly time-outs are kept, while there are transfers. */
const tickMs = 10

/** Ends of transfers that are remembered, so that a late packet gets no answer. */
const rememberedEnds = 4_096
const rememberEndMs = 5_000

/** A client silent for so long that sends its request anew has begun again from the same port. */
const beginsAgainAfterMs = 2_000

/** Line ends are translated in memory; boot programs are asked for in octet mode. */
const largestText = 1_000_000

type Conversation = {
  readonly client: Endpoint
  readonly sender: number
  readonly lane: UdpSocket
  /** The request's bytes, to tell a repetition from another request. */
  readonly request: Uint8Array
  readonly file: string
  readonly startedAt: number
  /** `undefined` until the file is found. */
  course: Course | undefined
}

type Course = { readonly bytes: Uint8Array; readonly agreement: Agreement; transfer: Transfer }

class Listener implements TftpListener {
  readonly #settings: TftpSettings
  readonly #limits: TftpLimits
  readonly #ceilings: TftpCeilings
  readonly #requests: UdpSocket
  readonly #lanes: readonly UdpSocket[]
  readonly #conversations = new Map<number, Conversation>()
  readonly #perClient = new Map<Ipv4, number>()
  readonly #ended = new Map<number, number>()
  #nextLane = 0
  #room = new Uint8Array()
  #ticking: NodeJS.Timeout | undefined

  constructor(settings: TftpSettings) {
    this.#settings = settings
    this.#limits = { ...usualLimits, ...settings.limits }
    this.#ceilings = ceilingsOf(mtuOf(settings.interface))
    const { address, interface: device } = settings
    const where = { address, interface: device, receiveBufferBytes: requestBufferBytes }
    this.#requests = openUdp({ ...where, port: settings.port ?? tftpPort }, (batch) =>
      this.#onRequests(batch),
    )
    const lanes: UdpSocket[] = []
    try {
      for (let i = 0; i < laneCount; i++) {
        const lane: UdpSocket = openUdp({ ...where, port: 0 }, (batch) => this.#onAnswers(lane, batch))
        lanes.push(lane)
      }
    } catch (error) {
      for (const socket of [this.#requests, ...lanes]) socket.close()
      throw error
    }
    this.#lanes = lanes
  }

  get local(): Endpoint {
    return this.#requests.local
  }

  get transferCount(): number {
    return this.#conversations.size
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const conversation of this.#conversations.values()) {
      this.#fail(conversation, 'not-defined', 'the server stops')
    }
    for (const socket of [this.#requests, ...this.#lanes]) socket.close()
    return Promise.resolve()
  }

  #onRequests(batch: readonly Datagram[]): void {
    const now = performance.now()
    for (const datagram of batch) this.#onRequest(datagram, now)
  }

  #onRequest(datagram: Datagram, now: number): void {
    const { bytes, from } = datagram
    const packet = decodeTftp(bytes)
    switch (packet.kind) {
      case 'read-request':
        return this.#read(packet, datagram, now)
      case 'write-request':
        return this.#refuse(from, packet.file, 'access-violation', 'this server takes no files')
      case 'malformed':
        return this.#reportMalformed(from, packet.because)
      case 'block':
      case 'acknowledgement':
      case 'option-acknowledgement':
      case 'error':
        // An answer could meet another server that answers it, and so on for ever.
        return this.#reportIgnored(from, `a TFTP ${packet.kind} on the port for requests`)
    }
  }

  #read(request: TftpRequest, { bytes, from, sender }: Datagram, now: number): void {
    const known = this.#conversations.get(sender)
    if (known !== undefined && isRepetition(known, bytes, now)) return
    if (known !== undefined) this.#end(known, now, notSent(known, 'the client began again'))
    const name = bootFileName(request.file)
    if (name.kind === 'refused') return this.#refuse(from, request.file, 'access-violation', name.because)
    if (request.mode !== 'octet' && request.mode !== 'netascii') {
      return this.#refuse(from, name.file, 'illegal-operation', 'the mode must be octet or netascii')
    }
    const held = this.#perClient.get(from.address) ?? 0
    if (this.#conversations.size >= this.#limits.transfers || held >= this.#limits.transfersPerClient) {
      return this.#refuse(from, name.file, 'not-defined', 'too many transfers at once, ask again later')
    }
    const conversation: Conversation = {
      client: from,
      sender,
      lane: this.#takeLane(),
      request: bytes,
      file: name.file,
      startedAt: now,
      course: undefined,
    }
    this.#conversations.set(sender, conversation)
    this.#perClient.set(from.address, held + 1)
    this.#ended.delete(sender)
    this.#keepTime()
    this.#find(conversation, request)
  }

  #find(conversation: Conversation, request: TftpRequest): void {
    const failed = (error: unknown) => {
      const because = error instanceof Error ? error.message : String(error)
      this.#begin(conversation, request, { kind: 'refused', code: 'not-defined', because })
    }
    try {
      const { file, client } = conversation
      const found = this.#settings.lookup({ file, client: client.address, network: this.#settings.network })
      if (!(found instanceof Promise)) return this.#begin(conversation, request, found)
      void found.then((file) => this.#begin(conversation, request, file), failed)
    } catch (error) {
      failed(error)
    }
  }

  #begin(conversation: Conversation, request: TftpRequest, found: FoundFile): void {
    if (this.#conversations.get(conversation.sender) !== conversation) return
    if (found.kind === 'refused') {
      return this.#fail(conversation, found.code, found.because, { expected: found.expected ?? false })
    }
    const text = request.mode === 'netascii'
    if (text && found.bytes.length > largestText) {
      return this.#fail(
        conversation,
        'illegal-operation',
        'the file is too large for netascii, use octet mode',
      )
    }
    const bytes = text ? netascii(found.bytes) : found.bytes
    const now = performance.now()
    const agreement = negotiate(request.options, bytes.length, this.#ceilings)
    const step = startTransfer(bytes.length, agreement, now)
    conversation.course = { bytes, agreement, transfer: step.transfer }
    this.#follow(conversation, conversation.course, step, now)
  }

  #onAnswers(lane: UdpSocket, batch: readonly Datagram[]): void {
    const now = performance.now()
    for (const datagram of batch) this.#onAnswer(lane, datagram, now)
  }

  #onAnswer(lane: UdpSocket, { bytes, from, sender }: Datagram, now: number): void {
    const packet = decodeTftp(bytes)
    if (packet.kind === 'malformed') return this.#reportMalformed(from, packet.because)
    const conversation = this.#conversations.get(sender)
    if (conversation?.lane !== lane || conversation.course === undefined) {
      return this.#onStray(lane, from, packet.kind, {
        late: conversation !== undefined || this.#endedLately(sender, now),
      })
    }
    switch (packet.kind) {
      case 'acknowledgement': {
        const { course } = conversation
        return this.#follow(conversation, course, acknowledge(course.transfer, packet.block, now), now)
      }
      case 'error':
        return this.#end(conversation, now, brokenOff(conversation, conversation.course, packet))
      case 'block':
      case 'option-acknowledgement':
      case 'read-request':
      case 'write-request':
        return this.#reportIgnored(from, `a TFTP ${packet.kind} in the middle of a transfer`)
    }
  }

  /** RFC 1350 §4: a packet from elsewhere is answered with an error and disturbs no transfer. */
  #onStray(lane: UdpSocket, from: Endpoint, kind: string, { late }: { readonly late: boolean }): void {
    if (late || kind === 'error') return
    lane.send(encodeTftpError('unknown-transfer', 'no such transfer'), from)
    this.#reportIgnored(from, `a TFTP ${kind} that belongs to no transfer`)
  }

  #follow(conversation: Conversation, course: Course, step: Step, now: number): void {
    course.transfer = step.transfer
    const { client, lane } = conversation
    switch (step.kind) {
      case 'wait':
        return
      case 'send-options': {
        const options = course.agreement.granted
        // What the kernel does not take is sent again in time, like what is lost on the way.
        lane.send(encodeTftp({ kind: 'option-acknowledgement', options }), client)
        return
      }
      case 'send-blocks': {
        const { blockBytes } = step.transfer.terms
        const { first, last } = step
        const datagramBytes = blockBytes + blockHeaderBytes
        const blocks = encodeBlocks(this.#roomFor((last - first + 1) * datagramBytes), course.bytes, {
          first,
          last,
          blockBytes,
        })
        lane.sendSegments(blocks, datagramBytes, client)
        return
      }
      case 'complete':
        return this.#end(conversation, now, {
          kind: 'program-sent',
          file: conversation.file,
          byteCount: course.bytes.length,
          tookMs: Math.round(now - conversation.startedAt),
          resentBlocks: step.transfer.resentBlocks,
        })
      case 'give-up':
        return this.#end(conversation, now, notSent(conversation, step.because))
    }
  }

  #fail(
    conversation: Conversation,
    code: TftpErrorName,
    because: string,
    { expected } = { expected: false },
  ): void {
    conversation.lane.send(encodeTftpError(code, because), conversation.client)
    this.#end(conversation, performance.now(), { ...notSent(conversation, because), expected })
  }

  /** Answers a request that never became a conversation. */
  #refuse(to: Endpoint, asked: string, code: TftpErrorName, because: string): void {
    this.#takeLane().send(encodeTftpError(code, because), to)
    this.#report(to, { kind: 'program-not-sent', file: printable(asked), because, expected: false })
  }

  #end(conversation: Conversation, now: number, event: ApplianceEvent): void {
    const { client, sender } = conversation
    this.#conversations.delete(sender)
    const held = this.#perClient.get(client.address) ?? 1
    if (held > 1) this.#perClient.set(client.address, held - 1)
    else this.#perClient.delete(client.address)
    this.#ended.set(sender, now)
    if (this.#ended.size > rememberedEnds) this.#forgetOldestEnd()
    this.#report(client, event)
    if (this.#conversations.size === 0) this.#stopTime()
  }

  #endedLately(sender: number, now: number): boolean {
    const endedAt = this.#ended.get(sender)
    return endedAt !== undefined && now - endedAt < rememberEndMs
  }

  #forgetOldestEnd(): void {
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest)
      return
    }
  }

  #keepTime(): void {
    // After a pause of ours the answers that came meanwhile are read first, and then it is seen whose time is over.
    this.#ticking ??= setInterval(() => setImmediate(() => this.#tick(performance.now())), tickMs)
  }

  #stopTime(): void {
    clearInterval(this.#ticking)
    this.#ticking = undefined
  }

  #tick(now: number): void {
    for (const conversation of this.#conversations.values()) {
      const { course } = conversation
      if (now - conversation.startedAt >= this.#limits.transferMs) {
        this.#fail(conversation, 'not-defined', 'the transfer took too long')
      } else if (course !== undefined && course.transfer.dueAt <= now) {
        this.#follow(conversation, course, timeOut(course.transfer, now), now)
      }
    }
  }

  #takeLane(): UdpSocket {
    const lane = this.#lanes[this.#nextLane++ % this.#lanes.length]
    if (lane === undefined) throw new Error('a listener without lanes')
    return lane
  }

  /** Memory for one window, used again for each. */
  #roomFor(byteCount: number): Uint8Array {
    if (this.#room.length < byteCount) this.#room = new Uint8Array(new ArrayBuffer(byteCount))
    return this.#room
  }

  #reportMalformed(from: Endpoint, because: string): void {
    this.#report(from, {
      kind: 'packet-malformed',
      protocol: 'tftp',
      from: `${from.address}:${from.port}`,
      because,
    })
  }

  #reportIgnored(from: Endpoint, because: string): void {
    this.#report(from, { kind: 'packet-ignored', protocol: 'tftp', because })
  }

  #report(about: Endpoint, event: ApplianceEvent): void {
    this.#settings.report({ ...event, address: about.address, network: this.#settings.network })
  }
}

/** Whether a request from a client that has a transfer already is the same one again, and the transfer goes on. */
function isRepetition(known: Conversation, request: Uint8Array, now: number): boolean {
  const same =
    known.request.length === request.length && known.request.every((byte, i) => byte === request[i])
  if (!same || known.course === undefined) return same
  const { acknowledged, movedAt } = known.course.transfer
  return acknowledged <= 0 || now - movedAt < beginsAgainAfterMs
}

function brokenOff(
  { file }: Conversation,
  { agreement, transfer }: Course,
  error: { readonly code: number; readonly text: string },
): ApplianceEvent {
  // UEFI asks for the size, reads it in the OACK, and breaks off with error 8 before it asks for the file itself.
  const expected =
    transfer.acknowledged <= 0 &&
    (error.code === errorCodes['options-refused'] || agreement.granted.has('tsize'))
  const text = error.text === '' ? '' : `: ${printable(error.text)}`
  return {
    kind: 'program-not-sent',
    file,
    because: `the client broke off (error ${error.code})${text}`,
    expected,
  }
}

function notSent({ file }: Conversation, because: string): ApplianceEvent & { kind: 'program-not-sent' } {
  return { kind: 'program-not-sent', file, because, expected: false }
}

/** How large a frame's payload may be; Ethernet's 1500 when the kernel does not say. */
function mtuOf(device: string): number {
  try {
    const mtu = Number(readFileSync(`/sys/class/net/${encodeURIComponent(device)}/mtu`, 'utf8'))
    return Number.isInteger(mtu) && mtu > 0 ? mtu : 1_500
  } catch {
    return 1_500
  }
}
