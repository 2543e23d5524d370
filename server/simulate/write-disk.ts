import { askBox, curlAgent } from './ask-box.ts'
import type { SeedTexts } from './cloud-init.ts'
import type { Course } from './course.ts'
import { fetchFile } from './fetch-file.ts'
import type { RackMachine } from './rack.ts'

const progressMs = 10_000
const mib = 1024 * 1024

/**
 * What the box hears of `cloud-init/disk/write-disk`, in its order, up to the word that the disk is written; gives the seed that
 * lies on it then. The disk is as fast as the wire: bytes are on it when they have come.
 */
export function* writeDisk(
  machine: RackMachine,
  url: string,
  { invited }: { readonly invited: boolean },
): Course<SeedTexts> {
  yield { kind: 'enter', phase: 'disk' }
  const box = askBox(machine, url)
  const { said } = yield* box.whichDisk({ invited })
  const image = said.get('url') ?? ''
  const [packed, unpacked] = [Number(said.get('packed-bytes')), Number(said.get('unpacked-bytes'))]
  if (!(packed > 0 && unpacked > 0)) return yield* box.fail('image-not-fetched', 'the box names no image')
  const progress = {
    url: `${url}/progress`,
    userAgent: curlAgent,
    everyMs: progressMs,
    unpacks: unpacked / packed,
  }
  const fetched = yield* fetchFile(machine, image, { userAgent: curlAgent, resumes: 'ranges', progress })
  if (fetched.kind === 'failed') return yield* box.fail('image-not-fetched', fetched.because)
  if (fetched.byteCount !== packed) {
    return yield* box.fail('image-damaged', `${fetched.byteCount} bytes came in place of ${packed}`)
  }
  yield* box.note(`${Math.floor(unpacked / mib)} MiB were written`)
  yield* box.note(`the partition sda1 has ${Math.floor(Number(said.get('bytes')) / mib)} MiB now`)
  const seed = yield* box.fetchSeed()
  if (machine.firmware === 'uefi' || machine.firmware === 'http') {
    yield* box.note('the boot order has the disk behind the network (0001,0002)')
  }
  yield* box.tellWritten()
  return seed
}
