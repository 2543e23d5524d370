import { writeYaml } from './write-yaml.ts'

export type VendorData =
  | { readonly kind: 'vendor-data'; readonly text: string }
  | { readonly kind: 'refused'; readonly because: string }

/** In memory, and gone with it. Programs that share a file find it beside themselves. */
const folder = '/run/ironwake'

/** The path of a program on the machine. */
export function programPath(name: string): string {
  return `${folder}/${name}`
}

/** The vendor-data of a system in memory: what all of them have in common, and programs, of which one may be run at its end. */
export function withPrograms(
  common: string,
  programs: Readonly<Record<string, string>>,
  run?: readonly string[],
): VendorData {
  const files = Object.entries(programs).map(([name, content]) => ({
    path: programPath(name),
    permissions: '0700',
    content,
  }))
  const written = writeYaml({ write_files: files, runcmd: run === undefined ? undefined : [['sh', ...run]] })
  if (written.kind === 'refused') return written
  return { kind: 'vendor-data', text: `${common.trimEnd()}\n${written.text}` }
}
