import { parseMac, type Mac } from '../wire/mac.ts'
import { byteSwapped, parseUuid, type Uuid } from '../wire/uuid.ts'

/**
 * `bios` is SeaBIOS with iPXE in the ROM of its card, `rom` an old BIOS with the PXE ROM of a card maker, `uefi` EDK2's
 * PXE, `http` EDK2's HTTP boot.
 */
export const firmwares = ['bios', 'rom', 'uefi', 'http'] as const
export type SimulatedFirmware = (typeof firmwares)[number]

/** How the system of a machine comes about; the settings of the rack's own box give each machine its own. */
export const rackMethods = ['ram', 'disk', 'autoinstall'] as const
export type RackMethod = (typeof rackMethods)[number]

/** What the serial numbers of its machines begin with, by which the settings tell them apart. */
export const serialsOf: { readonly [method in RackMethod]: string } = {
  ram: 'RACK-RAM-',
  disk: 'RACK-DISK-',
  autoinstall: 'RACK-AUTOINSTALL-',
}

/** Behaviours of real ROMs, networks and people that a boot server has to live with, and what each does. */
export const faults = {
  'duplicate-messages': 'sends every DHCP message twice',
  'lost-packets': 'loses a tenth of its DHCP and TFTP packets, in both directions',
  'no-secs': 'says in every message that it has only just begun (secs is 0)',
  'no-architecture': 'leaves option 93 out and names its architecture in option 60 only',
  'wrong-architecture': 'names in option 93 a number that nobody has given',
  'trailing-mark': 'asks for its boot program with the byte 255 behind the name',
  restarts: 'loses power in the middle of its boot program, and starts over',
  'breaks-off': 'loses the connection in the middle of each big file, and goes on from there',
  'slow-reader': 'reads the image slowly',
  impatient: 'sends a second DISCOVER with a new transaction before it listens',
} as const
export type Fault = keyof typeof faults

/** A machine of the virtual rack. */
export type RackMachine = {
  readonly index: number
  readonly mac: Mac
  /** As iPXE prints it. Firmware sends its first three groups the other way round. */
  readonly uuid: Uuid
  readonly uuidInDhcp: Uuid
  readonly serial: string
  readonly firmware: SimulatedFirmware
  readonly fault: Fault | undefined
  /** By what it is to come up; absent, by whatever it is told. */
  readonly method: RackMethod | undefined
}

export type RackPlan = {
  readonly machines: number
  /** How many of each come in turn. */
  readonly mix: readonly { readonly firmware: SimulatedFirmware; readonly share: number }[]
  /** How many of each come in turn; with none the box that is asked decides. */
  readonly methods: readonly { readonly method: RackMethod; readonly share: number }[]
  /** Half of the machines have one of these, in turn. */
  readonly faults: readonly Fault[]
}

/** The locally administered block the machines of a rack have their addresses from. */
const macPrefix = '02:1d:e0'

/** Lines machines up as the plan says; the same plan gives the same machines. */
export function rackOf(plan: RackPlan): readonly RackMachine[] {
  const turn = plan.mix.flatMap(({ firmware, share }) => Array.from({ length: share }, () => firmware))
  const methods = plan.methods.flatMap(({ method, share }) => Array.from({ length: share }, () => method))
  // When both turns begin together again one of them goes a step on, so that each firmware meets each method.
  const both = leastCommonMultiple(Math.max(1, turn.length), Math.max(1, methods.length))
  let faulty = 0
  return Array.from({ length: plan.machines }, (_, index) => {
    const number = index + 1
    const bytes = [number >>> 16, (number >>> 8) & 0xff, number & 0xff]
    const mac = parseMac([macPrefix, ...bytes.map(twoDigits)].join(':'))
    const uuid = parseUuid(`1d1d1d1d-4a5b-4c6d-8e7f-${number.toString(16).padStart(12, '0')}`)
    if (mac === undefined || uuid === undefined) throw new Error(`a rack has no place ${number}`)
    // Every other one; rounds of even length begin in turn with a faulty and a sound one, so that no firmware has all of
    // the faults.
    const round = turn.length % 2 === 0 ? Math.floor(index / Math.max(1, turn.length)) : 0
    const odd = (index + round) % 2 === 1
    const fault = odd ? plan.faults[faulty++ % Math.max(1, plan.faults.length)] : undefined
    const method = methods[(index + Math.floor(index / both)) % Math.max(1, methods.length)]
    return {
      index,
      mac,
      uuid,
      uuidInDhcp: byteSwapped(uuid),
      serial: `${method === undefined ? 'RACK-' : serialsOf[method]}${number}`,
      firmware: turn[index % Math.max(1, turn.length)] ?? 'uefi',
      fault,
      method,
    }
  })
}

function leastCommonMultiple(one: number, other: number): number {
  let [a, b] = [one, other]
  while (b !== 0) [a, b] = [b, a % b]
  return (one / a) * other
}

function twoDigits(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}
