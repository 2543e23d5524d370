import { UpstreamFault } from './upstream-fault.ts'

/** The value of a text as JSON; what it is of stands in the reason when it is none. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new UpstreamFault('malformed', `${what} is not JSON.`, { cause: error })
    throw error
  }
}
