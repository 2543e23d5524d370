import type { SeedParts } from './seed-parts.ts'

/** The files of `cloud-init/node` that lead a system into its cluster. */
export type AgentMaterial = {
  readonly agent: string
  /** The functions by which it renews its credential. */
  readonly enrolment: string
  readonly unit: string
}

const lib = '/usr/local/lib/ironwake'

/**
 * The seed of a machine that is to become a node: what prepares its system, and around that the program that asks the box how it
 * gets into its cluster, as a service of systemd.
 */
export function withAgent(
  { agent, enrolment, unit }: AgentMaterial,
  prepared: SeedParts,
): readonly SeedParts[] {
  return [
    {
      kind: 'parts',
      files: [
        { path: `${lib}/node-agent`, permissions: '0755', content: agent },
        { path: `${lib}/enrolment`, permissions: '0644', content: enrolment },
        { path: '/etc/systemd/system/ironwake-node.service', permissions: '0644', content: unit },
      ],
      commands: [
        ['systemctl', 'daemon-reload'],
        // Before anything that takes long: cloud-init runs these commands once, and where the power goes away in the middle the
        // agent does the rest at the next start. So it has to be on the disk that it is to be started.
        ['systemctl', 'enable', 'ironwake-node.service'],
        ['sync'],
      ],
    },
    prepared,
    {
      kind: 'parts',
      files: [],
      // cloud-init waits for no service that waits for cloud-init. It also ends well where the system is not prepared yet: the
      // agent tries on, and tells the box why.
      commands: [['systemctl', 'start', '--no-block', 'ironwake-node.service']],
    },
  ]
}
