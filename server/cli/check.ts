import { existsSync } from 'node:fs'
import { checkBox } from '../appliance/check-box.ts'
import type { Finding } from '../appliance/finding.ts'
import { ask } from './api-client.ts'
import type { Call, Command } from './call.ts'
import { Silent } from './silence.ts'
import { socketOf } from './socket-of.ts'
import { Sorry } from './sorry.ts'
import { WronglyCalled } from './wrongly-called.ts'

const marks: { readonly [verdict in Finding['verdict']]: string } = {
  well: 'ok',
  doubtful: '??',
  wrong: 'NO',
}

export const check: Command = {
  usage: 'ironwake check [--settings FILE]',
  about:
    'Looks at the settings, interfaces, ports, boot programs, images, data folder and clock, and asks each\n' +
    'network for its DHCP servers, which takes five seconds.\n' +
    'Exits with 1 when something is wrong (NO); what is only doubtful (??) does not count.',
  options: {},
  examples: ['ironwake check', 'ironwake check --settings /etc/ironwake/ironwake.yaml --output json'],
  async run(call) {
    if (call.words.length > 0) throw new WronglyCalled(`${call.words.join(' ')} is not understood`)
    const { config, file } = call.settings()
    const settings: Finding = {
      verdict: 'well',
      subject: 'settings',
      fact: file ?? 'no ironwake.yaml here, so the defaults hold',
    }
    const box = await running(call)
    const hangs: readonly Finding[] =
      box instanceof Sorry
        ? [
            {
              verdict: 'wrong',
              subject: 'appliance',
              fact: box.message,
              nextStep: 'See whether it hangs; where it does, stop it and start it again: ironwake serve',
            },
          ]
        : []
    const findings = [settings, ...hangs, ...(await checkBox(config, call.now(), box !== 'no'))]
    if (call.output === 'json') call.print(JSON.stringify(findings, undefined, 2))
    else for (const finding of findings) print(call, finding)
    return findings.some((finding) => finding.verdict === 'wrong') ? 1 : 0
  },
}

function print(call: Call, { verdict, subject, fact, nextStep }: Finding): void {
  call.print(`${marks[verdict]}  ${subject}: ${fact}`)
  if (nextStep !== undefined) call.print(`    ${nextStep}`)
}

/** What says that it is up answers at once. */
const silenceMs = 10_000

async function running(call: Call): Promise<'no' | 'well' | Sorry> {
  const socket = socketOf(call)
  if (!existsSync(socket)) return 'no'
  try {
    await ask({ socket, stop: call.stop, silenceMs }, 'GET', '/api/v1/status')
    return 'well'
  } catch (error) {
    if (error instanceof Silent) return error
    if (error instanceof Sorry) return 'no'
    throw error
  }
}
