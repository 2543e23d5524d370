import type { StoreView, VersionView } from '../appliance/image-store.ts'
import { size } from '../events/sentence.ts'
import type { JobStatus } from '../http/api-app.ts'
import { ago, table } from './table.ts'

/** The versions of the store, and the folders of the settings below them, for people. */
export function imageTable(
  { versions }: StoreView,
  folders: readonly { readonly name: string; readonly folder: string }[],
  now: number,
): string {
  return table(
    ['IMAGE', 'VERSION', 'ARCH', 'SIZE', 'HAS', 'SINCE', 'NOTES'],
    [
      ...versions.map((one) => {
        const { name, version, architecture, publishedAt } = one.manifest
        const has = Object.keys(one.manifest.files).join(' ')
        const since = `${ago(now - publishedAt)} ago`
        return [name, version, architecture, size(bytesOf(one)), has, since, notesOf(one).join(', ')]
      }),
      ...folders.map(({ name, folder }) => [name, '-', '-', '-', 'kernel initrd squashfs', '-', folder]),
    ],
  )
}

export function bytesOf({ manifest }: VersionView): number {
  return Object.values(manifest.files).reduce((sum, { byteCount }) => sum + byteCount, 0)
}

/** What keeps a version, and what is wrong with it. */
export function notesOf(one: VersionView): readonly string[] {
  return [
    ...(one.whole ? [] : ['DAMAGED']),
    ...(one.newest ? ['newest'] : []),
    ...(one.wanted ? ['of the settings'] : []),
    ...(one.pinned ? ['pinned'] : []),
    ...(one.running ? ['booting'] : []),
  ]
}

/** How the jobs that concern images stand. */
export function jobLines(jobs: readonly JobStatus[], now: number): readonly string[] {
  return jobs
    .filter(({ name }) => name.endsWith('-images'))
    .map(({ name, running, last, nextAt }) => {
      const next = nextAt === undefined ? '' : `; next ${until(nextAt, now)}`
      if (running) return `${name}: at work since ${ago(now - (last?.startedAt ?? now))}${next}`
      if (last?.endedAt === undefined) return `${name}: has not run yet${next}`
      const outcome = `${last.failed === true ? 'FAILED: ' : ''}${last.outcome ?? ''}`
      return `${name}: ${ago(now - last.endedAt)} ago, ${outcome}${next}`
    })
}

function until(at: number, now: number): string {
  return at <= now ? 'now' : `in ${ago(at - now)}`
}
