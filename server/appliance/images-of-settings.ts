import type { Config } from '../config/config.ts'

/**
 * The names of images that the settings give to machines, each once: by defaults, entries of machines and rules. A machine of method
 * `local` may be told to run its own once.
 */
export function imagesOfSettings({
  defaults,
  machines,
  approve,
}: Pick<Config, 'defaults' | 'machines' | 'approve'>): readonly string[] {
  const rules =
    approve.kind === 'all' ? [] : (approve.likenesses ?? []).flatMap(({ gives }) => gives.image ?? [])
  const own = [defaults, ...machines].flatMap(({ image, ephemeral }) => [image ?? [], ephemeral ?? []].flat())
  return [...new Set([...own, ...rules])]
}
