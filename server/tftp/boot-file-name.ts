/** A relative path with single slashes and no dot segments, or why it is not one. */
export type BootFileName =
  { readonly kind: 'name'; readonly file: string } | { readonly kind: 'refused'; readonly because: string }

/** Longer than any path that DHCP can name (its file field holds 128 bytes), and short enough for a log line. */
const longestName = 255

/**
 * Cleans the name that a client asked for: firmware writes leading slashes, doubled ones (GRUB), and those of Windows.
 * A name that could leave the folder is refused, not repaired.
 */
export function bootFileName(asked: string): BootFileName {
  if (asked.length > longestName) return { kind: 'refused', because: 'the file name is too long' }
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u{fffd}]/u.test(asked)) {
    return { kind: 'refused', because: 'the file name holds characters that no file name has' }
  }
  const steps = asked.replaceAll('\\', '/').split('/')
  if (steps.includes('..')) return { kind: 'refused', because: 'the file name leads outside' }
  const file = steps.filter((step) => step !== '' && step !== '.').join('/')
  return file === '' ? { kind: 'refused', because: 'the file name is empty' } : { kind: 'name', file }
}
