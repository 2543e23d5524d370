import type { PowerAction, PowerState } from '../machines/power-action.ts'

/** What of a machine the control of its power must know. */
export type Powered = {
  readonly uuid: string | undefined
  readonly firmware: string | undefined
}

/** What came of it: the state as last seen, and what else a person should know. */
export type PowerOutcome = { readonly state: PowerState; readonly remarks: readonly string[] }

export type PowerOrder = {
  readonly action: PowerAction
  /** It boots from the network, this once. */
  readonly boot?: 'network'
  readonly machine: Powered
  readonly over: AbortSignal
}

/** The control of one machine's power. It fails with a `PowerFault`. */
export type PowerControl = {
  readonly turn: (order: PowerOrder) => Promise<PowerOutcome>
  readonly state: (asking: Pick<PowerOrder, 'machine' | 'over'>) => Promise<PowerState>
}
