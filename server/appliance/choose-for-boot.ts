import type { Intent, ScriptChoice } from '../boot/choose-script.ts'
import { parseImageReference } from '../config/image-name.ts'
import type { ImageUses } from '../images/image-uses.ts'
import type { ImageShelf } from './image-shelf.ts'

export type ImageParts = {
  readonly images: ImageShelf
  readonly imageUses: ImageUses
}

/**
 * Chooses the script of one boot. The version of an image that it was told to run is its own until it ends, whatever is
 * synced meanwhile: kernel, initrd and squashfs must belong together.
 */
export function chooseForBoot(
  { images, imageUses }: ImageParts,
  attempt: string,
  intent: Intent,
  choose: (intent: Intent) => ScriptChoice,
): ScriptChoice {
  const { image } = intent
  const version = imageUses.versionOf(attempt)
  const isKept =
    image.kind === 'image' && version !== undefined && images.isVersionBeside(version, image.name)
  return choose(isKept ? { ...intent, image: { kind: 'image', name: version } } : intent)
}

/** Whether a script has its machine boot an image. */
export function runsAnImage(
  choice: ScriptChoice,
): choice is Extract<ScriptChoice, { kind: 'run-image' | 'install-disk' | 'run-installer' }> {
  return choice.kind === 'run-image' || choice.kind === 'install-disk' || choice.kind === 'run-installer'
}

/**
 * Keeps the chosen version from every sweep until the boot ends; resolves, before the machine hears of it, to the reason
 * where it is gone already.
 */
export async function holdVersion(
  { images, imageUses }: Pick<ImageParts, 'images' | 'imageUses'>,
  attempt: string,
  choice: ScriptChoice,
): Promise<string | undefined> {
  if (!runsAnImage(choice)) return undefined
  // A folder of the settings has no versions.
  if (parseImageReference(choice.image)?.version === undefined) return undefined
  await imageUses.begin(attempt, choice.image)
  await images.look()
  return images.has(choice.image) ? undefined : `the image ${choice.image} has just been removed; ask again`
}
