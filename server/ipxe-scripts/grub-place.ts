import { whyNotBootUrl } from '../config/boot-url.ts'
import { fillPlace, type Filled, type Place, type PlaceValue } from './place.ts'
import { screenText } from './screen-text.ts'

/**
 * GRUB takes white space, `{ } | & $ ; < > \ ' "` and, where it begins a word, `#` for its own, and looks for files where
 * a word has `*` or `?`. Between single quotes all of them are letters, and only the next single quote ends that; there
 * is no way to write one inside (GRUB manual, "Quoting"; script/yylex.l). So every value must be what the same place takes
 * in a script of iPXE, stands in single quotes, and is refused when it holds one.
 */
export function fillGrubPlace(place: Place, value: PlaceValue | undefined): Filled {
  switch (place.type) {
    case 'network-file':
      return networkFile(place, value)
    case 'text':
      // What is shown is for people only, so the one sharp character that is left is replaced, not refused.
      return typeof value === 'string'
        ? quoted(place, screenText(value).replaceAll("'", '?'))
        : filledAs(place, value)
    case 'kernel-parameters': {
      const filled = fillPlace(place, value)
      if (filled.kind === 'refused' || typeof value !== 'object') return filled
      return joined(value.map((parameter) => quoted(place, parameter)))
    }
    default:
      return filledAs(place, value)
  }
}

/** As in a script of iPXE, in quotes; a number needs none. */
function filledAs(place: Place, value: PlaceValue | undefined): Filled {
  const filled = fillPlace(place, value)
  return filled.kind === 'refused' || typeof value === 'number' ? filled : quoted(place, filled.text)
}

/** A file or folder behind a URL, as GRUB names it: `(http,10.0.0.1:8081)/images/noble`. It has no HTTPS. */
function networkFile(place: Place, value: PlaceValue | undefined): Filled {
  if (typeof value !== 'string') return refused(place, 'it is not a URL')
  // whyNotBootUrl knows no TFTP, whose URLs have the same letters.
  const because = whyNotBootUrl(value.replace(/^tftp:/, 'http:'))
  if (because !== undefined) return refused(place, `"${screenText(value)}" is not a URL: ${because}`)
  const [, protocol, host, path] = /^(http|tftp):\/\/([a-z0-9.-]+(?::[0-9]{1,5})?)(\/.*)$/i.exec(value) ?? []
  if (protocol === undefined || host === undefined || path === undefined) {
    return refused(
      place,
      `"${screenText(value)}" is no file that GRUB can fetch: it takes http://HOST:PORT/PATH and tftp://HOST/PATH only`,
    )
  }
  return quoted(place, `(${protocol},${host})${path}`)
}

function quoted(place: Place, text: string): Filled {
  if (!/^[\u0020-\u007e]*$/.test(text) || text.includes("'")) {
    return refused(place, `"${screenText(text)}" cannot stand between single quotes`)
  }
  return { kind: 'filled', text: `'${text}'` }
}

function joined(parts: readonly Filled[]): Filled {
  const wrong = parts.find((part) => part.kind === 'refused')
  if (wrong !== undefined) return wrong
  return { kind: 'filled', text: parts.map((part) => (part.kind === 'filled' ? part.text : '')).join(' ') }
}

function refused(place: Place, because: string): Filled {
  return { kind: 'refused', because: `${place.name}: ${because}` }
}
