import { parseMac, type Mac } from '../wire/mac.ts'

/** A configuration file that GRUB asks for. */
export type GrubRequest =
  /** The same for every machine. */
  | { readonly kind: 'chain' }
  /** That of one machine; without a MAC address in its name it is known by its lease. */
  | { readonly kind: 'script'; readonly mac: Mac | undefined }

/**
 * Reads the name of a file that GRUB asks for, in whatever folder: each build has its own prefix. By itself GRUB asks for
 * `grub.cfg-01-aa-bb-…` and then `grub.cfg` (net/net.c, `grub_net_search_config_file`); Debian's signed one goes to
 * `x86_64-efi/grub.cfg` at once. `${net_default_mac}` in a name has colons.
 */
export function grubRequest(file: string): GrubRequest | undefined {
  const name = file.slice(file.lastIndexOf('/') + 1)
  if (name === 'grub.cfg') return { kind: 'chain' }
  const [, who] = /^grub\.cfg-(?:01-)?(.*)$/.exec(name) ?? []
  if (who === undefined) return undefined
  const mac = parseMac(who)
  return mac === undefined && who !== '' ? undefined : { kind: 'script', mac }
}
