import type { DhcpMessage, MessageTypeName } from '../dhcp/message.ts'
import type { About, ApplianceEvent } from '../events/event.ts'
import {
  heardAsking,
  heardLeaving,
  proxyStrategies,
  withoutTrial,
  type Climb,
  type ProxyLadder,
  type ProxyStrategy,
} from '../machines/proxy-ladder.ts'
import type { ProxyForm } from '../networks/network.ts'
import type { BootDecision } from './decide.ts'
import type { BootClient } from './identify.ts'

export type StrategyQuestion = {
  readonly message: DhcpMessage
  readonly type: MessageTypeName
  readonly client: BootClient
  readonly decision: BootDecision
  /** What the settings want. */
  readonly form: ProxyForm
  /** What was learnt of this machine so far. */
  readonly ladder: ProxyLadder | undefined
  readonly about: About
  readonly at: number
}

export type ChosenStrategy = {
  readonly strategy: ProxyStrategy
  /** What is to be remembered of the machine; absent, as much as before. */
  readonly ladder?: ProxyLadder
  readonly happened: readonly ApplianceEvent[]
}

/**
 * The form of what firmware is told in mode `proxy`. Only PXE firmware has a choice of forms: iPXE takes a complete offer at once,
 * HTTP boot knows one form, and a Raspberry Pi looks for its own text in option 43.
 */
export function chooseStrategy(question: StrategyQuestion): ChosenStrategy {
  const { ladder, form } = question
  const fixed = form === 'ladder' ? undefined : form
  const climb = climbed(question, fixed)
  const strategy = fixed ?? climb?.ladder.strategy ?? ladder?.strategy ?? proxyStrategies[0]
  if (climb === undefined) return { strategy, happened: [] }
  const { change } = climb
  if (change === undefined) return { strategy, ladder: climb.ladder, happened: [] }
  return {
    strategy,
    ladder: climb.ladder,
    happened: [{ kind: 'proxy-strategy-changed', ...question.about, ...change }],
  }
}

/** Whether the ladder has a say in what this client is told. */
export function hasStrategies(client: BootClient, decision: BootDecision): boolean {
  return client.kind === 'pxe' && decision.kind === 'load-program' && decision.vendorOptions === undefined
}

function climbed(question: StrategyQuestion, fixed: ProxyStrategy | undefined): Climb | undefined {
  const { message, type, client, decision, ladder, at } = question
  if (type !== 'discover') return undefined
  if (client.kind === 'http') return ladder === undefined ? undefined : heardLeaving(ladder, at)
  if (!hasStrategies(client, decision)) return undefined
  if (fixed !== undefined) return ladder === undefined ? undefined : { ladder: withoutTrial(ladder) }
  const { xid, secs } = message
  return heardAsking(ladder, { mac: client.mac, xid, secs, at })
}
