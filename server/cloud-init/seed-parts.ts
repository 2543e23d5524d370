import { writeYaml, type CloudValue } from './write-yaml.ts'

/** Files and commands that become part of a seed. */
export type SeedParts =
  | {
      readonly kind: 'parts'
      /** For `write_files`. */
      readonly files: readonly CloudValue[]
      /** For `runcmd`, each a program with its arguments. */
      readonly commands: readonly (readonly string[])[]
    }
  | Refusal

type Refusal = { readonly kind: 'refused'; readonly because: string }

/** The fields of cloud-config that bring such parts. */
export function seedFields(...parts: readonly (SeedParts & { readonly kind: 'parts' })[]): {
  readonly [key: string]: CloudValue
} {
  return {
    // cloud-init makes no swap; what the image has is switched off by the program.
    swap: { size: 0 },
    write_files: parts.flatMap(({ files }) => files),
    runcmd: parts.flatMap(({ commands }) => commands),
  }
}

/** Vendor-data that has such parts after what all systems of a method have in common; without any, that alone. */
export function vendorDataWith(
  common: string,
  ...parts: readonly (SeedParts | undefined)[]
): { readonly kind: 'vendor-data'; readonly text: string } | Refusal {
  const given = parts.filter((one) => one !== undefined)
  const refused = given.find((one) => one.kind === 'refused')
  if (refused !== undefined) return refused
  const fitting = given.filter((one) => one.kind === 'parts')
  if (fitting.length === 0) return { kind: 'vendor-data', text: common }
  const written = writeYaml(seedFields(...fitting))
  if (written.kind === 'refused') return written
  return { kind: 'vendor-data', text: `${common.trimEnd()}\n${written.text}` }
}
