/** What runs a script: iPXE, or GRUB where the signed loaders are used. */
export type ScriptLanguage = 'ipxe' | 'grub'

/** The templates, each `ipxe-scripts/NAME.ipxe` and `NAME.grub`. */
export const templateNames = ['chain', 'ram', 'autoinstall', 'wait', 'local', 'local-disk'] as const

/** What only scripts for iPXE include: GRUB asks shim about a kernel by itself. */
const ipxeTemplateNames = [...templateNames, 'signed-kernel'] as const

/** The names of all templates of a language. */
export const namesIn: Readonly<Record<ScriptLanguage, readonly TemplateName[]>> = {
  ipxe: ipxeTemplateNames,
  grub: templateNames,
}

export type TemplateName = (typeof ipxeTemplateNames)[number]

/** A template that both languages have. */
export type SharedTemplateName = (typeof templateNames)[number]

/** The text of every template, read by the appliance when it starts. */
export type Templates = Readonly<Record<SharedTemplateName, string>> &
  Readonly<Partial<Record<TemplateName, string>>>
