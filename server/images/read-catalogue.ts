import { isAbsolute, join } from 'node:path'
import type { z } from 'zod'
import type { Finding, Mistake } from '../config/mistake.ts'
import { parseYaml } from '../config/parse-yaml.ts'
import { shapeFindings } from '../config/shape-findings.ts'
import { catalogueSchema } from './catalogue-schema.ts'
import type { CatalogueImage, Upstream } from './catalogue.ts'

export type ReadCatalogue =
  | { readonly kind: 'upstream'; readonly upstream: Upstream }
  | { readonly kind: 'mistakes'; readonly mistakes: readonly Mistake[] }

/** Reads one file of the catalogue. Keyrings that are not named by their whole path lie in `keyringFolder`. */
export function readCatalogue(text: string, fileName: string, keyringFolder: string): ReadCatalogue {
  const yaml = parseYaml(text, fileName)
  if (yaml.kind === 'mistakes') return yaml
  const parsed = catalogueSchema.safeParse(yaml.value ?? {})
  const findings = parsed.success
    ? contradictions(parsed.data)
    : shapeFindings(parsed.error.issues, yaml.value, catalogueSchema)
  if (!parsed.success || findings.length > 0) {
    const mistakes = findings.map(yaml.locate).sort((a, b) => a.line - b.line || a.column - b.column)
    return { kind: 'mistakes', mistakes }
  }
  return { kind: 'upstream', upstream: upstreamOf(parsed.data, keyringFolder) }
}

type Written = z.output<typeof catalogueSchema>

function upstreamOf({ upstream, images }: Written, keyringFolder: string): Upstream {
  const { keyring } = upstream
  return {
    name: upstream.name,
    base: upstream.url,
    files: upstream['files-url'] ?? upstream.url,
    index: upstream.index,
    keyring: {
      file: isAbsolute(keyring) ? keyring : join(keyringFolder, keyring),
      fingerprints: upstream.keys,
    },
    images: images.map(imageOf),
  }
}

function imageOf(image: Written['images'][number]): CatalogueImage {
  const { releases, where, files, instead } = image
  return {
    name: image.name,
    about: image.about,
    architectures: image.architectures,
    releases: releases === undefined ? undefined : { from: releases.from, to: releases.to },
    stream: image.stream,
    where: new Map(Object.entries(where)),
    files: Object.fromEntries(Object.entries(files).filter(([, file]) => file !== undefined)),
    instead,
  }
}

/** What is right by itself, and not together. */
function contradictions({ images }: Written): readonly Finding[] {
  return images.flatMap(({ name, releases, where }, index) => {
    const at = ['images', index, 'name']
    const wants = [name, ...Object.values(where)].some((text) => text.includes('{release}'))
    const findings: Finding[] = []
    if (wants && releases === undefined) {
      findings.push({
        at,
        on: 'value',
        because: 'It names {release}, and no `releases` say which there are.',
      })
    }
    if (releases !== undefined && !name.includes('{release}')) {
      findings.push({ at, on: 'value', because: 'It has `releases`, and its name does not tell them apart.' })
    }
    if (releases?.to !== undefined && releases.to < releases.from) {
      findings.push({
        at: ['images', index, 'releases', 'to'],
        on: 'value',
        because: 'It ends before it begins.',
      })
    }
    if (images.findIndex((other) => other.name === name) !== index)
      findings.push({ at, on: 'value', because: 'Another image has this name.' })
    return findings
  })
}
