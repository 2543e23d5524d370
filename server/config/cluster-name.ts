/** A label of DNS (RFC 1123 §2.1) that begins with a letter: it becomes part of names in many places. */
export function isClusterName(text: string): boolean {
  return /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text)
}
