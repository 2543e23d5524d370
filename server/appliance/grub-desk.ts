import { grubRequest } from '../boot/grub-request.ts'
import type { Arrival, Outcome } from '../http/outcome.ts'
import { renderGrubChain } from '../ipxe-scripts/render-scripts.ts'
import type { Templates } from '../ipxe-scripts/templates.ts'
import type { Sighting } from '../machines/identity.ts'
import { parseIpv4, type Ipv4 } from '../wire/ipv4.ts'
import { isUnicastMac, type Mac } from '../wire/mac.ts'

export type GrubDeskParts = {
  readonly grubTemplates: Templates
  readonly holderOf: (address: Ipv4) => Mac | undefined
  readonly now: () => number
  /** The machine's own script, and all that follows from its having been asked for. */
  readonly scriptFor: (arrival: Arrival, sighting: Sighting) => Promise<Outcome>
}

export type GrubDesk = {
  /** The configuration file GRUB asks for under this path; `undefined` when the path names none. */
  readonly configFor: (arrival: Arrival, path: string) => Promise<Outcome | undefined>
}

/** GRUB opens a file to see whether it is there and once more to read it: that is one question, not two boots. */
const sameQuestionMs = 3_000
/** More machines do not start in that time. */
const mostRemembered = 4_096

/** What GRUB gets by TFTP and by HTTP, with the decisions of the scripts for iPXE. */
export function grubDesk(parts: GrubDeskParts): GrubDesk {
  const answers = new Map<string, { readonly at: number; readonly outcome: Promise<Outcome> }>()

  return {
    async configFor(arrival, path) {
      const request = grubRequest(path)
      if (request === undefined) return undefined
      if (request.kind === 'chain') return chainConfig(parts.grubTemplates)
      const mac = request.mac ?? holderAt(arrival.from)
      if (mac === undefined || !isUnicastMac(mac)) return unknownMachine
      const key = `${arrival.to} ${mac}`
      const before = answers.get(key)
      const at = parts.now()
      if (before !== undefined && at >= before.at && at - before.at < sameQuestionMs)
        return await before.outcome
      // Signed GRUB is there for UEFI only.
      const outcome = parts.scriptFor(arrival, { mac, firmware: 'uefi' })
      answers.delete(key)
      answers.set(key, { at, outcome })
      if (answers.size > mostRemembered) answers.delete([...answers.keys()][0] ?? '')
      return await outcome
    },
  }

  function holderAt(from: string): Mac | undefined {
    const address = parseIpv4(from)
    return address === undefined ? undefined : parts.holderOf(address)
  }
}

function chainConfig(templates: Templates): Outcome {
  const rendered = renderGrubChain(templates)
  if (rendered.kind === 'refused') return { kind: 'refused', status: 409, because: rendered.because }
  return { kind: 'text', type: 'text/plain', text: rendered.text }
}

const unknownMachine: Outcome = {
  kind: 'refused',
  status: 404,
  because: 'the name of the file names no machine, and the address it was asked from has no lease',
}
