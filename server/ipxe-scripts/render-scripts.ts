import { hyphenated, type Mac } from '../wire/mac.ts'
import { renderTemplate } from './render-template.ts'
import type { Parts, RenderedScript } from './render-template.ts'
import type { PlaceValue } from './place.ts'
import type { ScriptLanguage, SharedTemplateName, Templates } from './templates.ts'

/** A download that has brought nothing for so long is begun again. */
const downloadTimeoutMs = 60_000
const scriptTimeoutMs = 15_000
/** Seconds before the second attempt; each later one waits twice as long as the one before. */
const firstPause = 2
/** Must be `firstPause` times a power of two, or the script never sees that it has reached it. */
const longestPause = 32

export type ChainValues = {
  /** Where scripts per machine are asked for, without its query: `http://10.0.0.1:8080/boot.ipxe`. */
  readonly url: string
  /** Seven wait for a minute and a half between them. */
  readonly attempts?: number
}

/** The script that asks the appliance for the machine's own script: what any iPXE gets first, and `autoexec.ipxe`. */
export function renderChain(templates: Templates, { url, attempts = 7 }: ChainValues): RenderedScript {
  return render(templates, 'chain', { url, attempts, firstPause, longestPause, timeoutMs: scriptTimeoutMs })
}

export type RamValues = {
  readonly hostname: string
  /** How the machine is deployed, to show. */
  readonly method: 'ram' | 'disk'
  /** Name of the image, to show. */
  readonly image: string
  readonly kernelUrl: string
  readonly initrdUrl: string
  readonly squashfsUrl: string
  /** Ends with a slash, since cloud-init adds `meta-data` and the like to it. */
  readonly seedUrl: string
  readonly kernelParameters: readonly string[]
  /** The shim of the kernel's distribution, where iPXE is the signed one; absent, the kernel is started as it is. */
  readonly shimUrl?: string
  readonly attempts?: number
}

/** The script that starts an image in memory. */
export function renderRam(templates: Templates, values: RamValues): RenderedScript {
  if (!values.seedUrl.endsWith('/')) return { kind: 'refused', because: 'seedUrl: it must end with a slash' }
  const filled = { attempts: 3, ...values, pause: 5, timeoutMs: downloadTimeoutMs }
  const signedKernel = values.shimUrl === undefined ? '' : templates['signed-kernel']
  return render(templates, 'ram', filled, 'ipxe', { 'signed-kernel': signedKernel ?? '' })
}

export type InstallerValues = Omit<RamValues, 'method' | 'squashfsUrl'> & {
  /** casper takes an ISO only from a URL that ends in `.iso`. */
  readonly isoUrl: string
}

/** The script that starts the installer of an image. */
export function renderInstaller(templates: Templates, values: InstallerValues): RenderedScript {
  const because = whyNotInstaller(values)
  if (because !== undefined) return { kind: 'refused', because }
  const { shimUrl, ...others } = values
  const filled = { attempts: 3, ...others, pause: 5, timeoutMs: downloadTimeoutMs }
  const shim = shimUrl === undefined ? {} : { shimUrl }
  const signedKernel = shimUrl === undefined ? '' : templates['signed-kernel']
  return render(templates, 'autoinstall', { ...filled, ...shim }, 'ipxe', {
    'signed-kernel': signedKernel ?? '',
  })
}

function whyNotInstaller({
  seedUrl,
  isoUrl,
}: Pick<InstallerValues, 'seedUrl' | 'isoUrl'>): string | undefined {
  if (!seedUrl.endsWith('/')) return 'seedUrl: it must end with a slash'
  return isoUrl.endsWith('.iso') ? undefined : 'isoUrl: it must end with .iso'
}

export type WaitValues = {
  /** The code by which a person tells this machine's record. */
  readonly claim: string | undefined
  readonly mac: Mac
  readonly uuid: string | undefined
  readonly serial: string | undefined
  /** What is the matter, as a sentence. */
  readonly headline: string
  /** Why the machine waits, as a sentence. */
  readonly because: string
  /** What a person has to do, as a sentence. */
  readonly nextStep: string
  /** How long it stays on the screen. */
  readonly seconds?: number
}

/** The script for a machine that may not boot an image: it says so, waits, and goes to its own disk. */
export function renderWait(
  templates: Templates,
  values: WaitValues,
  language: ScriptLanguage = 'ipxe',
): RenderedScript {
  const { claim = 'none', uuid = 'unknown', serial = 'unknown', seconds = 30 } = values
  return render(templates, 'wait', { ...values, claim, uuid, serial, seconds }, language)
}

/** The script that leaves a machine to its own disk. */
export function renderLocal(
  templates: Templates,
  values: { readonly because: string },
  language: ScriptLanguage = 'ipxe',
): RenderedScript {
  return render(templates, 'local', values, language)
}

/** The same as `renderChain` for GRUB, which finds the files beside itself: the address is not needed. */
export function renderGrubChain(templates: Templates): RenderedScript {
  return render(templates, 'chain', {}, 'grub')
}

export type GrubRamValues = Omit<RamValues, 'attempts' | 'kernelUrl' | 'initrdUrl' | 'shimUrl'> & {
  /** The folder of the image, by HTTP and by TFTP; without a slash at its end. */
  readonly httpFolder: string
  readonly tftpFolder: string
  /** The card that was booted from. */
  readonly mac: Mac
}

/** The script by which GRUB starts an image in memory. */
export function renderGrubRam(templates: Templates, { mac, ...values }: GrubRamValues): RenderedScript {
  if (!values.seedUrl.endsWith('/')) return { kind: 'refused', because: 'seedUrl: it must end with a slash' }
  // With colons, as GRUB's own variables have it, initrds do not find the card (initramfs-tools, `configure_networking`).
  return render(templates, 'ram', { ...values, mac: hyphenated(mac), pause: 5 }, 'grub')
}

export type GrubInstallerValues = Omit<InstallerValues, 'attempts' | 'kernelUrl' | 'initrdUrl' | 'shimUrl'> &
  Pick<GrubRamValues, 'httpFolder' | 'tftpFolder' | 'mac'>

/** The script by which GRUB starts the installer of an image. */
export function renderGrubInstaller(
  templates: Templates,
  { mac, ...values }: GrubInstallerValues,
): RenderedScript {
  const because = whyNotInstaller(values)
  if (because !== undefined) return { kind: 'refused', because }
  return render(templates, 'autoinstall', { ...values, mac: hyphenated(mac), pause: 5 }, 'grub')
}

function render(
  templates: Templates,
  name: SharedTemplateName,
  values: Readonly<Record<string, PlaceValue>>,
  language: ScriptLanguage = 'ipxe',
  parts: Parts = {},
): RenderedScript {
  const included = { 'local-disk': templates['local-disk'], ...parts }
  return renderTemplate(templates[name], values, included, language)
}
