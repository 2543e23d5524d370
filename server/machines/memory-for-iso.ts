/**
 * The memory a machine needs to be installed from an ISO by the network. casper keeps it in a tmpfs, which may take half of
 * all memory, and beside it the installer's own system needs room (Subiquity, `NETBOOT_TESTS.md`: a little over twice the ISO).
 */
export function memoryForIso(isoBytes: number): number {
  return 2 * isoBytes + besideBytes
}

const besideBytes = 1024 ** 3
