import { pxeCodes } from '../dhcp/option-codes.ts'
import { textValue } from '../dhcp/option-values.ts'

/** The boot EEPROM looks for this text in option 43 (PXE_OPTION43) and takes no reply without it. */
const raspberryPiText = 'Raspberry Pi Boot'

/** A boot menu of one entry, boot server type 0, and a prompt that is shown for no time (PXE 2.1, option 43). */
export function raspberryPiMenu(): readonly (readonly [number, Uint8Array])[] {
  const menu = Uint8Array.of(0, 0, raspberryPiText.length, ...textValue(raspberryPiText))
  const prompt = Uint8Array.of(0, ...textValue('PXE'))
  return [
    [pxeCodes.bootMenu, menu],
    [pxeCodes.menuPrompt, prompt],
  ]
}
