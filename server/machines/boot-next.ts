/** What a machine does at its next boot in place of what the settings say, and at that one only. */
export type BootNext = {
  readonly action: BootNextAction
  readonly askedAt: number
  /** The boot in which it was done; absent, it is still to be done. */
  readonly used?: ThisBoot
}

export const bootNextActions = ['local', 'image'] as const
export type BootNextAction = (typeof bootNextActions)[number]

/** A boot, by its attempt, and by the walk through the boot order of which it is a part. */
export type ThisBoot = {
  readonly attempt: string
  /** When the walk began; absent where it has ended by leading somewhere. */
  readonly walk?: number
}

/**
 * What is to be done in this boot. A script that is asked for again in the same boot is the same script. Firmware that
 * leaves for its disk may come by its other network entries first, and is sent on by each.
 */
export function dueIn(next: BootNext | undefined, boot: ThisBoot): BootNextAction | undefined {
  if (next === undefined) return undefined
  const { action, used } = next
  if (used === undefined || used.attempt === boot.attempt) return action
  const isSameWalk = used.walk !== undefined && used.walk === boot.walk
  return action === 'local' && isSameWalk ? action : undefined
}
