import { readFileSync } from 'node:fs'
import { namesIn } from '../../server/ipxe-scripts/templates.ts'
import type { ScriptLanguage, Templates } from '../../server/ipxe-scripts/templates.ts'

/** The templates of a language as they are shipped. */
export function templatesIn(language: ScriptLanguage): Templates {
  const texts = namesIn[language].map((name) => [
    name,
    readFileSync(new URL(`../../ipxe-scripts/${name}.${language}`, import.meta.url), 'utf8'),
  ])
  return Object.fromEntries(texts) as Templates
}

export const ourTemplates = templatesIn('ipxe')
