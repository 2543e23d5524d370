import { existsSync } from 'node:fs'
import { checkBox } from '../appliance/check-box.ts'
import type { Finding } from '../appliance/finding.ts'
import { ask } from './api-client.ts'
import type { Call, Command } from './call.ts'
import { socketOf } from './socket-of.ts'
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
    const findings = [settings, ...(await checkBox(config, call.now(), await isRunning(call)))]
    if (call.output === 'json') call.print(JSON.stringify(findings, undefined, 2))
    else for (const finding of findings) print(call, finding)
    return findings.some((finding) => finding.verdict === 'wrong') ? 1 : 0
  },
}

function print(call: Call, { verdict, subject, fact, nextStep }: Finding): void {
  call.print(`${marks[verdict]}  ${subject}: ${fact}`)
  if (nextStep !== undefined) call.print(`    ${nextStep}`)
}

async function isRunning(call: Call): Promise<boolean> {
  const socket = socketOf(call)
  if (!existsSync(socket)) return false
  try {
    await ask(socket, 'GET', '/api/v1/status')
    return true
  } catch {
    return false
  }
}
