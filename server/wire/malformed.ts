/** Bytes or text that do not have the form their protocol asks for. Codecs throw it; `decode` functions alone catch it. */
export class Malformed extends Error {
  override readonly name = 'Malformed'
}
