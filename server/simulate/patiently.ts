import { Lost, type Course } from './course.ts'

export type Question = {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly userAgent: string
  readonly body?: string
}

/** The patience of cloud-init with its data source and its reports, and no less than that of curl with `--retry 8`. */
const tries = 6

/** A small text by HTTP, asked for again where that fails, each time after a longer pause; gives what was answered. */
export function* patiently({ method, url, userAgent, body }: Question): Course<string> {
  let because = ''
  for (let attempt = 1; attempt <= tries; attempt++) {
    const found = yield {
      kind: 'fetch-http',
      method,
      url,
      userAgent,
      keepText: true,
      ...(body === undefined ? {} : { body }),
    }
    if (found.kind === 'response' && (found.status === 200 || found.status === 204)) return found.text
    because = found.kind === 'response' ? `status ${found.status}` : 'because' in found ? found.because : ''
    yield { kind: 'pause', ms: attempt * 1000 }
  }
  throw new Lost(`${method} ${url} came to nothing in ${tries} tries: ${because}`)
}
