import type { BootQuery } from '../ipxe-scripts/parse-boot-query.ts'
import type { Sighting } from '../machines/identity.ts'
import type { Mac } from '../wire/mac.ts'

/** A machine as the query of its script shows it. */
export function sightingOf(mac: Mac, query: BootQuery): Sighting {
  return {
    mac,
    uuid: query.uuid,
    serial: boardText(query.serial),
    manufacturer: boardText(query.manufacturer),
    product: boardText(query.product),
    firmware: firmwareNames.get(query.platform ?? ''),
  }
}

/** iPXE's words for the firmware below it, in the words of `dhcp/architectures`. */
const firmwareNames: ReadonlyMap<string, string> = new Map([
  ['efi', 'uefi'],
  ['pcbios', 'bios'],
])

/** What board makers leave where they wrote nothing. */
const unwritten = new Set([
  'to be filled by o.e.m.',
  'not specified',
  'default string',
  'none',
  'unknown',
  '0',
  '123456789',
])

function boardText(text: string | undefined): string | undefined {
  return text === undefined || unwritten.has(text.toLowerCase()) ? undefined : text
}
