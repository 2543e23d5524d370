import { whyNotBootUrl } from '../config/boot-url.ts'
import { writeYaml } from './write-yaml.ts'

export type DiskWriterSeed =
  | { readonly kind: 'vendor-data'; readonly text: string }
  | { readonly kind: 'refused'; readonly because: string }

/** In memory, and gone with it. */
const place = '/run/ironwake/write-disk'

/**
 * The vendor-data of a system in memory that is to write its machine's disk: what all systems in memory have in common, and
 * the program `cloud-init/disk/write-disk`, run with the address at which this boot asks the box.
 */
export function diskWriterSeed({
  common,
  program,
  url,
}: {
  readonly common: string
  readonly program: string
  readonly url: string
}): DiskWriterSeed {
  const because = whyNotBootUrl(url)
  if (because !== undefined) return { kind: 'refused', because: `url: ${because}` }
  const written = writeYaml({
    write_files: [{ path: place, permissions: '0700', content: program }],
    runcmd: [['sh', place, url]],
  })
  if (written.kind === 'refused') return written
  return { kind: 'vendor-data', text: `${common.trimEnd()}\n${written.text}` }
}
