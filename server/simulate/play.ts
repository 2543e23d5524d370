import { crc32 } from 'node:zlib'
import { setTimeout as pause } from 'node:timers/promises'
import type { Ipv4 } from '../wire/ipv4.ts'
import { bootMachine } from './boot-machine.ts'
import { chanceFrom } from './chance.ts'
import type { BootEnd, Course, Deed, Found, HttpOrder, Phase, TftpOrder } from './course.ts'
import { DhcpPost } from './dhcp-post.ts'
import type { RackMachine } from './rack.ts'
import type { Peer, RackWire } from './rack-wire.ts'
import { receive, sayAgain, startDownload } from './tftp-download.ts'

/** How one machine fared. */
export type Played = {
  readonly machine: RackMachine
  readonly end: BootEnd
  /** Milliseconds by phase; one that it did not come to is absent. */
  readonly phases: { readonly [phase in Phase]?: number }
  readonly totalMs: number
  readonly byteCount: number
}

export type RackPlay = {
  /** One by one, as they end. */
  readonly ended: (played: Played) => void
  /** Milliseconds after which a machine that is not up counts as lost. */
  readonly limitMs: number
  /** Milliseconds over which the machines are switched on. */
  readonly spreadMs: number
  readonly seed: number
}

/** A tenth: far worse than any wire that is not broken. */
const lossRate = 0.1
/** EDK2 and iPXE ask again after about a second; some ROMs take four. */
const tftpPatienceMs = 1_000
const tftpTries = 8

/** Plays all machines at once; each socket of theirs is closed when it resolves. */
export class RackPlayer {
  readonly #wire: RackWire
  readonly #post: DhcpPost
  readonly #files = new Map<string, { readonly byteCount: number; readonly checksum: number }>()
  byteCount = 0

  constructor(wire: RackWire) {
    this.#wire = wire
    this.#post = new DhcpPost(wire.broadcast)
  }

  /** What came to port 68. */
  receive(bytes: Uint8Array): void {
    this.#post.receive(bytes)
  }

