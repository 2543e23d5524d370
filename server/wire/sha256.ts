/** A SHA-256 digest: 64 hexadecimal digits in lower case. Made only by this module. */
export type Sha256 = string & { readonly sha256: unique symbol }

export function parseSha256(text: string): Sha256 | undefined {
  return /^[0-9a-f]{64}$/i.test(text) ? (text.toLowerCase() as Sha256) : undefined
}
