import { setTimeout as pause } from 'node:timers/promises'
import type { Config } from '../config/config.ts'
import type { PowerSettings } from '../config/power-settings.ts'
import type { ApplianceEvent } from '../events/event.ts'
import type { PowerDesk, Powered, PowerOrder } from '../http/power-desk.ts'
import { bmcTransport } from '../listen/bmc-transport.ts'
import { UdpUnavailable } from '../listen/udp-descriptor.ts'
import { wakeMachine, type WakePlace } from '../listen/wake-machine.ts'
import { aboutMachine } from '../machines/about-machine.ts'
import type { Machine } from '../machines/machine.ts'
import type { LeaseView } from '../networks/lease.ts'
import type { Network } from '../networks/network.ts'
import { powerControlOf } from '../power/power-control-of.ts'
import type { PowerControl, PowerOutcome } from '../power/power-control.ts'
import { PowerFault } from '../power/power-fault.ts'
import type { Logbook } from './logbook.ts'

export type PowerDeskParts = {
  readonly machines: Config['machines']
  readonly networks: readonly Network[]
  readonly leases: Pick<LeaseView, 'leaseOf'>
  readonly logbook: Pick<Logbook, 'note'>
  /** Wakes cards behind an interface. */
  readonly wake?: typeof wakeMachine
}

/** A BMC that takes longer is not waited for by a person at a terminal. */
const longestMs = 90_000

/** What persons, and the box itself, want of the power of machines. */
export function powerDesk(parts: PowerDeskParts): PowerDesk {
  const settings = new Map(parts.machines.map(({ mac, power }) => [mac, power]))
  const busy = new Set<string>()
  const settingsOf = ({ macs }: Machine): PowerSettings =>
    macs.map((mac) => settings.get(mac)).find((found) => found !== undefined) ?? { kind: 'wake-on-lan' }

  const powered = async (machine: Machine, order: PowerOrder): Promise<Powered> => {
    const way = settingsOf(machine)
    const common = { ...aboutMachine(machine), way: way.kind, action: order.action }
    if (busy.has(machine.id)) {
      return { kind: 'refused', because: `the power of ${machine.id} is being switched already` }
    }
    busy.add(machine.id)
    try {
      const outcome = await turned(parts, machine, way, order)
      const told: ApplianceEvent = {
        kind: 'power-turned',
        ...common,
        ...(order.boot === undefined ? {} : { boot: order.boot }),
        state: outcome.state,
      }
      parts.logbook.note(told)
      return { kind: 'powered', way: way.kind, ...outcome }
    } catch (error) {
      if (!(error instanceof PowerFault)) throw error
      parts.logbook.note({ kind: 'power-failed', ...common, because: error.message })
      return { kind: 'refused', because: error.message }
    } finally {
      busy.delete(machine.id)
    }
  }

  return {
    turn: powered,
    async state(machine) {
      const way = settingsOf(machine)
      if (way.kind === 'wake-on-lan') return { kind: 'refused', because: noControl(machine) }
      try {
        const over = AbortSignal.timeout(longestMs)
        const state = await controlOf(way, machine).state({ machine, over })
        return { kind: 'powered', way: way.kind, state, remarks: [] }
      } catch (error) {
        if (!(error instanceof PowerFault)) throw error
        return { kind: 'refused', because: error.message }
      }
    },
    async startFromNetwork(machine) {
      const way = settingsOf(machine)
      const boot = way.kind === 'wake-on-lan' ? {} : { boot: 'network' as const }
      return await powered(machine, { action: way.kind === 'wake-on-lan' ? 'on' : 'cycle', ...boot })
    },
  }
}

async function turned(
  parts: PowerDeskParts,
  machine: Machine,
  way: PowerSettings,
  { action, boot }: PowerOrder,
): Promise<PowerOutcome> {
  if (way.kind !== 'wake-on-lan') {
    const over = AbortSignal.timeout(longestMs)
    const wanted = boot === undefined ? {} : { boot }
    return await controlOf(way, machine).turn({ action, ...wanted, machine, over })
  }
  if (action !== 'on') throw new PowerFault('unsupported', noControl(machine))
  if (boot !== undefined) {
    throw new PowerFault(
      'unsupported',
      `Wake-on-LAN cannot say what ${machine.id} boots; its own boot order does. Leave out --boot, or give it \`power\` in the settings.`,
    )
  }
  await wake(parts, machine)
  const remarks = ['nobody answers to Wake-on-LAN: it shows when the machine asks for an address']
  return { state: 'unknown', remarks }
}

/** Into the networks where it has an address; where it has none, into all that the box stands in. */
async function wake(
  { networks, leases, wake: send = wakeMachine }: PowerDeskParts,
  machine: Machine,
): Promise<void> {
  const { id, macs } = machine
  if (macs.length === 0) throw new PowerFault('unsupported', `${id} has no network card on record.`)
  const near = networks.filter(({ relayed }) => relayed !== true)
  const its = near.filter(({ name }) => macs.some((mac) => leases.leaseOf(name, mac) !== undefined))
  const places = placesOf(its.length > 0 ? its : near)
  if (places.length === 0) {
    throw new PowerFault('unsupported', 'This box stands in no network into which it could send Wake-on-LAN.')
  }
  const reasons: string[] = []
  for (const place of places) {
    try {
      const because = await send(place, macs)
      if (because !== undefined) reasons.push(`${place.interface}: ${because}`)
    } catch (error) {
      if (!(error instanceof UdpUnavailable)) throw error
      reasons.push(error.message)
    }
  }
  if (reasons.length === places.length) throw new PowerFault('unreachable', reasons.join('; '))
}

/** Several networks may share an interface. */
function placesOf(networks: readonly Network[]): readonly WakePlace[] {
  const places = networks.map((network) => ({ interface: network.interface, address: network.serverAddress }))
  return [...new Map(places.map((place) => [place.interface, place])).values()]
}

function controlOf(way: Exclude<PowerSettings, { kind: 'wake-on-lan' }>, machine: Machine): PowerControl {
  const { id, macs, hostname } = machine
  const about = { machine: id, macs, ...(hostname === undefined ? {} : { hostname }) }
  const tools = {
    openBmc: bmcTransport,
    pause: async (ms: number, over: AbortSignal) => await quietly(ms, over),
  }
  return powerControlOf(way, tools, about)
}

async function quietly(ms: number, over: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal: over }).catch(() => {
    throw new PowerFault('too-slow', 'It took longer than it may.')
  })
}

function noControl({ id }: Machine): string {
  return `Without \`power\` in the settings ${id} can only be woken: ironwake machines power ${id} on. Write redfish, ipmi or a webhook there, or use its button.`
}
