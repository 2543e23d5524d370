/** What boot programs ask for and do without: that it is not there is the answer they wait for, and no fault. */
const misses: readonly { readonly who: string; readonly file: RegExp }[] = [
  // GRUB's lists of modules and its modules: the signed image has what it may use built in.
  { who: 'GRUB', file: /(?:^|\/)(?:x86_64|i386|arm64)-efi\/[a-z0-9_-]+\.(?:lst|mod)$/ },
  { who: 'GRUB', file: /(?:^|\/)fonts\/[a-z0-9._-]+\.pf2$/ },
  { who: 'GRUB', file: /(?:^|\/)locale\/[A-Za-z0-9@._-]+$/ },
  // It tries its UUID, and its address in hexadecimal, a digit less each time (net/net.c).
  { who: 'GRUB', file: /(?:^|\/)grub\.cfg-(?:[0-9A-F]{1,8}|[0-9a-f]{8}-[0-9a-f-]{27})$/ },
  // shim, `load_unbundled_trust`, `load_revocations_file` and `load_options`.
  {
    who: 'shim',
    file: /(?:^|\/)(?:shim_certificate(?:_[0-9]+)?|revocations(?:_sbat|_sku)?|fbx64|fbaa64)\.efi$/,
  },
  { who: 'shim', file: /(?:^|\/)(?:options|boot(?:x64|aa64))\.csv$/i },
  // Its boot loader asks under the serial number or the MAC address first, and then without (boot EEPROM, TFTP_PREFIX).
  { who: 'Raspberry Pi', file: /^(?:[0-9a-f]{8}|(?:[0-9a-f]{2}-){5}[0-9a-f]{2})\/[^/]+(?:\/[^/]+)?$/ },
]

/** Why it is in order that a boot program asks for a file that is not there; `undefined` when it is not. */
export function expectedMiss(file: string): string | undefined {
  const miss = misses.find((one) => one.file.test(file))
  return miss === undefined ? undefined : `${miss.who} looks for it and does without`
}
