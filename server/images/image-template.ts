import type { Architecture } from './manifest.ts'
import { parseRelease, type Release } from './release.ts'

/** What the placeholders of a catalogue stand for. */
export type Filling = { readonly architecture: Architecture; readonly release: Release | undefined }

/** `ubuntu-{release}-{arch}` with its placeholders filled. */
export function fillTemplate(template: string, { architecture, release }: Filling): string {
  return template.replaceAll('{arch}', architecture).replaceAll('{release}', release ?? '')
}

/** Why a text is no template, as far as its placeholders tell. */
export function whyNotTemplate(text: string): string | undefined {
  const unknown = (text.match(/\{[^}]*\}?|\}/g) ?? []).find(
    (found) => found !== '{arch}' && found !== '{release}',
  )
  return unknown === undefined ? undefined : `${unknown} is neither {release} nor {arch}`
}

/** What a person asks for by the name of an image: one, or those of every release or architecture (`*`). */
export type AskedFilling = {
  readonly release: Release | 'any' | undefined
  readonly architecture: Architecture | 'any'
}

/** Reads a name as an instance of a template: `ubuntu-24.04-amd64`, `ubuntu-*-amd64`; `undefined` when it is none. */
export function matchTemplate(template: string, name: string): AskedFilling | undefined {
  const pattern = template
    .split(/(\{release\}|\{arch\})/)
    .map((part) => patterns[part] ?? part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('')
  const groups = new RegExp(`^${pattern}$`).exec(name)?.groups
  if (groups === undefined) return undefined
  const { release, arch } = groups
  const read = release === undefined || release === '*' ? undefined : parseRelease(release)
  return {
    release: release === '*' ? 'any' : read,
    architecture: arch === 'amd64' || arch === 'arm64' ? arch : 'any',
  }
}

const patterns: Readonly<Record<string, string>> = {
  '{release}': '(?<release>[0-9]{2}\\.(?:04|10)|\\*)',
  '{arch}': '(?<arch>amd64|arm64|\\*)',
}
