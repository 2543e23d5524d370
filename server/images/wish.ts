import { closest } from '../config/closest.ts'
import type { CatalogueImage, Upstream } from './catalogue.ts'
import { fillTemplate, matchTemplate, type AskedFilling } from './image-template.ts'
import type { Architecture } from './manifest.ts'
import { isBetween, parseRelease } from './release.ts'
import { UpstreamFault } from './upstream-fault.ts'

/** One image somebody wants, or several under one name with `*`, and who may have it. */
export type Wish = {
  /** As it was asked for. */
  readonly name: string
  readonly upstream: Upstream
  readonly image: CatalogueImage
  readonly release: AskedFilling['release']
  readonly architectures: readonly Architecture[]
}

/** What of the catalogue a name means. `*` may mean images of several upstreams. */
export function wishesOf(name: string, upstreams: readonly Upstream[]): readonly Wish[] {
  const wishes = upstreams.flatMap((upstream) =>
    upstream.images.flatMap((image): Wish[] => {
      const asked = matchTemplate(image.name, name)
      if (asked === undefined) return []
      const architectures = image.architectures.filter(
        (one) => asked.architecture === 'any' || asked.architecture === one,
      )
      return architectures.length === 0
        ? []
        : [{ name, upstream, image, release: asked.release, architectures }]
    }),
  )
  if (wishes.length === 0) throw unknown(name, upstreams)
  const within = wishes.filter(({ image, release }) => isWithin(image, release))
  if (within.length > 0) return within
  throw new UpstreamFault(
    'missing',
    `The catalogue has ${name} for other releases.`,
    insteadOf(wishes[0], name),
  )
}

function isWithin({ releases }: CatalogueImage, release: AskedFilling['release']): boolean {
  if (releases === undefined || release === undefined || release === 'any') return true
  return isBetween(release, releases.from, releases.to)
}

/** What the catalogue says to do instead, in the terms of what was asked for. */
export function insteadOf(wish: Wish | undefined, name: string): { readonly nextStep?: string } {
  const text = wish?.image.instead
  if (wish === undefined || text === undefined) return {}
  const asked = matchTemplate(wish.image.name, name)
  const [architecture = 'amd64'] = wish.architectures
  if (asked === undefined || asked.release === 'any') return { nextStep: text }
  return { nextStep: fillTemplate(text, { architecture, release: asked.release }) }
}

function unknown(name: string, upstreams: readonly Upstream[]): UpstreamFault {
  const templates = upstreams.flatMap(({ images }) => images.map((image) => image.name))
  const release = parseRelease(/[0-9]{2}\.[0-9]{2}/.exec(name)?.[0] ?? '') ?? parseRelease('24.04')
  const names = upstreams.flatMap(({ images }) =>
    images.flatMap((image) =>
      image.architectures.map((architecture) => fillTemplate(image.name, { architecture, release })),
    ),
  )
  const meant = closest(name, names)
  const nextStep =
    meant === undefined
      ? `The catalogue has: ${[...new Set(templates)].join(', ')}.`
      : `Did you mean ${meant}?`
  return new UpstreamFault('missing', `The catalogue does not have the image ${name}.`, { nextStep })
}
