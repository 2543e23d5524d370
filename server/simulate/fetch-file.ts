import type { Course, Progress } from './course.ts'
import type { RackMachine } from './rack.ts'

export type Fetched =
  | { readonly kind: 'file'; readonly byteCount: number }
  | { readonly kind: 'failed'; readonly because: string }

export type Fetching = {
  readonly userAgent: string
  /** Whether it goes on where it broke off; `ranges` asks for a range from the beginning, as the one that writes disks does. */
  readonly resumes: boolean | 'ranges'
  readonly progress?: Progress
}

/** How often one file is asked for anew; each time after a longer pause. */
const tries = 10
/** As far as a machine comes whose connection breaks. */
const breaksAfterBytes = 300_000
const slowBytesPerTenth = 256 * 1024
/** A server that says when to come again is taken at its word, up to this. */
const longestPauseSeconds = 30

/** A big file by HTTP; one that breaks off is fetched from there on when the client knows how, or from its beginning. */
export function* fetchFile(machine: RackMachine, url: string, by: Fetching): Course<Fetched> {
  let have = { byte: 0, checksum: 0 }
  let because = ''
  let breaks = machine.fault === 'breaks-off'
  for (let attempt = 1; attempt <= tries; attempt++) {
    const found = yield {
      kind: 'fetch-http',
      method: 'GET',
      url,
      userAgent: by.userAgent,
      keepText: false,
      ...(by.resumes === 'ranges' || (by.resumes && have.byte > 0) ? { from: have } : {}),
      ...(by.progress === undefined ? {} : { progress: by.progress }),
      ...(breaks ? { diesAfterBytes: breaksAfterBytes } : {}),
      ...(machine.fault === 'slow-reader' ? { bytesPerTenth: slowBytesPerTenth } : {}),
    }
    breaks = false
    if (found.kind === 'response' && (found.status === 200 || found.status === 206)) {
      const before = found.status === 206 ? have.byte : 0
      have = { byte: before + found.byteCount, checksum: found.checksum }
      if (found.byteCount === found.announced) {
        const got = yield { kind: 'got', file: url, byteCount: have.byte, checksum: have.checksum }
        return got.kind === 'failed' ? got : { kind: 'file', byteCount: have.byte }
      }
      because = `it broke off after ${have.byte} bytes`
    } else if (found.kind === 'response') {
      because = `status ${found.status}`
      const seconds = Math.min(found.retryAfterSeconds ?? attempt, longestPauseSeconds)
      yield { kind: 'pause', ms: seconds * 1000 }
    } else {
      because = found.kind === 'failed' ? found.because : 'no answer'
      yield { kind: 'pause', ms: attempt * 1000 }
    }
  }
  return { kind: 'failed', because: `${url} did not come in ${tries} tries: ${because}` }
}
