import { printable } from '../wire/text.ts'

/** An entry of a tar archive, as far as it decides whether the archive may be unpacked. */
export type TarEntry = {
  readonly name: string
  readonly type: string
  readonly linkname: string | undefined
  readonly size: number
}

const mostEntries = 1_000_000
export const mostUnpackedBytes = 32 * 1024 ** 3
const longestName = 4_096

/** Looks at the entries of one archive in their order, and says why one of them would do harm where it is unpacked. */
export class TarGuard {
  readonly #links = new Set<string>()
  #entries = 0
  #bytes = 0

  /** The reason to refuse the whole archive, if this entry is one. */
  whyNot(entry: TarEntry): string | undefined {
    this.#entries++
    this.#bytes += entry.size
    const shown = `the entry ${printable(entry.name)}`
    if (this.#entries > mostEntries) return `it has more than ${mostEntries} entries`
    if (this.#bytes > mostUnpackedBytes) return `it unpacks to more than ${mostUnpackedBytes} bytes`
    const wrongName = whyNotName(entry.name)
    if (wrongName !== undefined) return `${shown} ${wrongName}`
    const parts = partsOf(entry.name)
    for (let length = 1; length < parts.length; length++) {
      if (this.#links.has(parts.slice(0, length).join('/'))) return `${shown} leads through a link`
    }
    switch (entry.type) {
      case 'symlink':
        this.#links.add(parts.join('/'))
        return undefined
      case 'link': {
        const wrongTarget = whyNotName(entry.linkname ?? '')
        return wrongTarget === undefined ? undefined : `${shown} is a link to a place that ${wrongTarget}`
      }
      case 'block-device':
      case 'character-device':
        return parts[0] === 'dev' ? undefined : `${shown} is a device outside of /dev`
      default:
        // What stood there as a link is replaced.
        this.#links.delete(parts.join('/'))
        return undefined
    }
  }
}

function whyNotName(name: string): string | undefined {
  if (name === '') return 'has no name'
  if (name.length > longestName) return 'has too long a name'
  if (name.includes('\0')) return 'has a NUL in its name'
  if (name.startsWith('/')) return 'has an absolute name'
  return name.split('/').includes('..') ? 'leads out of the archive (..)' : undefined
}

/** A name without `.` and empty parts: `./etc//passwd` is `etc/passwd`. */
export function partsOf(name: string): readonly string[] {
  return name.split('/').filter((part) => part !== '' && part !== '.')
}
