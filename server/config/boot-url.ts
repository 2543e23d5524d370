/** The kernel's command line holds several of them. */
const longestUrl = 512

/**
 * Why a text cannot stand as a URL in boot scripts, kernel command lines and seeds; `undefined` when it can. Allowed are
 * the characters of RFC 3986 §2 that mean nothing to any of their readers: iPXE takes `#`, `$` and `&` for its own,
 * cloud-init splits `ds=` at `;` and replaces `$NAME` in `phone_home`, shells read quotes, brackets and `*`.
 */
export function whyNotBootUrl(text: string): string | undefined {
  if (text.length > longestUrl) return `it has more than ${longestUrl} characters`
  if (!/^https?:\/\//.test(text)) return 'it begins with neither http:// nor https://'
  if (!/^[A-Za-z0-9._~:@%/?=+,-]*$/.test(text)) return 'it has characters that could break out of its place'
  return URL.canParse(text) ? undefined : 'no program could read it'
}
