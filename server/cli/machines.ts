import type { RecordedEvent } from '../events/event.ts'
import type { MachineSummary } from '../http/api-app.ts'
import { ask } from './api-client.ts'
import type { Call, Command } from './call.ts'
import { socketOf } from './socket-of.ts'
import { WronglyCalled } from './wrongly-called.ts'
import { ago, table } from './table.ts'
import { isMilestone, timelineLine } from './timeline.ts'

export const machines: Command = {
  usage: 'ironwake machines list | show MACHINE | retry MACHINE',
  about:
    'MACHINE is an identifier, a MAC address or a host name. `show` prints the record and the timeline of the\n' +
    'latest boot; `retry` lets a machine that failed, or is quarantined, try again at its next boot.',
  options: { all: { type: 'boolean', about: 'show: every step of every module, not only the milestones' } },
  examples: [
    'ironwake machines list',
    'ironwake machines show 52:54:00:12:34:56',
    'ironwake machines list --output json | jq -r ".[].machine.state"',
    'ironwake machines retry 4k7m2qxa',
  ],
  async run(call) {
    const [verb, name, ...more] = call.words
    if (verb === 'list' && name === undefined) return await list(call)
    if (verb === 'show' && name !== undefined && more.length === 0) return await show(call, name)
    if (verb === 'retry' && name !== undefined && more.length === 0) return await retry(call, name)
    throw new WronglyCalled('say list, show MACHINE or retry MACHINE')
  },
}

async function list(call: Call): Promise<number> {
  const found = (await ask(socketOf(call), 'GET', '/api/v1/machines')) as MachineSummary[]
  if (call.output === 'json') {
    call.print(JSON.stringify(found, undefined, 2))
    return 0
  }
  if (found.length === 0) call.remark('No machine has been seen yet.')
  else
    call.print(
      table(
        ['ID', 'NAME', 'STATE', 'MAC', 'ADDRESS', 'BOOT', 'SEEN'],
        found.map((one) => row(one, call.now())),
      ),
    )
  return 0
}

function row({ machine, attempt, lease }: MachineSummary, now: number): string[] {
  return [
    machine.id,
    machine.hostname ?? '-',
    machine.state,
    machine.macs[0] ?? '-',
    lease?.state === 'leased' ? lease.address : '-',
    attempt === undefined ? '-' : (attempt.result ?? attempt.stage),
    `${ago(now - machine.lastSeenAt)} ago`,
  ]
}

async function show(call: Call, name: string): Promise<number> {
  const summary = await find(call, name)
  const { machine, attempt, lease } = summary
  const query =
    attempt === undefined ? `machine=${machine.id}&limit=100` : `attempt=${attempt.id}&limit=10000`
  const events = (await ask(socketOf(call), 'GET', `/api/v1/events?${query}`)) as RecordedEvent[]
  if (call.output === 'json') {
    call.print(JSON.stringify({ ...summary, timeline: events }, undefined, 2))
    return 0
  }
  const facts: (readonly [string, string | undefined])[] = [
    ['machine', machine.id],
    ['state', `${machine.state}, because: ${machine.stateBecause}`],
    ['name', machine.hostname],
    ['MAC', machine.macs.join(', ')],
    ['UUID', machine.uuid],
    ['serial', machine.serial],
    [
      'board',
      [machine.manufacturer, machine.product].filter((part) => part !== undefined).join(' ') || undefined,
    ],
    [
      'firmware',
      [machine.firmware, machine.architecture].filter((part) => part !== undefined).join(', ') || undefined,
    ],
    [
      'address',
      lease === undefined ? undefined : `${lease.address} (${lease.state}, network ${lease.network})`,
    ],
    ['last seen', `${ago(call.now() - machine.lastSeenAt)} ago`],
  ]
  for (const [label, value] of facts) if (value !== undefined) call.print(`${label.padEnd(10)} ${value}`)
  const shown = events.filter((event) => call.options['all'] === true || isMilestone(event))
  const [first] = shown
  if (first === undefined) {
    call.remark('No boot of it is on record.')
    return 0
  }
  call.print('')
  call.print(`latest boot, since ${new Date(first.at).toISOString()}:`)
  for (const event of shown) call.print(timelineLine(event, first.at))
  return 0
}

async function retry(call: Call, name: string): Promise<number> {
  const { machine } = await find(call, name)
  await ask(socketOf(call), 'POST', `/api/v1/machines/${machine.id}/retry`)
  call.remark(`${machine.id} may try again: start it from the network.`)
  return 0
}

async function find(call: Call, name: string): Promise<MachineSummary> {
  return (await ask(socketOf(call), 'GET', `/api/v1/machines/${encodeURIComponent(name)}`)) as MachineSummary
}
