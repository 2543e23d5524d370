import type { NodeQuestion, NodeRoute } from '../http/node-routes.ts'
import type { Outcome } from '../http/outcome.ts'
import { isOfJoin } from '../machines/failure-cause-of.ts'
import type { Machine } from '../machines/machine.ts'
import { longestNodeFacts } from '../machines/parse-node-facts.ts'
import { orderGiver, type GiveOrderParts } from './give-order.ts'
import { nodeHearer, type HearNodeParts } from './hear-node.ts'
import { wishOf } from './joining.ts'
import { oneAtATime } from './one-at-a-time.ts'

export type JoinDeskParts = GiveOrderParts &
  HearNodeParts & {
    /** What else is wanted of a node that asks; absent, nothing. */
    readonly wanted: (machine: Machine) => 'leave' | 'reinstall' | 'reboot' | undefined
  }

/** The last lines of kubeadm. */
const mostSaid = 4_096

/** What machines ask and say on their way into a cluster, by the words of their routes. */
export function joinDesk(parts: JoinDeskParts): Readonly<Record<'join' | 'said' | 'ask', NodeRoute>> {
  const give = orderGiver(parts)
  const hear = nodeHearer(parts)
  /** Of one machine one after another: two questions of it must not both be given a token. */
  const turns = new Map<string, ReturnType<typeof oneAtATime>>()

  return {
    join: { mostBytes: longestNodeFacts, answer: async (question) => await inTurn(question, give) },
    said: { mostBytes: mostSaid, answer: async (question) => await inTurn(question, hear) },
    ask: {
      mostBytes: 256,
      async answer({ machine: id, body }) {
        const machine = parts.roster.byId(id)
        if (machine === undefined) return await Promise.resolve(unknownMachine)
        return { kind: 'text', type: 'text/plain', text: `${wordFor(machine, body.trim())}\n` }
      },
    },
  }

  async function inTurn(
    { machine: id, arrival, body }: NodeQuestion,
    work: (machine: Machine, body: string, from: string) => Promise<Outcome>,
  ): Promise<Outcome> {
    const turn = turns.get(id) ?? oneAtATime()
    turns.set(id, turn)
    return await turn(async () => {
      const machine = parts.roster.byId(id)
      return machine === undefined ? unknownMachine : await work(machine, body, arrival.from)
    })
  }

  /** `idle`: its system has joined nothing, and was told to ask no more until it is told to. */
  function wordFor(machine: Machine, said: string): string {
    const wanted = parts.wanted(machine)
    if (wanted !== undefined) return wanted
    if (said !== 'idle' || wishOf(parts, machine) === undefined) return 'nothing'
    const { state, failure } = machine
    const mayAsk = state === 'installed' || state === 'joining' || (state === 'failed' && isOfJoin(failure))
    return mayAsk ? 'join' : 'nothing'
  }
}

const unknownMachine: Outcome = {
  kind: 'refused',
  status: 403,
  because: 'this machine is not on record any more',
}
