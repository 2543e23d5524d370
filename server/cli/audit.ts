import { auditStart, followAudit, type AuditHead, type AuditRow } from '../access/audit-chain.ts'
import { printable } from '../wire/text.ts'
import { ask } from './api-client.ts'
import { boxOf, remoteOptions } from './box-of.ts'
import type { Call, Command } from './call.ts'
import { table } from './table.ts'
import { WronglyCalled } from './wrongly-called.ts'

export const audit: Command = {
  usage: 'ironwake audit list [--limit N] | verify [--head SEQ:HASH] | head',
  about:
    'The audit log has what was done by the API: who, from where, what, and how it ended. `verify` reads all of it and checks here\n' +
    'that no row was changed, taken out or moved; with --head, which `head` printed before, also that its end was not cut off.',
  options: {
    limit: { type: 'string', about: 'list: the newest so many rows (default 100, at most 1000)' },
    head: {
      type: 'string',
      about: 'verify: a head that was kept elsewhere, as `ironwake audit head` prints it',
    },
    ...remoteOptions,
  },
  examples: [
    'ironwake audit list --limit 20',
    'ironwake audit head > head-of-monday',
    'ironwake audit verify --head $(cat head-of-monday)',
  ],
  async run(call) {
    const [verb, ...more] = call.words
    if (more.length === 0 && verb === 'list') return await list(call)
    if (more.length === 0 && verb === 'verify') return await verify(call)
    if (more.length === 0 && verb === 'head') {
      const { seq, hash } = (await ask(boxOf(call), 'GET', '/api/v1/audit/head')) as AuditHead
      call.print(call.output === 'json' ? JSON.stringify({ seq, hash }) : `${seq}:${hash}`)
      return 0
    }
    throw new WronglyCalled('say list, verify or head')
  },
}

async function list(call: Call): Promise<number> {
  const limit = Number(call.options['limit'] ?? 100)
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
    throw new WronglyCalled('--limit is a whole number from 1 to 1000')
  const rows = (await ask(boxOf(call), 'GET', `/api/v1/audit?limit=${limit}`)) as AuditRow[]
  const read = rows.map(({ row, hash }) => ({
    ...(JSON.parse(row) as Readonly<Record<string, unknown>>),
    hash,
  }))
  if (call.output === 'json') call.print(JSON.stringify(read, undefined, 2))
  else if (read.length === 0) call.remark('Nothing was done by the API yet.')
  else call.print(table(['SEQ', 'AT', 'WHO', 'FROM', 'WHAT', 'ON', 'HOW'], read.map(lineOf)))
  return 0
}

function lineOf(entry: Readonly<Record<string, unknown>>): string[] {
  const word = (name: string): string => {
    const value = entry[name]
    return value === undefined ? '' : printable(typeof value === 'string' ? value : JSON.stringify(value))
  }
  const at = new Date(Number(entry['at'])).toISOString()
  const because = entry['because'] === undefined ? '' : `: ${word('because')}`
  const how = entry['status'] === undefined ? word('order') : `${word('status')}${because}`
  const what = entry['kind'] === 'ended' ? `end of ${word('begun')}` : word('act')
  return [word('seq'), at, word('who'), word('from'), what, word('on'), how]
}

const page = 1000

async function verify(call: Call): Promise<number> {
  const kept = headOf(call.options['head'])
  const box = boxOf(call)
  let head = auditStart
  for (let more = true; more;) {
    const rows = (await ask(box, 'GET', `/api/v1/audit?after=${head.seq}&limit=${page}`)) as AuditRow[]
    const verdict = followAudit(head, rows)
    if (verdict.kind === 'broken') return told(call, verdict.because)
    const there = kept?.seq === 0 ? auditStart : rows.find(({ seq }) => seq === kept?.seq)
    if (kept !== undefined && there !== undefined && there.hash !== kept.hash)
      return told(call, `row ${kept.seq} is not the one of the head that was named`)
    head = verdict.head
    more = rows.length === page
  }
  if (kept !== undefined && kept.seq > head.seq)
    return told(call, `row ${head.seq + 1} is missing: the log ends before the head that was named`)
  call.print(call.output === 'json' ? JSON.stringify({ fits: true, ...head }) : `${head.seq}:${head.hash}`)
  call.remark(`The ${head.seq} rows of the audit log fit.`)
  return 0
}

function told(call: Call, because: string): number {
  if (call.output === 'json') call.print(JSON.stringify({ fits: false, because }))
  call.remark(
    `The audit log does not fit: ${because}. Keep a copy of the data folder before anything else is done.`,
  )
  return 1
}

function headOf(text: Call['options'][string]): AuditHead | undefined {
  if (text === undefined) return undefined
  const [, seq, hash] = /^([0-9]{1,15}):([0-9a-f]{64})$/.exec(typeof text === 'string' ? text : '') ?? []
  if (seq === undefined || hash === undefined)
    throw new WronglyCalled('--head is a number and a hash, as `ironwake audit head` prints it')
  return { seq: Number(seq), hash }
}
