/** Bytes nobody can foresee, for identifiers. */
export type Chance = (count: number) => Uint8Array

/** 128 random bits in hexadecimal. */
export function nonce(chance: Chance): string {
  return Array.from(chance(16), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Crockford's alphabet: no I, L, O, U, so that it can be read aloud. */
export function base32(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => '0123456789abcdefghjkmnpqrstvwxyz'[byte & 31]).join('')
}
