import { randomFillSync } from 'node:crypto'
import { mkdirSync, openSync, closeSync, writeSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openNetworkNamespace, type NetworkNamespace } from '../demo/network-namespace.ts'
import { putImage, type PutFiles } from '../appliance/put-image.ts'
import { serveIn, settingsFileIn, type ServedAppliance } from '../demo/served-appliance.ts'
import { serialsOf, type RackMethod } from '../simulate/rack.ts'

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

/** The image of each method; that of `ram` also writes the disks. */
const imagesOf: { readonly [method in RackMethod]: string } = {
  ram: 'rack',
  disk: 'rack-disk',
  autoinstall: 'rack-iso',
}
/** What a packed cloud image of Ubuntu comes to on a disk, nearly. */
const unpacks = 4

export type RackBoxPlan = {
  readonly imageBytes: number
  /** The methods of its machines, each of which has serial numbers of its own; absent, all have `ram`. */
  readonly methods?: readonly RackMethod[]
  /** What images may take of the wire, as the settings have it; absent, all of it. */
  readonly link?: string
  /** Big files that go out at a time; absent, as many as by default. */
  readonly streams?: number
}

/** Starts it with images of random bytes, whose machines are all approved. Needs root. */
export async function openRackBox({
  imageBytes,
  methods = ['ram'],
  link,
  streams,
}: RackBoxPlan): Promise<RackBox> {
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'ironwake-rack-'))
  opened.defer(async () => await rm(folder, { recursive: true, force: true }))
  writeFiles(join(folder, 'image'), { ...sizes, squashfs: imageBytes })
  await putImages(folder, imageBytes, methods)
  // Nothing runs them here; what counts is that they arrive. So the rack needs no package of iPXE.
  writeFiles(join(folder, 'programs'), programs)
  const share = link === undefined ? '' : `, link: ${link}`
  const settings = [
    ...(streams === undefined ? [] : [`http: {streams: ${streams}}`]),
    'data: ./data',
    'approve:',
    ...methods.map(
      (method) => `  - {serial: '${serialsOf[method]}*', method: ${method}, image: ${imagesOf[method]}}`,
    ),
    `defaults: {image: ${imagesOf.ram}, ephemeral: ${imagesOf.ram}}`,
    'boot-programs: [./programs]',
    `networks: [{name: ${network}, interface: ${network}, mode: full, pool: ${pool}${share}}]`,
    `images: [{name: ${imagesOf.ram}, folder: ./image}]`,
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

/** What is written to disks comes from the store. */
async function putImages(folder: string, imageBytes: number, methods: readonly RackMethod[]): Promise<void> {
  const dataFolder = join(folder, 'data')
  const put = async (method: RackMethod, files: PutFiles): Promise<void> =>
    await putImage(dataFolder, { name: imagesOf[method], version: '1', files, now: Date.now })
  const image = (name: string): string => join(folder, 'image', name)
  if (methods.includes('disk')) {
    writeFiles(join(folder, 'disk'), { disk: imageBytes })
    const unpackedByteCount = imageBytes * unpacks
    await put('disk', { disk: { path: join(folder, 'disk', 'disk'), form: 'raw-zstd', unpackedByteCount } })
  }
  if (methods.includes('autoinstall')) {
    writeFiles(join(folder, 'iso'), { iso: imageBytes })
    await put('autoinstall', {
      kernel: { path: image('vmlinuz'), form: 'plain' },
      initrd: { path: image('initrd'), form: 'plain' },
      iso: { path: join(folder, 'iso', 'iso'), form: 'iso' },
    })
  }
}
