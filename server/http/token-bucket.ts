/** How much may go out: it grows with time, up to a limit, and what goes out is taken from it. */
export type TokenBucket = {
  readonly bytes: number
  /** When it held so much (milliseconds of any clock). */
  readonly at: number
}

export type Flow = {
  readonly bytesPerMs: number
  /** What has not been used for long is lost: a pause is no right to a flood. */
  readonly most: number
}

/** The bucket as it is now. A clock that was set back adds nothing. */
export function filled(bucket: TokenBucket, { bytesPerMs, most }: Flow, now: number): TokenBucket {
  const grown = bucket.bytes + Math.max(0, now - bucket.at) * bytesPerMs
  return { bytes: Math.min(most, grown), at: now }
}

/** The bucket after so much was taken, or with a negative number given back. */
export function drawn(bucket: TokenBucket, byteCount: number): TokenBucket {
  return { ...bucket, bytes: bucket.bytes - byteCount }
}

/** Until it holds so much. */
export function msUntil(bucket: TokenBucket, wanted: number, { bytesPerMs }: Flow): number {
  return Math.max(0, (wanted - bucket.bytes) / bytesPerMs)
}
