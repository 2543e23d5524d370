/**
 * Letters that are not taken for one another on a screen, on paper or by voice: no vowels, so that no word comes out, and of
 * those that look or sound alike (L and 1, M and N, F and S, V and W) one at the most.
 */
const letters = 'BCDFGHJKMPQRTWXZ'
const length = 6
const anyCode = new RegExp(`^[${letters}]{${length}}$`)

/** Each letter is four bits of chance, so that all are equally likely. */
const bitsOfLetter = 0x0f

/** Six letters by chance, as a person reads them from the screen of a machine: `KTW-RXP`. */
export function claimCode(chance: (count: number) => Uint8Array): string {
  return written(Array.from(chance(length), (byte) => letters[byte & bitsOfLetter]).join(''))
}

/** The code a person typed, in small or capital letters, with or without what stands between; `undefined` where it is none. */
export function parseClaimCode(text: string): string | undefined {
  const plain = text.toUpperCase().replaceAll(/[\s-]/g, '')
  return anyCode.test(plain) ? written(plain) : undefined
}

function written(plain: string): string {
  return `${plain.slice(0, 3)}-${plain.slice(3)}`
}
