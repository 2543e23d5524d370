import type { FailureCause } from './failure-causes.ts'
import type { Trigger } from './lifecycle.ts'
import type { DiskInstall } from './disk-install.ts'
import type { AttemptStage } from './machine.ts'

/** The cause of a boot that failed by this trigger after it had come as far as a stage. */
export function failureCauseOf(
  trigger: Trigger,
  reached: AttemptStage | undefined,
  install?: DiskInstall,
): FailureCause {
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
