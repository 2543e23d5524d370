/** Numbers from 0 up to 1 that a seed repeats: Marsaglia's xorshift of 32 bits (Journal of Statistical Software 8, 2003). */
export type Random = () => number

export function seeded(seed: number): Random {
  let state = (seed | 0) === 0 ? 1 : seed | 0
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 0x1_0000_0000
  }
}

/** A seed that a failing test can be given again by `SEED=n`. */
export function newSeed(): number {
  const asked = Number(process.env['SEED'])
  return Number.isInteger(asked) && asked > 0 ? asked : 1 + Math.floor(Math.random() * 0x7fff_fffe)
}
