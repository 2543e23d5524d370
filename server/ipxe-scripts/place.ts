import { whyNotBootUrl } from '../config/boot-url.ts'
import { whyNotHostname } from '../config/hostname.ts'
import { whyNotKernelParameter } from '../config/kernel-parameter.ts'
import { parseMac } from '../wire/mac.ts'
import { screenText } from './screen-text.ts'

/** A place of a template, `{{name:type}}`. The type stands in the template, beside the command that reads the value. */
export type Place = { readonly name: string; readonly type: string }

export type PlaceValue = string | number | readonly string[]

export type Filled =
  { readonly kind: 'filled'; readonly text: string } | { readonly kind: 'refused'; readonly because: string }

/**
 * iPXE splits a line into words at white space, ends a command at the words `&&`, `||` and `;`, takes a word that begins
 * with `#` for a comment and one that begins with `-` for an option, and expands `${…}` inside a word. It has no quotes
 * and no way to escape any of these (core/exec.c, core/getopt.c, image/script.c), so a value that holds one is refused.
 */
export function fillPlace(place: Place, value: PlaceValue | undefined): Filled {
  if (value === undefined) return refused(place, 'it has no value')
  const fill = Object.hasOwn(fillers, place.type) ? fillers[place.type] : undefined
  return fill === undefined ? refused(place, `${place.type} is not a type of place`) : fill(place, value)
}

type Filler = (place: Place, value: PlaceValue) => Filled

const fillers: Readonly<Record<string, Filler>> = {
  url: word('a URL', whyNotBootUrl),
  file: word('a file name', whyNotFile),
  hostname: word('a host name', whyNotHostname),
  mac: word('a MAC address', (text) => (parseMac(text) === undefined ? 'it has not six bytes' : undefined)),
  number(place, value) {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return filled(String(value))
    return refused(place, 'it is not a whole number')
  },
  text(place, value) {
    return typeof value === 'string' ? filled(screenText(value)) : refused(place, 'it is not text')
  },
  'kernel-parameters'(place, value) {
    if (typeof value === 'string' || typeof value === 'number') return refused(place, 'it is not a list')
    for (const parameter of value) {
      const because = whyNotKernelParameter(parameter)
      if (because !== undefined)
        return refused(place, `"${screenText(parameter)}" is no kernel parameter: ${because}`)
    }
    return filled(value.join(' '))
  },
}

function word(wanted: string, whyNot: (text: string) => string | undefined): Filler {
  return (place, value) => {
    if (typeof value !== 'string') return refused(place, `it is not ${wanted}`)
    const because = whyNot(value)
    return because === undefined
      ? filled(value)
      : refused(place, `"${screenText(value)}" is not ${wanted}: ${because}`)
  }
}

function whyNotFile(text: string): string | undefined {
  if (text.length > 255) return 'it has more than 255 characters'
  if (!/^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(text))
    return 'it has characters that could break out of its place'
  return text.split('/').includes('..') ? 'it leads out of its folder' : undefined
}

function filled(text: string): Filled {
  return { kind: 'filled', text }
}

function refused(place: Place, because: string): Filled {
  return { kind: 'refused', because: `${place.name}: ${because}` }
}
