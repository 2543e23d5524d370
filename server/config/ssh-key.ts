const longestKey = 16_384
const keyLine =
  /^(?:[^\n]* )?(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) AAAA[A-Za-z0-9+/]+={0,2}(?: [^\n]*)?$/

/** Why a text cannot be a line of `authorized_keys` (sshd(8), AUTHORIZED_KEYS FILE FORMAT); `undefined` when it can. */
export function whyNotSshKey(text: string): string | undefined {
  if (text.includes('PRIVATE KEY'))
    return 'it is a private key; the public one, from a .pub file, belongs here'
  if (text.length > longestKey) return `it has more than ${longestKey} characters`
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text)) return 'it is not one line of printable text'
  return keyLine.test(text) ? undefined : 'it is not a public key as `ssh-ed25519 AAAA… name`'
}
