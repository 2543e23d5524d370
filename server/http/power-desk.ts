import type { Machine } from '../machines/machine.ts'
import type { PowerAction, PowerState } from '../machines/power-action.ts'

/** `boot`: what it boots by that, this once; absent, what its own boot order says. */
export type PowerOrder = { readonly action: PowerAction; readonly boot?: 'network' }

/** What came of it. `way`: by what its power is switched; `remarks`: what else a person should know. */
export type Powered =
  | {
      readonly kind: 'powered'
      readonly way: string
      readonly state: PowerState
      readonly remarks: readonly string[]
    }
  | { readonly kind: 'refused'; readonly because: string }

/** What can be wanted of the power of machines. */
export type PowerDesk = {
  readonly turn: (machine: Machine, order: PowerOrder) => Promise<Powered>
  readonly state: (machine: Machine) => Promise<Powered>
  /** Has a machine boot from the network as well as its power allows: once by its BMC, or woken if it is off. */
  readonly startFromNetwork: (machine: Machine) => Promise<Powered>
}
