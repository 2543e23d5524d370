import { fillGrubPlace } from './grub-place.ts'
import type { Place, PlaceValue } from './place.ts'
import { fillPlace } from './place.ts'
import type { ScriptLanguage } from './templates.ts'

export type RenderedScript =
  { readonly kind: 'script'; readonly text: string } | { readonly kind: 'refused'; readonly because: string }

/** Names of templates that another includes, each with its text. */
export type Parts = Readonly<Record<string, string>>

/** iPXE and GRUB keep a script in memory; the longest of ours has four thousand bytes. */
const longestScript = 65_536

/** `{{name:type}}` is filled with a value, `{{include name}}` with another template. */
const mark = /\{\{([^{}\n]*)\}\}/g
const placeMark = /^([a-zA-Z][a-zA-Z0-9]*):([a-z-]+)$/
const includeMark = /^include ([a-z-]+)$/

/**
 * Fills every place of a template. Refuses a value that could become anything but the one word or line it stands for,
 * a place without a value, and a value without a place.
 */
export function renderTemplate(
  template: string,
  values: Readonly<Record<string, PlaceValue>>,
  parts: Parts = {},
  language: ScriptLanguage = 'ipxe',
): RenderedScript {
  const reasons: string[] = []
  const used = new Set<string>()
  const whole = template.replaceAll(mark, (written, inside: string) => {
    const name = includeMark.exec(inside)?.[1]
    if (name === undefined) return written
    const part = Object.hasOwn(parts, name) ? parts[name] : undefined
    if (part === undefined) reasons.push(`there is no part ${name} to include`)
    return (part ?? '').trimEnd()
  })
  const text = whole.replaceAll(mark, (_, inside: string) => {
    const place = placeOf(inside)
    if (place === undefined) {
      reasons.push(`{{${inside}}} is not a place of a template`)
      return ''
    }
    used.add(place.name)
    const value = Object.hasOwn(values, place.name) ? values[place.name] : undefined
    const filled = language === 'grub' ? fillGrubPlace(place, value) : fillPlace(place, value)
    if (filled.kind === 'refused') reasons.push(filled.because)
    return filled.kind === 'filled' ? filled.text : ''
  })
  for (const name of Object.keys(values)) {
    if (!used.has(name)) reasons.push(`the template has no place for ${name}`)
  }
  if (text.length > longestScript) reasons.push(`the script has more than ${longestScript} characters`)
  if (/\{\{|\}\}/.test(whole.replaceAll(mark, ''))) reasons.push('a place of the template is not closed')
  return reasons.length === 0
    ? { kind: 'script', text }
    : { kind: 'refused', because: [...new Set(reasons)].join('; ') }
}

function placeOf(inside: string): Place | undefined {
  const [, name, type] = placeMark.exec(inside) ?? []
  return name === undefined || type === undefined ? undefined : { name, type }
}
