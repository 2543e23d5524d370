import { readFileSync } from 'node:fs'
import { bitRate } from '../events/sentence.ts'
import type { Finding } from './finding.ts'

/** What of a link images may take at the most, so that a budget for them is one at all. */
const mostShare = 0.97

/** How what images may take of an interface stands to what its card carries; `undefined` where the card does not say. */
export function checkLink(device: string, bitsPerSecond: number, carries = speedOf(device)): Finding {
  const subject = `link of ${device}`
  const fact = `kernels and images may take ${bitRate(bitsPerSecond)}`
  if (carries === undefined) return { verdict: 'well', subject, fact }
  if (bitsPerSecond <= carries * mostShare) {
    return { verdict: 'well', subject, fact: `${fact} of ${bitRate(carries)}` }
  }
  return {
    verdict: 'doubtful',
    subject,
    fact: `${fact}, and the card carries ${bitRate(carries)}: nothing is kept free for the rest`,
    nextStep: `Leave a tenth of it: link: ${(carries * 0.9) / 1e6}Mbit/s`,
  }
}

/** As the driver tells it; a card without a cable, and much that is virtual, tells none. */
function speedOf(device: string): number | undefined {
  try {
    const mbits = Number(readFileSync(`/sys/class/net/${device}/speed`, 'utf8'))
    return mbits > 0 ? mbits * 1e6 : undefined
  } catch {
    return undefined
  }
}
