import { readFileSync } from 'node:fs'
import { templateNames } from '../../server/ipxe-scripts/templates.ts'
import type { Templates } from '../../server/ipxe-scripts/templates.ts'

/** The templates as they are shipped. */
export const ourTemplates = Object.fromEntries(
  templateNames.map((name) => [
    name,
    readFileSync(new URL(`../../ipxe-scripts/${name}.ipxe`, import.meta.url), 'utf8'),
  ]),
) as Templates
