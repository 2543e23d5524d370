import { readFileSync } from 'node:fs'
import { whoseEvent } from '../../server/appliance/whose-event.ts'
import type { Intent } from '../../server/boot/choose-script.ts'
import { diagnose, type Diagnosis } from '../../server/boot/doctor.ts'
import type { DhcpMessage } from '../../server/dhcp/message.ts'
import { optionCodes } from '../../server/dhcp/option-codes.ts'
import type { ApplianceEvent, RecordedEvent } from '../../server/events/event.ts'
import type { Attempt, AttemptResult, AttemptStage, Machine } from '../../server/machines/machine.ts'
import type { RosterChange } from '../../server/machines/roster-change.ts'
import { Roster } from '../../server/machines/roster.ts'
import type { Network } from '../../server/networks/network.ts'
import { bytesOfIpv4 } from '../../server/wire/ipv4.ts'
import { bytesOfMac } from '../../server/wire/mac.ts'
import { golden } from '../dhcp/golden.ts'
import { countingChance } from '../machines/sightings.ts'
import { macNumber } from '../networks/a-network.ts'
import { Box, captured, type Sent } from './a-box.ts'

export const patientMac = macNumber(1)

/** A box and one machine whose boots are recorded as the appliance records them, with a clock that the test turns. */
export class Clinic {
  readonly box: Box
  readonly roster = new Roster()
  readonly events: RecordedEvent[] = []
  readonly troubles: RecordedEvent[] = []
  intent: Intent = { approved: true, method: 'ram', image: { kind: 'image', name: 'debian' } }
  readonly #attempts: Attempt[] = []
  readonly #chance = countingChance()

  constructor(changes: Partial<Network> = {}) {
    this.box = new Box({ ...captured, ...changes })
  }

  get now(): number {
    return this.box.now
  }

  get machine(): Machine {
    const machine = this.roster.byMac(patientMac)
    if (machine === undefined) throw new Error('the machine has no record')
    return machine
  }

  passes(seconds: number): this {
    this.box.now += seconds * 1_000
    return this
  }

  /** A golden packet, as if this machine had sent it; of a REQUEST the address and the server are put in. */
  sends(
    name: string,
    changes: Partial<DhcpMessage> = {},
    options: readonly (readonly [number, Uint8Array])[] = [],
  ) {
    const message = golden(name)
    const chaddr = new Uint8Array(16)
    chaddr.set(bytesOfMac(patientMac))
    const all = new Map(message.options)
    all.delete(optionCodes.clientIdentifier)
    for (const [code, value] of options) all.set(code, value)
    return this.#hear({ ...message, chaddr, options: all, ...changes })
  }

  /** DISCOVER, OFFER, REQUEST and ACK of a kind of client. */
  leases(kind: string): this {
    const offer = this.sends(`discover-${kind}`)
    if (offer === undefined) throw new Error(`no offer: ${JSON.stringify(this.events.at(-1))}`)
    this.passes(1)
    this.sends(`request-${kind}`, {}, [
      [optionCodes.requestedAddress, bytesOfIpv4(offer.message.yiaddr)],
      [optionCodes.serverIdentifier, bytesOfIpv4(this.box.network.serverAddress)],
    ])
    return this
  }

  #hear(message: DhcpMessage): Sent | undefined {
    const answered = this.box.ask(message)
    if (answered.seen !== undefined) this.#keep(this.roster.see(answered.seen, this.now, this.#chance))
    for (const event of answered.happened) this.says(event)
    return answered.reply
  }

  /** Something that happens to this machine beside DHCP, and how far it has come by it. */
  says(event: ApplianceEvent, stage?: AttemptStage): this {
    const attempt = this.roster.byMac(patientMac) && this.roster.latestAttempt(this.machine.id)
    if (stage !== undefined && attempt !== undefined)
      this.#keep(this.roster.advance(attempt.id, stage, this.now))
    const whose = whoseEvent(
      this.roster,
      () => patientMac,
      () => this.now,
    )
    const about = event.mac === undefined ? { ...event, mac: patientMac } : event
    this.events.push({ id: this.events.length + 1, at: this.now, ...whose(about), event: about })
    return this
  }

  /** A fault of the box itself, which belongs to no machine. */
  fails(event: ApplianceEvent): this {
    this.troubles.push({ id: 0, at: this.now, event })
    return this
  }

  /** iPXE asks for its script and gets this one. */
  isTold(script: 'run-image' | 'boot-local' | 'wait' | 'stop', because = 'the test says so'): this {
    const sighting = { mac: patientMac }
    this.#keep(this.roster.see({ stage: 'script', sighting, because: 'iPXE asked' }, this.now, this.#chance))
    this.says({ kind: 'script-served', script, because })
    if (script === 'run-image') {
      this.#keep(this.roster.move(this.machine.id, 'approved', because, this.now))
      this.#keep(this.roster.move(this.machine.id, 'script-served', because, this.now))
      return this
    }
    return this.ends('local-disk', because)
  }

  isSent(...files: readonly string[]): this {
    for (const file of files) {
      const stage = file === 'squashfs' ? 'system' : 'kernel'
      const sent = {
        kind: 'file-served',
        file: `debian/${file}`,
        byteCount: 7,
        tookMs: 5,
        complete: true,
      } as const
      this.says(sent, stage)
    }
    return this
  }

  ends(result: AttemptResult, because = 'the test says so'): this {
    const { id } = this.roster.latestAttempt(this.machine.id)!
    if (result === 'failed')
      this.#keep(this.roster.move(this.machine.id, 'cloud-init-failed', because, this.now))
    this.#keep(this.roster.end(id, result, because, this.now))
    return this
  }

  /** What the doctor says after so many more seconds of silence. */
  after(seconds: number): Diagnosis {
    const boots = this.#attempts.toReversed().map((attempt) => ({
      attempt,
      events: this.events.filter((event) => event.attempt === attempt.id),
    }))
    return diagnose({
      machine: this.machine,
      boots,
      since: this.events.filter((event) => event.attempt === undefined),
      intent: this.intent,
      troubles: this.troubles,
      now: this.now + seconds * 1_000,
    })
  }

  #keep(change: RosterChange): void {
    for (const attempt of change.attempts) {
      const at = this.#attempts.findIndex(({ id }) => id === attempt.id)
      if (at === -1) this.#attempts.push(attempt)
      else this.#attempts[at] = attempt
    }
    for (const event of change.happened) this.says(event)
  }
}

/** What `ironwake events --output json` printed while a machine really booted. */
export function recordedBoot(name: string): readonly RecordedEvent[] {
  const text = readFileSync(new URL(`../fixtures/boots/${name}.jsonl`, import.meta.url), 'utf8')
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as RecordedEvent)
}
