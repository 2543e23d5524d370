/** Bytes of chance in a credential. */
export const credentialBytes = 32

/** The text of a machine's credential: a prefix by which it is found in logs, and 256 bits of chance. */
export function credentialText(secret: Uint8Array): string {
  return `iwm_${Buffer.from(secret).toString('base64url')}`
}

export function isCredential(text: string): boolean {
  return /^iwm_[A-Za-z0-9_-]{43}$/.test(text)
}

/** Something with the form of a credential, or of the beginning of one, within a longer text. */
export function holdsCredential(text: string): boolean {
  return /iwm_[A-Za-z0-9_-]{8}/i.test(text)
}
