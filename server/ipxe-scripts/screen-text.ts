/** A line of a text screen has 80 columns; longer texts are wrapped by iPXE. */
const longestText = 240

/**
 * A text for `echo`, in which nothing is left that iPXE would take for more than text. What is shown is for people only,
 * so characters are replaced, not refused: a serial number set by a vendor may hold anything.
 */
export function screenText(text: string): string {
  const plain = text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[^\u0020-\u007e]/gu, '?')
    .replaceAll(/[$#|;\\{}]/g, '?')
    .replaceAll('&', '+')
    .trim()
    // echo would take it for an option.
    .replace(/^-/, '~')
  if (plain === '') return '(none)'
  return plain.length <= longestText ? plain : `${plain.slice(0, longestText - 3)}...`
}
