import { randomFillSync } from 'node:crypto'
import { mkdirSync, openSync, closeSync, writeSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openNetworkNamespace, type NetworkNamespace } from '../demo/network-namespace.ts'
import { serveIn, settingsFileIn, type ServedAppliance } from '../demo/served-appliance.ts'

/** An appliance in a namespace of its own, and a neighbour from which a rack boots from it. */
export type RackBox = AsyncDisposable & {
  readonly box: NetworkNamespace
  readonly neighbour: NetworkNamespace
  /** The interface of the neighbour. */
  readonly interface: string
  readonly appliance: ServedAppliance
}

const network = 'rack'
const device = 'eth0'
/** Room for 60,000 machines. */
const subnet = '10.88.0.0/16'
const serverAddress = '10.88.0.1/16'
const pool = '10.88.1.0-10.88.254.255'

/** Sizes near those of the files of a small image; the image itself is what the caller asks for (bytes). */
const sizes = { vmlinuz: 1024 ** 2, initrd: 2 * 1024 ** 2 }
/** Debian's iPXE has these names and, nearly, these sizes. */
const programs = { 'undionly.kpxe': 70_000, 'snponly.efi': 174_000 }

export type RackBoxPlan = {
  readonly imageBytes: number
  /** What images may take of the wire, as the settings have it; absent, all of it. */
  readonly link?: string
  /** Big files that go out at a time; absent, as many as by default. */
  readonly streams?: number
}

/** Starts it with an image of random bytes, whose machines are all approved. Needs root. */
export async function openRackBox({ imageBytes, link, streams }: RackBoxPlan): Promise<RackBox> {
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'ironwake-rack-'))
  opened.defer(async () => await rm(folder, { recursive: true, force: true }))
  writeFiles(join(folder, 'image'), { ...sizes, squashfs: imageBytes })
  // Nothing runs them here; what counts is that they arrive. So the rack needs no package of iPXE.
  writeFiles(join(folder, 'programs'), programs)
  const share = link === undefined ? '' : `, link: ${link}`
  const settings = [
    ...(streams === undefined ? [] : [`http: {streams: ${streams}}`]),
    'data: ./data',
    'approve: all',
    'boot-programs: [./programs]',
    `networks: [{name: ${network}, interface: ${network}, mode: full, pool: ${pool}${share}}]`,
    'images: [{name: rack, folder: ./image}]',
    '',
  ]
  await writeFile(settingsFileIn(folder), settings.join('\n'))
  const box = opened.use(await openNetworkNamespace([{ name: network, addresses: [serverAddress] }]))
  const neighbour = await box.addNeighbour(network)
  await neighbour.run(['ip', 'route', 'add', subnet, 'dev', device])
  const appliance = opened.use(await serveIn(box, settingsFileIn(folder), { level: 'info' }))
  const parts = opened.move()
  return {
    box,
    neighbour,
    interface: device,
    appliance,
    [Symbol.asyncDispose]: async () => await parts.disposeAsync(),
  }
}

function writeFiles(folder: string, files: Readonly<Record<string, number>>): void {
  mkdirSync(folder)
  const piece = new Uint8Array(1024 * 1024)
  for (const [name, size] of Object.entries(files)) {
    const fd = openSync(join(folder, name), 'w')
    for (let at = 0; at < size; at += piece.length) {
      randomFillSync(piece)
      writeSync(fd, piece, 0, Math.min(piece.length, size - at))
    }
    closeSync(fd)
  }
}