  async play(machines: readonly RackMachine[], how: RackPlay): Promise<void> {
    await Promise.all(
      machines.map(async (machine) => {
        const chance = chanceFrom(how.seed + machine.index)
        if (how.spreadMs > 0) await pause(chance() * how.spreadMs)
        how.ended(await this.#playOne(machine, chance, how.limitMs))
      }),
    )
  }

  async #playOne(machine: RackMachine, chance: () => number, limitMs: number): Promise<Played> {
    const { now } = this.#wire
    const began = now()
    const over = AbortSignal.timeout(limitMs)
    const seat: Seat = { machine, chance, over, address: undefined, byteCount: 0 }
    const phases: { [phase in Phase]?: number } = {}
    let phase: { readonly name: Phase; readonly since: number } | undefined
    const enter = (name: Phase | undefined): void => {
      if (phase?.name === name) return
      // A phase that is gone through twice, as after a power cut, counts as one.
      if (phase !== undefined) phases[phase.name] = (phases[phase.name] ?? 0) + now() - phase.since
      phase = name === undefined ? undefined : { name, since: now() }
    }
    const finish = (end: BootEnd): Played => {
      enter(undefined)
      return { machine, end, phases, totalMs: now() - began, byteCount: seat.byteCount }
    }

    const course: Course<BootEnd> = bootMachine(machine, chance)
    let step = course.next({ kind: 'done' })
    while (step.done !== true) {
      if (over.aborted) {
        const where = phase === undefined ? '' : ` in the phase ${phase.name}`
        return finish({
          kind: 'lost',
          because: `it was not up after ${Math.round(limitMs / 1000)} s${where}`,
        })
      }
      if (step.value.kind === 'enter') enter(step.value.phase)
      step = course.next(await this.#do(step.value, seat))
    }
    return finish(step.value)
  }

  async #do(deed: Deed, seat: Seat): Promise<Found> {
    switch (deed.kind) {
      case 'enter':
        return done
      case 'pause':
        await pause(deed.ms, undefined, { signal: seat.over }).catch(() => {})
        return done
      case 'ask': {
        const loses = losing(seat)
        const { copies, expects, withinMs } = deed
        const message = await this.#post.ask(deed.message, seat.machine.mac, {
          copies,
          expects,
          withinMs,
          loses,
        })
        return message === undefined ? failed('no answer') : { kind: 'reply', message }
      }
      case 'take-address':
        if (seat.address !== deed.address) await this.#wire.takeAddress(deed.address)
        seat.address = deed.address
        return done
      case 'fetch-tftp': {
        if (seat.address === undefined) return failed('it has no address')
        const found = await this.#download(deed, seat, seat.address)
        if (found.kind === 'file') this.#count(seat, found.byteCount)
        return found
      }
      case 'fetch-http': {
        if (seat.address === undefined) return failed('it has no address')
        const found = await this.#fetch(deed, seat, seat.address)
        if (found.kind === 'response') this.#count(seat, found.byteCount)
        return found
      }
      case 'got': {
        const { file, byteCount, checksum } = deed
        const first = this.#files.get(file)
        if (first === undefined) this.#files.set(file, { byteCount, checksum })
        else if (first.byteCount !== byteCount || first.checksum !== checksum) {
          return failed(`of ${file} it was given other bytes than another machine`)
        }
        return done
      }
    }
  }

  async #fetch(order: HttpOrder, seat: Seat, address: Ipv4): Promise<Found> {
    const { progress } = order
    if (progress === undefined) return await this.#wire.fetch(order, address, seat.over)
    const { url, userAgent, everyMs, unpacks } = progress
    let came = order.from?.byte ?? 0
    const before = came
    const telling = setInterval(() => {
      const body = `${Math.floor(came * unpacks)}\n`
      const word = { method: 'POST', url, userAgent, body, keepText: false } as const
      // It never rejects, and nobody waits for what comes of it.
      void this.#wire.fetch(word, address, seat.over)
    }, everyMs)
    try {
      return await this.#wire.fetch(order, address, seat.over, (byteCount) => (came = before + byteCount))
    } finally {
      clearInterval(telling)
    }
  }

  #count(seat: Seat, byteCount: number): void {
    seat.byteCount += byteCount
    this.byteCount += byteCount
  }

  async #download(order: TftpOrder, seat: Seat, address: Ipv4): Promise<Found> {
    const loses = losing(seat)
    const started = startDownload(order)
    let { download } = started
    let server: Peer = { address: order.server, port: tftpPort }
    let answered = false
    let tries = 0
    let checksum = 0
    return await new Promise<Found>((resolve) => {
      let late: NodeJS.Timeout | undefined
      const end = (found: Found): void => {
        clearTimeout(late)
        port.close()
        resolve(found)
      }
      const say = (packets: readonly Uint8Array[]): void => {
        for (const packet of packets) if (!loses()) port.send(packet, server)
      }
      const await_ = (): void => {
        clearTimeout(late)
        late = setTimeout(() => {
          if (++tries > tftpTries)
            return end(failed(`silence after block ${download.blocks} of ${order.file}`))
          say([sayAgain(download, started.request)])
          await_()
        }, tftpPatienceMs)
      }
      const port = this.#wire.openPort(address, (bytes, from) => {
        if (download.outcome.kind !== 'under-way' || loses()) return
        // The server answers from a port of its own, which stands for this transfer (RFC 1350 §4).
        if (from.address !== server.address || (answered && from.port !== server.port)) return
        server = from
        answered = true
        const step = receive(download, bytes)
        if (step.download.blocks > download.blocks) tries = 0
        download = step.download
        if (step.bytes !== undefined) checksum = crc32(step.bytes, checksum)
        say(step.send)
        const { outcome, byteCount } = download
        switch (outcome.kind) {
          case 'under-way':
            return await_()
          case 'whole':
            return end({ kind: 'file', byteCount, checksum })
          case 'size':
          case 'died':
            return end({ kind: 'done' })
          case 'refused':
            return end(failed(outcome.because))
        }
      })
      say(started.send)
      await_()
    })
  }
}

const tftpPort = 69
const done: Found = { kind: 'done' }

type Seat = {
  readonly machine: RackMachine
  readonly chance: () => number
  /** Comes when its time is over. */
  readonly over: AbortSignal
  address: Ipv4 | undefined
  byteCount: number
}

function losing({ machine, chance }: Seat): () => boolean {
  return machine.fault === 'lost-packets' ? () => chance() < lossRate : () => false
}

function failed(because: string): Found {
  return { kind: 'failed', because }
}
