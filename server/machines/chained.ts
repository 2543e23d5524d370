/** Boot programs given one after another to an iPXE that has no HTTP, so that it cannot fetch its script. */
export type Chained = {
  /** Its latest transaction; each iPXE that starts begins another. */
  readonly xid: number
  readonly count: number
  readonly latest: number
}

/** Who comes back without HTTP after so many programs would come back for ever. */
export const mostChained = 3

/** After so long it may be tried again: the programs of the box may have been exchanged. */
const forgottenMs = 10 * 60_000

/** An iPXE without HTTP asks what to load. */
export function chainsAgain(
  chained: Chained | undefined,
  { xid, at }: { readonly xid: number; readonly at: number },
): Chained {
  if (chained === undefined || Math.abs(at - chained.latest) > forgottenMs)
    return { xid, count: 1, latest: at }
  return { xid, count: xid === chained.xid ? chained.count : chained.count + 1, latest: at }
}

export function chainsForEver({ count }: Chained): boolean {
  return count > mostChained
}
