import { askUpstream } from './ask-upstream.ts'
import { Pace } from './pace.ts'
import { patiently } from './patience.ts'
import { UpstreamFault } from './upstream-fault.ts'
import type { UpstreamTools } from './upstream-tools.ts'

/** A document small enough to be held in memory, as an index or a signature. */
export async function fetchDocument(
  url: string,
  longestBytes: number,
  tools: UpstreamTools,
): Promise<Uint8Array> {
  return await patiently(async () => await fetchOnce(url, longestBytes, tools), tools)
}

async function fetchOnce(url: string, longestBytes: number, tools: UpstreamTools): Promise<Uint8Array> {
  const answer = await askUpstream(url, {}, tools)
  if (answer.status !== 200) {
    answer.close()
    throw new UpstreamFault('malformed', `${url} comes in part (${answer.status}), and all was asked for.`)
  }
  const announced = Number(answer.headers.get('content-length') ?? Number.NaN)
  if (announced > longestBytes) {
    answer.close()
    throw tooLarge(url, longestBytes)
  }
  const parts: Uint8Array[] = []
  let byteCount = 0
  const pace = new Pace(tools.now)
  pace.waiting()
  for await (const part of answer.body) {
    byteCount += part.length
    if (byteCount > longestBytes) throw tooLarge(url, longestBytes)
    parts.push(Buffer.from(part))
    pace.came(part.length, url)
    pace.waiting()
  }
  return Buffer.concat(parts)
}

function tooLarge(url: string, longestBytes: number): UpstreamFault {
  return new UpstreamFault('too-large', `${url} has more than ${longestBytes} bytes.`)
}
