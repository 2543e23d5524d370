import type { BootClient } from './identify.ts'
import { programFor, raspberryPiFolder, type Program } from './programs.ts'
import { chainsForEver, mostChained, type Chained } from '../machines/chained.ts'
import type { Loader, Network } from '../networks/network.ts'

/** What the policy must know of the box. */
export type BootSettings = {
  /** Port of the boot listener. */
  readonly httpPort: number
  /** Boot programs found on this box, by file name. */
  readonly programs: ReadonlySet<string>
  /** Those of them that fetch what they need next by TFTP only; absent, none. */
  readonly tftpOnly?: ReadonlySet<string>
  /** Largest IP datagram of the interfaces, in bytes. */
  readonly mtu: number
  /** What the settings have firmware load, before all that the box would choose. */
  readonly bootFiles?: BootFiles
}

/** Files by the number of the architecture; `other` is for firmware that the box has nothing for. */
export type BootFiles = ReadonlyMap<number | 'other', string>

/** What a client is told to load. */
export type BootDecision =
  | { readonly kind: 'address-only'; readonly because: string }
  | {
      readonly kind: 'load-program'
      readonly file: string
      readonly because: string
      /** What the firmware must hear in option 43 before it takes the reply for its own. */
      readonly vendorOptions?: 'raspberry-pi'
    }
  | { readonly kind: 'http-boot'; readonly url: string; readonly because: string }
  | { readonly kind: 'run-script'; readonly url: string; readonly because: string }

/** Chooses what the client loads next. An iPXE is never given iPXE again, unless it cannot fetch its script. */
export function decide(
  client: BootClient,
  network: Network,
  settings: BootSettings,
  loader: Loader = 'ipxe',
  chained?: Chained,
): BootDecision {
  const base = `http://${network.serverAddress}:${settings.httpPort}`
  switch (client.kind) {
    case 'system':
      return { kind: 'address-only', because: 'it does not boot from the network' }
    case 'ipxe':
      if (client.speaksHttp) return { kind: 'run-script', url: `${base}/chain.ipxe`, because: 'it is iPXE' }
      if (chained !== undefined && chainsForEver(chained)) return { kind: 'address-only', because: noHttp }
      return program(client, settings, 'its iPXE has no HTTP, so it gets one that has')
    case 'pxe':
      return program(client, settings, 'it is PXE firmware', loader)
    case 'http': {
      const chosen = program(client, settings, 'it is HTTP boot firmware', loader)
      if (chosen.kind !== 'load-program') return chosen
      return { kind: 'http-boot', url: `${base}/programs/${chosen.file}`, because: chosen.because }
    }
  }
}

const noHttp = `it was given iPXE ${mostChained} times and came back without HTTP each time: what this box has is built without it as well`

function program(
  client: BootClient,
  settings: BootSettings,
  why: string,
  loader: Loader = 'ipxe',
): BootDecision {
  const { architecture } = client
  if (architecture === undefined) return otherwise(settings, 'it names no architecture (options 93 and 60)')
  if (architecture.family === 'rpiboot') return raspberryPi(settings)
  const named = settings.bootFiles?.get(architecture.code)
  if (named !== undefined) return fileOfSettings(settings, named, `${why}, ${architecture.name}`)
  const { programs: available, tftpOnly = new Set() } = settings
  const chosen = programFor(architecture, { available, tftpOnly }, loader)
  if (chosen.kind === 'none') return otherwise(settings, chosen.because)
  return {
    kind: 'load-program',
    file: chosen.file,
    because: `${why}, ${architecture.name}${whySigned(chosen, loader)}`,
  }
}

/** What is loaded where the box has nothing: what the settings name for such firmware, or nothing at all. */
function otherwise(settings: BootSettings, because: string): BootDecision {
  const other = settings.bootFiles?.get('other')
  return other === undefined ? { kind: 'address-only', because } : fileOfSettings(settings, other, because)
}

function fileOfSettings({ programs }: BootSettings, file: string, because: string): BootDecision {
  if (programs.has(file)) {
    return { kind: 'load-program', file, because: `${because}, and the settings name a file (boot-files)` }
  }
  return {
    kind: 'address-only',
    because: `${because}, and boot-files names ${file}, which is in no folder of boot-programs`,
  }
}

function whySigned(chosen: Program & { kind: 'program' }, loader: Loader): string {
  if (chosen.loader === 'ipxe') return ''
  return chosen.loader === loader
    ? `, and gets the signed loaders (loader: ${loader})`
    : ', and gets the signed loaders, as this box has no iPXE for it'
}

/** What events say where nothing is loaded. */
export const nothingToLoad = 'nothing'

/** What is loaded, in one word or URL; `undefined` for an address alone. */
export function loads(decision: BootDecision): string | undefined {
  switch (decision.kind) {
    case 'address-only':
      return undefined
    case 'load-program':
      return decision.file
    case 'http-boot':
    case 'run-script':
      return decision.url
  }
}

/** It asks for the files of its folder by names of its own, beginning with this one, whatever file it is told. */
function raspberryPi(settings: BootSettings): BootDecision {
  const file = 'config.txt'
  if (!settings.programs.has(`${raspberryPiFolder}/${file}`)) {
    return {
      kind: 'address-only',
      because: `this box has none of the files of a Raspberry Pi: ${raspberryPiFolder}/${file} is missing`,
    }
  }
  return { kind: 'load-program', file, because: 'it is a Raspberry Pi', vendorOptions: 'raspberry-pi' }
}
