/** Linux takes host names of up to 64 bytes (`HOST_NAME_MAX`). */
const longestHostname = 64
/** RFC 1035 §2.3.4, without the dot of the root. */
const longestDomain = 253
/** RFC 1123 §2.1: letters, digits and inner hyphens, at most 63 of them. */
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** Why a text cannot be a machine's name; `undefined` when it can. */
export function whyNotHostname(text: string): string | undefined {
  if (text.length > longestHostname) return `it has more than ${longestHostname} characters`
  return whyNotLabels(text)
}

/** Why a text cannot be a DNS domain; `undefined` when it can. */
export function whyNotDomain(text: string): string | undefined {
  if (text.length > longestDomain) return `it has more than ${longestDomain} characters`
  return whyNotLabels(text)
}

function whyNotLabels(text: string): string | undefined {
  const labels = text.split('.')
  if (labels.every((part) => label.test(part))) {
    // A name of digits and dots alone is read as an address by half of all programs (RFC 1123 §2.1).
    return /^[0-9]+$/.test(labels.at(-1) ?? '') ? 'its last part is a number' : undefined
  }
  if (labels.includes('')) return 'a part of it is empty'
  if (labels.some((part) => part.length > 63)) return 'a part of it has more than 63 characters'
  if (/[A-Z]/.test(text)) return 'it has capital letters'
  if (labels.some((part) => part.startsWith('-') || part.endsWith('-'))) {
    return 'a part of it begins or ends with a hyphen'
  }
  return 'it has characters other than a-z, 0-9, hyphens and dots'
}
