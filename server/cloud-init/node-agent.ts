import type { SeedParts } from './seed-parts.ts'

/** The files of `cloud-init/node` that lead a system into its cluster. */
export type AgentMaterial = {
  readonly agent: string
  /** The functions by which it renews its credential. */
  readonly enrolment: string
  readonly unit: string
}

const lib = '/usr/local/lib/ironwake'

/** The program that asks the box how a system gets into its cluster, as a service of systemd. */
export function agentParts({ agent, enrolment, unit }: AgentMaterial): SeedParts {
  return {
    kind: 'parts',
    files: [
      { path: `${lib}/node-agent`, permissions: '0755', content: agent },
      { path: `${lib}/enrolment`, permissions: '0644', content: enrolment },
      { path: '/etc/systemd/system/ironwake-node.service', permissions: '0644', content: unit },
    ],
    commands: [
      ['systemctl', 'daemon-reload'],
      // cloud-init waits for no service that waits for cloud-init.
      ['systemctl', 'enable', '--now', '--no-block', 'ironwake-node.service'],
    ],
  }
}
