/** A release of Ubuntu, by its number: `24.04`. */
export type Release = string & { readonly release: unique symbol }

export function parseRelease(text: string): Release | undefined {
  return /^[0-9]{2}\.(?:04|10)$/.test(text) ? (text as Release) : undefined
}

/** Every second year's in April is kept up for years; the others are superseded after nine months. */
export function isLongTerm(release: Release): boolean {
  return release.endsWith('.04') && Number(release.slice(0, 2)) % 2 === 0
}

/** All have two digits before the point and two behind. */
export function isBetween(release: Release, from: Release, to: Release | undefined): boolean {
  return release >= from && (to === undefined || release <= to)
}
