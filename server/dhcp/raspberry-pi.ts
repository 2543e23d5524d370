import { macOf } from './hardware-address.ts'
import type { DhcpMessage } from './message.ts'
import { optionCodes } from './option-codes.ts'

/** Given to Raspberry Pi (IEEE MA-L registry). */
const makerPrefixes: ReadonlySet<string> = new Set([
  'b8:27:eb',
  'dc:a6:32',
  'e4:5f:01',
  '28:cd:c1',
  'd8:3a:dd',
  '2c:cf:67',
])

/** `RPi4`, `RPi5`: how the boot loader of the board begins its machine identifier (boot EEPROM, DHCP_OPTION97). */
const fourCc = /^RPi[0-9]$/

/**
 * Whether the boot loader of a Raspberry Pi asks. It calls itself an x86 BIOS, since networks that know nothing of it
 * answer only that, so it is told by its machine identifier or by the maker of its card.
 */
export function isRaspberryPi(message: DhcpMessage): boolean {
  const identifier = message.options.get(optionCodes.machineIdentifier)
  if (identifier !== undefined && identifier.length === 17) {
    if (fourCc.test(String.fromCharCode(...identifier.subarray(1, 5)))) return true
  }
  return makerPrefixes.has(macOf(message)?.slice(0, 8) ?? '')
}
