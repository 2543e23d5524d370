import type { Sha256 } from '../wire/sha256.ts'
import { askUpstream } from './ask-upstream.ts'
import type { Stored } from './blob-store.ts'
import { download, type DownloadTools } from './download.ts'
import { ImageFault } from './image-fault.ts'
import { patiently } from './patience.ts'
import { UpstreamFault } from './upstream-fault.ts'

export type FetchTools = Omit<DownloadTools, 'progress'> & {
  readonly progress: (done: number, total: number) => void
}

/** Brings a file of which no list speaks into the store: by its digest, or else by the certificate of its server. */
export async function fetchFile(url: string, sha256: Sha256 | undefined, tools: FetchTools): Promise<Stored> {
  mayBeAsked(url, sha256)
  const byteCount = await patiently(async () => await lengthOf(url, tools), tools)
  try {
    const progress = (done: number): void => tools.progress(done, byteCount)
    return await download({ url, sha256, byteCount }, { ...tools, progress })
  } catch (fault) {
    if (!(fault instanceof UpstreamFault) || fault.kind !== 'wrong-content') throw fault
    const because =
      sha256 === undefined
        ? `${url} changed while it was fetched`
        : `${url} is not the file that was asked for: its SHA-256 is not ${sha256}`
    throw new ImageFault('wrong-digest', because, {
      nextStep: 'Compare with what its maker says, and try again.',
      cause: fault,
    })
  }
}

function mayBeAsked(text: string, sha256: Sha256 | undefined): void {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new ImageFault('not-an-image', `${text} is no URL of http or https`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new ImageFault('unsafe', 'the URL holds a name or a password, and would be kept with the image', {
      nextStep: 'Fetch the file with curl, and import it from there.',
    })
  }
  if (url.protocol === 'http:' && sha256 === undefined) {
    throw new ImageFault('unsafe', 'anybody on the way could change what comes by http', {
      nextStep: 'Give the digest of the file with --sha256, or take an https URL.',
    })
  }
}

async function lengthOf(url: string, tools: FetchTools): Promise<number> {
  const answer = await askUpstream(url, {}, tools)
  answer.close()
  const length = Number(answer.headers.get('content-length'))
  if (answer.headers.has('content-length') && Number.isSafeInteger(length)) return length
  throw new ImageFault('wrong-size', `the server does not say how long ${url} is`, {
    nextStep: 'Fetch it with curl, and import it from the file.',
  })
}
