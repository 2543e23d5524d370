import type { Config } from '../config/config.ts'
import type { Finding } from './finding.ts'

/** Who is let in without being asked for, by the rule of the settings. */
export function checkApproval({
  approve,
  networks,
}: Pick<Config, 'approve' | 'networks'>): readonly Finding[] {
  if (networks.every((network) => network.mode === 'observe')) return []
  if (approve.kind === 'all') {
    return [
      {
        verdict: 'doubtful',
        subject: 'approval',
        fact: 'every machine that starts from the network is let in',
      },
    ]
  }
  const { macs, likenesses = [] } = approve
  const approved = [...counted(macs.size, 'MAC address'), ...counted(likenesses.length, 'rule')]
  if (approved.length > 0) {
    return [{ verdict: 'well', subject: 'approval', fact: `by ${approved.join(' and ')}` }]
  }
  const nextStep =
    'Approve each with `ironwake machines approve`; or add MAC addresses to approve in ironwake.yaml, or approve: all on a lab network'
  return [
    {
      verdict: 'doubtful',
      subject: 'approval',
      fact: 'no rule approves a machine; each waits for a person',
      nextStep,
    },
  ]
}

/** `one rule`, `3 MAC addresses`; nothing for none. */
function counted(count: number, what: string): readonly string[] {
  if (count === 0) return []
  return [count === 1 ? `one ${what}` : `${count} ${what}${what.endsWith('s') ? 'es' : 's'}`]
}
