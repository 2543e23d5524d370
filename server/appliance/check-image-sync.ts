import { readFile } from 'node:fs/promises'
import { fileOfTrouble, fileTrouble } from '../wire/file-trouble.ts'
import type { ImageSyncSettings } from '../config/config.ts'
import type { Upstream } from '../images/catalogue.ts'
import { readKeyring } from '../images/keyring.ts'
import { loadCatalogue } from '../images/load-catalogue.ts'
import { UpstreamFault } from '../images/upstream-fault.ts'
import { wishesOf } from '../images/wish.ts'
import type { Finding } from './finding.ts'

/** Whether the settings ask for images that there are, by catalogues and keyrings that can be read. Nobody is asked. */
export async function checkImageSync(settings: ImageSyncSettings): Promise<readonly Finding[]> {
  try {
    const upstreams = await loadCatalogue(settings)
    const findings = settings.images.flatMap((name) => wishOf(name, upstreams))
    const asked = new Set(settings.images.flatMap((name) => upstreamsOf(name, upstreams)))
    for (const upstream of asked) findings.push(await keyringOf(upstream))
    return findings
  } catch (fault) {
    return [wrong('image-sync', fault)]
  }
}

function wishOf(name: string, upstreams: readonly Upstream[]): Finding[] {
  try {
    wishesOf(name, upstreams)
    return []
  } catch (fault) {
    return [wrong(`image ${name}`, fault)]
  }
}

function upstreamsOf(name: string, upstreams: readonly Upstream[]): readonly Upstream[] {
  try {
    return wishesOf(name, upstreams).map(({ upstream }) => upstream)
  } catch (fault) {
    if (fault instanceof UpstreamFault) return []
    throw fault
  }
}

async function keyringOf({ name, base, keyring }: Upstream): Promise<Finding> {
  const subject = `upstream ${name}`
  try {
    const { keys } = await readKeyring(await readFile(keyring.file), keyring.file, keyring.fingerprints)
    const count = keys.length === 1 ? 'one key' : `one of ${keys.length} keys`
    return { verdict: 'well', subject, fact: `${base}, believed when ${count} has signed it` }
  } catch (fault) {
    return wrong(subject, fault)
  }
}

function wrong(subject: string, fault: unknown): Finding {
  if (!(fault instanceof Error) || (!(fault instanceof UpstreamFault) && !('code' in fault))) throw fault
  const nextStep =
    fault instanceof UpstreamFault
      ? fault.nextStep
      : 'See what image-sync says in the settings, and whether this user may read that'
  const file = fileOfTrouble(fault)
  const fact = file === undefined ? fault.message : `${file} cannot be read: ${fileTrouble(fault)}`
  return { verdict: 'wrong', subject, fact, ...(nextStep === undefined ? {} : { nextStep }) }
}
