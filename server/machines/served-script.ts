/** What a machine was last given to boot by, to compare with what it would be given now. */
export type ServedScript = {
  readonly machine: string
  readonly attempt: string
  readonly at: number
  readonly language: 'ipxe' | 'grub'
  /** The address of the box that was asked. */
  readonly to: string
  /** The shim that starts signed kernels on it, where there is one. */
  readonly shim?: string
  /** What the script does, in one word. */
  readonly script: string
  /** The script and the files of its seed by their names, without the number of the boot. */
  readonly files: { readonly [name: string]: string }
}

/** What stands for the number of a boot in a text that is compared with that of another boot. */
export const anyAttempt = 'ATTEMPT'

/** The text without what differs in each boot: the number of its attempt, whole in URLs, its beginning in the instance; its nonce. */
export function withoutAttempt(text: string, machine: string, attempt: string): string {
  const instance = `${machine}-${attempt.slice(0, 8)}`
  return text
    .replaceAll(attempt, anyAttempt)
    .replaceAll(instance, `${machine}-${anyAttempt}`)
    .replaceAll(/(?<=NONCE=')(?:[0-9a-f]{32}|none)(?=')/g, anyAttempt)
}
