import { spawn } from 'node:child_process'
import { printable } from '../wire/text.ts'
import type { PowerState } from '../machines/power-action.ts'
import type { PowerControl, PowerOrder } from './power-control.ts'
import { PowerFault } from './power-fault.ts'

export type IpmiParts = {
  readonly host: string
  readonly port: number
  readonly user: string
  /** The suite of ciphers; absent, ipmitool asks the BMC, which some old ones take a minute to leave unanswered. */
  readonly cipher: number | undefined
  readonly password: () => Promise<string>
  /** Resolves after so many milliseconds, or rejects when it is over. */
  readonly pause: (ms: number, over: AbortSignal) => Promise<void>
}

/** IPMI 2.0 keeps twenty bytes of a password (§22.30); ipmitool would cut a longer one without a word. */
const longestPassword = 20
const betweenLooksMs = 1_000
const mostLooks = 20
/** It prints a line or two. */
const mostOutput = 64 * 1024
/** `-N` and `-R`: seconds for an answer, and how often it asks. */
const patience = ['-N', '3', '-R', '3']

/** Power by IPMI 2.0 over the network, through the distribution's `ipmitool`. */
export function ipmiControl(parts: IpmiParts): PowerControl {
  const ask = async (words: readonly string[], over: AbortSignal) => await ipmitool(parts, words, over)
  const stateNow = async (over: AbortSignal) => stateIn(await ask(['chassis', 'power', 'status'], over))
  /** A chassis takes some seconds, and one that is cycled is off for one of them (§28.3). */
  const stateAfter = async (wanted: PowerState, over: AbortSignal): Promise<PowerState> => {
    for (let look = 1; ; look++) {
      const state = await stateNow(over)
      if (state === wanted || look >= mostLooks) return state
      await parts.pause(betweenLooksMs, over)
    }
  }
  return {
    state: async ({ over }) => await stateNow(over),
    async turn({ action, boot, machine, over }: PowerOrder) {
      if (boot === 'network') {
        const efi = machine.firmware === 'bios' ? [] : ['options=efiboot']
        await ask(['chassis', 'bootdev', 'pxe', ...efi], over)
      }
      // A chassis that is off has nothing to cycle (IPMI 2.0 §28.3), and some BMCs refuse what is so already.
      const before = await stateNow(over)
      const word = action === 'cycle' && before === 'off' ? 'on' : action
      if (word === before) return { state: before, remarks: [`it was ${before} already`] }
      await ask(['chassis', 'power', word], over)
      return { state: await stateAfter(word === 'off' ? 'off' : 'on', over), remarks: [] }
    },
  }
}

function stateIn(printed: string): PowerState {
  const said = /^Chassis Power is (on|off)\s*$/im.exec(printed)?.[1]?.toLowerCase()
  if (said === 'on' || said === 'off') return said
  throw new PowerFault('malformed', `ipmitool says of the power: ${printable(printed.trim(), 200)}`)
}

/** The password goes by the environment, which only the same user and root can read; a command line everybody can. */
async function ipmitool(parts: IpmiParts, words: readonly string[], over: AbortSignal): Promise<string> {
  const password = await parts.password()
  if (Buffer.byteLength(password) > longestPassword) {
    throw new PowerFault(
      'no-secret',
      `The password has more than the ${longestPassword} bytes that IPMI knows.`,
    )
  }
  const where = ['-I', 'lanplus', '-H', parts.host, '-p', String(parts.port), '-U', parts.user, '-E']
  const suite = parts.cipher === undefined ? [] : ['-C', String(parts.cipher)]
  // Without -v it says the same of a wrong password and of a BMC that is not there.
  const all = ['-v', ...where, ...suite, ...patience, ...words]
  const { code, printed, complaints } = await run(all, password, over)
  if (code === 0) return printed
  const said = printable(told(complaints), 300)
  if (/password|unauthorized|RAKP 2 (?:HMAC|message)|insufficient privilege/i.test(complaints)) {
    throw new PowerFault(
      'unauthorized',
      `The BMC at ${parts.host} does not accept the user or the password: ${said}`,
    )
  }
  if (
    /unable to establish|timeout|no response|no route|address lookup|could not open socket/i.test(complaints)
  ) {
    throw new PowerFault(
      'unreachable',
      `No BMC answers by IPMI at ${parts.host}, port ${parts.port}: ${said}`,
    )
  }
  throw new PowerFault('refused', `The BMC at ${parts.host} does not do it: ${said}`)
}

/** What it says beside the matter in its verbose mode. */
const besides = /^(?:Loading IANA|Running Get|Discovered IPMB|Invalid completion code)/

function told(complaints: string): string {
  const lines = complaints.split('\n').map((line) => line.replace(/^[> ]+/, '').trim())
  return lines.filter((line) => line !== '' && !besides.test(line)).join('; ')
}

type Ended = { readonly code: number | null; readonly printed: string; readonly complaints: string }

async function run(words: readonly string[], password: string, over: AbortSignal): Promise<Ended> {
  const path = [process.env['PATH'] ?? '', '/usr/bin', '/usr/sbin'].join(':')
  const child = spawn('ipmitool', words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: path, LC_ALL: 'C.UTF-8', IPMI_PASSWORD: password },
    signal: over,
    killSignal: 'SIGKILL',
  })
  let [printed, complaints] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (printed.length < mostOutput) printed += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (complaints.length < mostOutput) complaints += text
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  }).catch((error: unknown): never => {
    throw faultOf(error, over)
  })
  return { code, printed, complaints }
}

function faultOf(error: unknown, over: AbortSignal): unknown {
  if (over.aborted) return new PowerFault('too-slow', 'The BMC took longer than it may.', { cause: error })
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
    return new PowerFault('no-tool', 'ipmitool is not on this box. Install it: apt-get install ipmitool', {
      cause: error,
    })
  }
  return error
}
