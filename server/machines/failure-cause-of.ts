import type { FailureCause } from './failure-causes.ts'
import type { Join } from './join.ts'
import type { Trigger } from './lifecycle.ts'
import type { AttemptStage, Machine } from './machine.ts'

/** The cause of the failure of a machine, as it was, by this trigger after its boot had come as far as a stage. */
export function failureCauseOf(
  trigger: Trigger,
  { state, install, join }: Pick<Machine, 'state' | 'install' | 'join'>,
  reached: AttemptStage | undefined,
): FailureCause {
  if (state === 'releasing') return 'release-not-ended'
  if (state === 'joining') return ofJoin(trigger, join)
  if (trigger === 'install-failed') return 'disk-not-written'
  if (trigger === 'cloud-init-failed') return 'cloud-init-failed'
  if (install?.phase === 'written') return 'disk-silent'
  switch (reached) {
    case undefined:
    case 'firmware':
    case 'ipxe':
    case 'script':
      return 'kernel-not-fetched'
    case 'kernel':
      return 'system-not-started'
    case 'system':
      return 'cloud-init-not-started'
    case 'cloud-init':
    case 'ended':
      return 'cloud-init-not-finished'
  }
}

function ofJoin(trigger: Trigger, join: Join | undefined): FailureCause {
  if (trigger === 'join-failed') return join?.order === 'init' ? 'init-failed' : 'join-failed'
  switch (join?.phase) {
    case 'refused':
      return 'not-fit'
    case 'joined':
    case 'node':
      return 'node-not-ready'
    case 'ordered':
    case 'waits':
    case undefined:
      return 'join-silent'
  }
}

/** Causes that a system which is up may mend by asking its cluster again. */
export function isOfJoin(cause: FailureCause | undefined): boolean {
  switch (cause) {
    case 'not-fit':
    case 'init-failed':
    case 'join-failed':
    case 'join-silent':
    case 'node-not-ready':
      return true
    case 'release-not-ended':
    case 'kernel-not-fetched':
    case 'system-not-started':
    case 'cloud-init-not-started':
    case 'cloud-init-not-finished':
    case 'cloud-init-failed':
    case 'disk-not-written':
    case 'disk-silent':
    case undefined:
      return false
  }
}
