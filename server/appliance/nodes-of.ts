import type { Roster } from '../machines/roster.ts'
import type { Plans } from './plans.ts'

/** The machines that are nodes of a cluster, or are to become some, each as a person knows it. */
export function nodesOf(
  { roster, plans }: { readonly roster: Roster; readonly plans: Pick<Plans, 'joinOf'> },
  cluster: string,
): readonly string[] {
  return roster
    .all()
    .filter((machine) => machine.macs.some((mac) => plans.joinOf(mac, machine)?.cluster === cluster))
    .map(({ id, hostname }) => hostname ?? id)
}
