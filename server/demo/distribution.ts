import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** The distribution of this machine; its own packages are what images and loaders are made of. */
export type Distribution = {
  readonly id: 'debian' | 'ubuntu'
  readonly codename: string
  readonly title: string
}

/** Processors, in Debian's words. */
export type Processor = 'amd64' | 'arm64'

/** What this machine runs. */
export async function thisDistribution(): Promise<Distribution> {
  return parseDistribution(await readFile('/etc/os-release', 'utf8'))
}

/** Reads /etc/os-release. */
export function parseDistribution(osRelease: string): Distribution {
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(osRelease)?.[1] ?? ''
  const id = field('ID')
  const codename = field('VERSION_CODENAME')
  if ((id !== 'debian' && id !== 'ubuntu') || codename === '') {
    throw new Error(
      `The demo image is made from Debian's or Ubuntu's packages; this machine runs '${field('PRETTY_NAME')}'. Run the demo on Debian 12.`,
    )
  }
  return { id, codename, title: field('PRETTY_NAME') }
}

/** The files in which this machine names its distribution's own mirrors; whatever else it has added is left aside. */
export async function sourceFiles(distribution: Distribution): Promise<readonly string[]> {
  const format = ['$(RELEASE)', '$(ORIGIN)', '$(SOURCESENTRY)'].join('\t')
  const { stdout } = await execute('apt-get', ['indextargets', '--format', format, 'Identifier: Packages'])
  const files = chooseSourceFiles(stdout, distribution)
  if (files.length > 0) return files
  throw new Error(
    `apt knows no mirror of ${distribution.codename}. Look at /etc/apt/sources.list and /etc/apt/sources.list.d, then run 'apt-get update'.`,
  )
}

/** Picks the files from what `apt-get indextargets` printed: release, origin and `file:line`, tab between. */
export function chooseSourceFiles(targets: string, distribution: Distribution): readonly string[] {
  const releases = ['', '-updates', '-security'].map((suffix) => distribution.codename + suffix)
  const files = new Set<string>()
  for (const line of targets.split('\n')) {
    const [release, origin, entry] = line.split('\t')
    // A mirror made by hand may name no origin.
    const isOwn = origin === '' || origin?.toLowerCase() === distribution.id
    if (release !== undefined && releases.includes(release) && isOwn && entry !== undefined) {
      files.add(entry.replace(/:[0-9]+$/, ''))
    }
  }
  return [...files]
}

/** How this machine reaches its mirrors: proxies, certificates, retries. */
export async function transportOptions(): Promise<readonly string[]> {
  const { stdout } = await execute('apt-config', ['dump'])
  return chooseTransportOptions(stdout)
}

/** Picks the lines from what `apt-config dump` printed. */
export function chooseTransportOptions(dump: string): readonly string[] {
  const wanted =
    /^Acquire::(https?::(Proxy|CaInfo|CaPath|Verify|Timeout)|Retries|ForceIPv[46])[^ ]* "[^"]+";$/
  return dump.split('\n').filter((line) => wanted.test(line))
}
