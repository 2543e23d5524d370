/** How long answers take, learned as they come (RFC 6298). All in milliseconds. */
export type RoundTrip = {
  /** `undefined` until a first answer was timed. */
  readonly smoothed: number | undefined
  readonly variation: number
  /** The wait before sending again. */
  readonly wait: number
  readonly longest: number
}

/**
 * Before anything is known (RFC 6298 §2.1). It must not be shorter: atftp and the npm package tftp break off when an OACK
 * comes twice, so one is repeated only when it, or the answer to it, must be lost.
 */
const firstWait = 1_000

/**
 * A lost packet costs this much. TCP takes 200 ms and more; here a needless repetition harms little, since late answers
 * send nothing, and waiting is all that a client in lock-step does after a loss.
 */
const shortestWait = 30

/**
 * The time-out of most clients, who then send their last acknowledgement again. atftp acknowledges a repeated block only
 * once, and begins its time-out anew with each further repetition: so in the end we wait longer than the client.
 */
const usualClientTimeoutMs = 5_000
const longerThanClient = 1.25
const longestWait = 10_000

/**
 * A time-out that the client named (RFC 2349) bounds the wait, but does not set it: to send a lost block again sooner
 * does no harm, and curl always names six seconds.
 */
export function unknownRoundTrip(timeoutMs: number | undefined): RoundTrip {
  const longest = Math.min(longestWait, (timeoutMs ?? usualClientTimeoutMs) * longerThanClient)
  return { smoothed: undefined, variation: 0, wait: Math.min(firstWait, longest), longest }
}

/** Learns from an answer to something sent once; one to a repetition says nothing, as it may answer either (Karn). */
export function measured(known: RoundTrip, tookMs: number): RoundTrip {
  // RFC 6298 §2.2 and §2.3, with its constants.
  const variation =
    known.smoothed === undefined
      ? tookMs / 2
      : known.variation * 0.75 + Math.abs(known.smoothed - tookMs) * 0.25
  const smoothed = known.smoothed === undefined ? tookMs : known.smoothed * 0.875 + tookMs * 0.125
  const wait = Math.min(known.longest, Math.max(shortestWait, smoothed + 4 * variation))
  return { ...known, smoothed, variation, wait }
}

/** RFC 6298 §5.5: after a time-out the next wait is twice as long. */
export function doubled(known: RoundTrip): RoundTrip {
  return { ...known, wait: Math.min(known.longest, known.wait * 2) }
}
