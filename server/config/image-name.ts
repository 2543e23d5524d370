/** Names that stand in URLs, events, file names and on command lines. */
export function isName(text: string): boolean {
  return /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/i.test(text) && !text.includes('..')
}

/** An image as a person names it: `noble`, whose newest version is meant, or `noble@20260401`. */
export type ImageReference = { readonly name: string; readonly version: string | undefined }

export function parseImageReference(text: string): ImageReference | undefined {
  const [name = '', version, ...rest] = text.split('@')
  if (!isName(name) || rest.length > 0 || (version !== undefined && !isName(version))) return undefined
  return { name, version }
}
