import type { Config } from '../config/config.ts'

/** The names of images that the settings give to machines, each once; a machine of method `local` may be told to run its own once. */
export function imagesOfSettings({
  defaults,
  machines,
}: Pick<Config, 'defaults' | 'machines'>): readonly string[] {
  return [
    ...new Set(
      [defaults, ...machines].flatMap(({ image, ephemeral }) => [image ?? [], ephemeral ?? []].flat()),
    ),
  ]
}
