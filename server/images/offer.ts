import { isName } from '../config/image-name.ts'
import { printable } from '../wire/text.ts'
import { fillTemplate, type Filling } from './image-template.ts'
import { imageRoles, type Architecture, type ImageForm, type ImageRole } from './manifest.ts'
import { isBetween, isLongTerm, parseRelease, type Release } from './release.ts'
import { readItem, type StreamItem, type StreamProduct, type StreamVersion } from './stream-products.ts'
import { UpstreamFault } from './upstream-fault.ts'
import { insteadOf, type Wish } from './wish.ts'

/** A version of an image that an upstream has. */
export type Offer = {
  readonly name: string
  readonly version: string
  readonly architecture: Architecture
  readonly product: string
  readonly files: readonly OfferedFile[]
}

export type OfferedFile = StreamItem & { readonly role: ImageRole; readonly form: ImageForm }

/** What fulfils a wish: of each image its newest versions, so many as are asked for, the oldest of them first. */
export function offersFor(
  wish: Wish,
  products: readonly StreamProduct[],
  versions: number,
): readonly Offer[] {
  const offers = wish.architectures.flatMap((architecture) =>
    releasesFor(wish, products).flatMap((release) => {
      const product = productFor(wish, products, { architecture, release })
      return product === undefined ? [] : offersOf(wish, product, { architecture, release }, versions)
    }),
  )
  if (offers.length > 0) return offers
  throw new UpstreamFault(
    'missing',
    `${wish.upstream.name} does not have ${wish.name}.`,
    insteadOf(wish, wish.name),
  )
}

function releasesFor(
  { image, release }: Wish,
  products: readonly StreamProduct[],
): readonly (Release | undefined)[] {
  const { releases } = image
  if (releases === undefined) return [undefined]
  if (release !== 'any') return [release]
  // Those that are kept up for years. A release of nine months is taken when it is named.
  const known = new Set(products.map(({ tags }) => parseRelease(tags.get('version') ?? '')))
  return [...known].filter(
    (one) => one !== undefined && isLongTerm(one) && isBetween(one, releases.from, releases.to),
  )
}

function productFor(
  wish: Wish,
  products: readonly StreamProduct[],
  filling: Filling,
): StreamProduct | undefined {
  const wanted = [...wish.image.where].map(([tag, text]) => [tag, fillTemplate(text, filling)] as const)
  const [found, other] = products.filter(({ tags }) => wanted.every(([tag, text]) => tags.get(tag) === text))
  if (found === undefined || other === undefined) return found
  const both = `${printable(found.name)} and ${printable(other.name)}`
  const nextStep = 'Name another tag of the product under `where` in the catalogue.'
  throw new UpstreamFault('malformed', `${wish.name} may be ${both} of ${wish.upstream.name}.`, { nextStep })
}

function offersOf(wish: Wish, product: StreamProduct, filling: Filling, count: number): readonly Offer[] {
  const files = imageRoles.flatMap((role) => {
    const file = wish.image.files[role]
    return file === undefined ? [] : [{ role, ...file }]
  })
  // A version whose build has failed in part is there, and is none.
  const whole = product.versions.filter(({ items }) => files.every(({ item }) => Object.hasOwn(items, item)))
  const taken = whole.slice(-count)
  if (taken.length === 0) {
    const because = `No version of ${printable(product.name)} has all of ${files.map(({ item }) => item).join(', ')}.`
    throw new UpstreamFault('missing', because, insteadOf(wish, wish.name))
  }
  return taken.map((version) => ({
    name: fillTemplate(wish.image.name, filling),
    version: checkedVersion(version, product),
    architecture: filling.architecture,
    product: product.name,
    files: files.map(({ role, item, form }) => ({
      ...readItem(version, item, printable(product.name)),
      role,
      form,
    })),
  }))
}

function checkedVersion({ name }: StreamVersion, product: StreamProduct): string {
  if (isName(name)) return name
  const because = `${printable(product.name)} has a version that is called ${printable(JSON.stringify(name))}.`
  throw new UpstreamFault('unsafe', because)
}
