import {
  makeToken,
  tokenLifeMs,
  tokenNamespace,
  tokenSecret,
  tokenSecretName,
  tokenText,
  type BootstrapToken,
} from '../clusters/bootstrap-token.ts'
import { KubeFault } from '../clusters/kube-fault.ts'
import { aboutMachine } from '../machines/about-machine.ts'
import type { Chance } from '../machines/chance.ts'
import type { Join } from '../machines/join.ts'
import type { Machine } from '../machines/machine.ts'
import { noChange } from '../machines/roster-change.ts'
import type { Roster } from '../machines/roster.ts'
import type { ClusterLinks } from './cluster-links.ts'
import type { Logbook } from './logbook.ts'
import { oneAtATime } from './one-at-a-time.ts'

export type TokenKeeperParts = {
  readonly roster: Roster
  readonly logbook: Logbook
  readonly links: Pick<ClusterLinks, 'clientOf'>
  readonly now: () => number
  readonly chance: Chance
}

/** The bootstrap tokens that are out: each for one machine, until its Node is Ready, it has failed, or the time is over. */
export type TokenKeeper = {
  /** Makes a token for a machine on its way; its public half is on record before the cluster knows it. */
  readonly make: (machine: Machine, join: Join) => Promise<string>
  /** Deletes those that are over. What cannot be deleted now is tried again the next time. */
  readonly sweep: () => Promise<void>
}

type Out = {
  readonly machine: string
  readonly cluster: string
  readonly until: number
  /** The cluster is being asked for it: what is deleted before it is there would be there after it. */
  isBeingMade: boolean
  isTold: boolean
}

/** The cluster's own token cleaner has taken it away by then. */
const forgottenAfterMs = 60_000
const askMs = 15_000

export function tokenKeeper({ roster, logbook, links, now, chance }: TokenKeeperParts): TokenKeeper {
  const out = new Map<string, Out>()
  for (const { id: machine, join } of roster.all()) {
    if (join?.token === undefined) continue
    const { id, until } = join.token
    out.set(id, { machine, cluster: join.cluster, until, isBeingMade: false, isTold: false })
  }
  const inTurn = oneAtATime()

  return {
    async make(machine, join) {
      const token = makeToken(chance)
      const { id } = token
      const { cluster } = join
      const until = now() + tokenLifeMs
      const made: Out = { machine: machine.id, cluster, until, isBeingMade: true, isTold: false }
      out.set(id, made)
      try {
        return await ask(machine, token, join, until)
      } finally {
        made.isBeingMade = false
      }
    },
    async sweep() {
      await inTurn(async () => {
        /** Who does not answer would hold up the others for each token that it has. */
        const silent = new Set<string>()
        for (const [id, one] of out) {
          if (silent.has(one.cluster)) continue
          const because = one.isBeingMade ? undefined : whyOver(id, one)
          if (because !== undefined && (await remove(id, one, because)) === 'silent') silent.add(one.cluster)
        }
      })
    },
  }

  async function ask(machine: Machine, token: BootstrapToken, join: Join, until: number): Promise<string> {
    const { id } = token
    const { cluster, node } = join
    await logbook.keep({
      ...roster.joins(machine.id, { ...join, token: { id, until } }),
      happened: [{ kind: 'bootstrap-token-made', ...aboutMachine(machine), cluster, node, id, until }],
    })
    const secret = tokenSecret(token, { node, machine: machine.id, until })
    await links.clientOf(cluster).createSecret(secret, AbortSignal.timeout(askMs))
    return tokenText(token)
  }

  function whyOver(id: string, { machine, until }: Out): string | undefined {
    const found = roster.byId(machine)
    if (found === undefined) return 'its machine is not on record any more'
    const { state, join } = found
    if (state === 'active') return 'its node is Ready'
    if (join?.token?.id !== id) return 'its machine is on another way by now'
    if (state !== 'joining') return `its machine is ${state}`
    if (join.phase !== 'ordered')
      return join.phase === 'joined' ? 'kubeadm has done with it' : 'its machine asks anew'
    return now() >= until ? 'its time is over' : undefined
  }

  async function remove(id: string, one: Out, because: string): Promise<'answers' | 'silent'> {
    let heard: 'answers' | 'silent' = 'answers'
    const { machine, cluster, until } = one
    const found = roster.byId(machine)
    const whose = found === undefined ? {} : aboutMachine(found)
    try {
      await links
        .clientOf(cluster)
        .deleteSecret(tokenNamespace, tokenSecretName(id), AbortSignal.timeout(askMs))
    } catch (error) {
      if (!(error instanceof KubeFault)) throw error
      if (error.kind === 'unreachable' || error.kind === 'stopped') heard = 'silent'
      if (error.kind !== 'not-found' && now() < until + forgottenAfterMs) {
        if (!one.isTold)
          logbook.note({ kind: 'bootstrap-token-left', ...whose, cluster, id, because: error.message })
        one.isTold = true
        return heard
      }
    }
    out.delete(id)
    const join = roster.byId(machine)?.join
    const change = join?.token?.id === id ? roster.joins(machine, withoutToken(join)) : noChange
    await logbook.keep({
      ...change,
      happened: [{ kind: 'bootstrap-token-deleted', ...whose, cluster, id, because }],
    })
    return heard
  }
}

function withoutToken(join: Join): Join {
  const { token: _, ...rest } = join
  return rest
}
