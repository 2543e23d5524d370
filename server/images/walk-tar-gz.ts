import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { ImageFault } from './image-fault.ts'
import { mostUnpackedBytes, TarGuard, type TarEntry } from './tar-guard.ts'
import type { Work } from './work.ts'

/** What is done with an entry; content that is not read is passed over. */
export type VisitEntry = (entry: TarEntry, content: AsyncIterable<Uint8Array>) => Promise<void>

/**
 * Goes through a tar.gz archive entry by entry and refuses it where it would do harm to who unpacks it. Nothing of it is
 * written by its names.
 */
export async function walkTarGz(path: string, visit: VisitEntry, work: Work): Promise<void> {
  const { size } = await stat(path)
  const guard = new TarGuard()
  const packed = createReadStream(path, { highWaterMark: 256 * 1024 })
  const entries = extract()
  const flowing = pipeline(packed, createGunzip(), upToMost, entries, { signal: work.stop })
  // Met below, when the entries have ended.
  flowing.catch(() => {})
  try {
    for await (const content of entries) {
      const { name, type, size: byteCount, linkname } = content.header
      const entry: TarEntry = { name, type, linkname, size: byteCount }
      const because = guard.whyNot(entry)
      if (because !== undefined) throw unsafe(because)
      await visit(entry, content as AsyncIterable<Uint8Array>)
      content.resume()
      work.progress('unpack', packed.bytesRead, size)
    }
    await flowing
  } catch (error) {
    packed.destroy()
    await flowing.catch(() => {})
    work.stop.throwIfAborted()
    throw faultOf(error)
  }
}

/** Zeros behind the last entry are no entry, and have no end in an archive that was made to have none. */
async function* upToMost(unpacked: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let byteCount = 0
  for await (const bytes of unpacked) {
    byteCount += bytes.length
    if (byteCount > mostUnpackedBytes) throw unsafe(`it unpacks to more than ${mostUnpackedBytes} bytes`)
    yield bytes
  }
}

function unsafe(because: string): ImageFault {
  return new ImageFault('unsafe', `the archive is refused: ${because}`)
}

/** What the reader of the archive, or of gzip, says of bytes that are none. */
function faultOf(error: unknown): unknown {
  if (error instanceof ImageFault || !(error instanceof Error)) return error
  const code = 'code' in error ? String(error.code) : ''
  const isTheirs = code.startsWith('Z_') || tarFaults.test(error.message)
  if (!isTheirs) return error
  return new ImageFault('not-an-image', `the archive cannot be read: ${error.message}`, {
    nextStep:
      'Fetch it once more. Where it is no tar archive, but a disk or a kernel packed with gzip, unpack it first: gunzip -k FILE',
    cause: error,
  })
}

const tarFaults =
  /invalid tar header|unexpected end of data|invalid header|exceeds max size|prematur|writable stream closed/i
