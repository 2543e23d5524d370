/** What runs a script: iPXE, or GRUB where the signed loaders are used. */
export type ScriptLanguage = 'ipxe' | 'grub'

/** The templates, each `ipxe-scripts/NAME.ipxe` and `NAME.grub`. */
export const templateNames = ['chain', 'ram', 'wait', 'local', 'local-disk'] as const

export type TemplateName = (typeof templateNames)[number]

/** The text of every template, read by the appliance when it starts. */
export type Templates = Readonly<Record<TemplateName, string>>
