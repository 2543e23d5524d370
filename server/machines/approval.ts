import type { Mac } from '../wire/mac.ts'

/** A rule that a person wrote: every machine, or the network cards listed. */
export type Approval = { readonly kind: 'all' } | { readonly kind: 'these'; readonly macs: ReadonlySet<Mac> }

/**
 * Whether a rule lets the machine boot that asks from `mac`. Only the card that asks counts: an SMBIOS UUID can stand on
 * two boards, and must not carry an approval from one to the other.
 */
export function allows(rule: Approval, mac: Mac): boolean {
  return rule.kind === 'all' || rule.macs.has(mac)
}
