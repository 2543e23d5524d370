/** Numbers from 0 up to 1 that are the same for the same seed: Marsaglia's xorshift over 32 bits. */
export function chanceFrom(seed: number): () => number {
  let state = (seed ^ 0x9e37_79b9) >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state / 0x1_0000_0000
  }
}
