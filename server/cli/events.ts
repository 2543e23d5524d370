import type { RecordedEvent } from '../events/event.ts'
import { nameInPath } from './name-in-path.ts'
import { sentence } from '../events/sentence.ts'
import { ask, listen, type Box } from './api-client.ts'
import { boxOf, remoteOptions } from './box-of.ts'
import type { Call, Command } from './call.ts'
import { WronglyCalled } from './wrongly-called.ts'

export const events: Command = {
  usage: 'ironwake events [--follow] [--machine MACHINE] [--last N]',
  about: 'Prints the newest events, oldest first. With --follow it stays and prints each as it happens.',
  options: {
    follow: { type: 'boolean', about: 'stay and print each event as it happens' },
    machine: {
      type: 'string',
      about: 'only events of this machine (identifier, MAC address, host name or claim code)',
    },
    last: { type: 'string', about: 'how many past events to begin with (default 50)' },
    ...remoteOptions,
  },
  examples: [
    'ironwake events --follow',
    'ironwake events --machine 52:54:00:12:34:56 --last 500',
    'ironwake events --follow --output json | jq -c "select(.event.kind == \\"attempt-ended\\")"',
  ],
  async run(call) {
    if (call.words.length > 0) throw new WronglyCalled(`${call.words.join(' ')} is not understood`)
    const box = boxOf(call)
    const query = await queryOf(call, box)
    if (call.options['follow'] === true) {
      for await (const event of listen(box, `/api/v1/events/stream?${query}`)) {
        print(call, event as RecordedEvent)
      }
      if (!call.stop.aborted) call.remark('The appliance stopped.')
      return 0
    }
    const past = (await ask(box, 'GET', `/api/v1/events?${query}`)) as RecordedEvent[]
    for (const event of past) print(call, event)
    return 0
  },
}

async function queryOf(call: Call, box: Box): Promise<string> {
  const { last = '50', machine } = call.options
  if (typeof last !== 'string' || !/^[0-9]{1,5}$/.test(last) || Number(last) > 10_000) {
    throw new WronglyCalled('--last takes a whole number from 0 to 10000')
  }
  if (typeof machine !== 'string') return `limit=${last}`
  const found = (await ask(box, 'GET', `/api/v1/machines/${nameInPath('machine', machine)}`)) as {
    machine: { id: string }
  }
  return `limit=${last}&machine=${found.machine.id}`
}

function print(call: Call, recorded: RecordedEvent): void {
  call.print(call.output === 'json' ? JSON.stringify(recorded) : eventLine(recorded))
}

/** An event with its time and whom it is about. */
export function eventLine(recorded: RecordedEvent): string {
  const { event } = recorded
  const time = new Date(recorded.at).toISOString().slice(0, 23).replace('T', ' ')
  const who = event.mac ?? event.address ?? event.network ?? '-'
  return `${time}  ${who.padEnd(17)}  ${sentence(event)}`
}
