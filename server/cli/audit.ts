import { auditStart, followAudit, type AuditHead, type AuditRow } from '../access/audit-chain.ts'
import { parseDuration } from '../config/parse-duration.ts'
import { printable } from '../wire/text.ts'
import { ask, type Box } from './api-client.ts'
import { boxOf, remoteOptions } from './box-of.ts'
import type { Call, Command } from './call.ts'
import { table } from './table.ts'
import { unknownVerb } from './unknown-verb.ts'
import { WronglyCalled } from './wrongly-called.ts'

const mostListed = 10_000
/** What the API gives at most at once. */
const page = 1000

export const audit: Command = {
  usage: 'ironwake audit list [--limit N] [--since 24h|2026-01-31] | verify [--head SEQ:HASH] | head',
  about:
    'The audit log has what was done by the API and by `ironwake images`: who, from where, what, and how it ended. `verify` reads all of it and checks here\n' +
    'that no row was changed, taken out or moved; with --head, which `head` printed before, also that its end was not cut off.',
  options: {
    limit: {
      type: 'string',
      about: 'list: the newest so many rows (at most 10000; default 100, or 10000 with --since)',
    },
    since: {
      type: 'string',
      about: 'list: only what was written so long ago at most (24h), or since a time (2026-01-31T08:00Z)',
    },
    head: {
      type: 'string',
      about: 'verify: a head that was kept elsewhere, as `ironwake audit head` prints it',
    },
    ...remoteOptions,
  },
  examples: [
    'ironwake audit list --limit 20',
    'ironwake audit list --since 24h --output json',
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
    throw unknownVerb(verb, { known: ['list', 'verify', 'head'], say: 'say list, verify or head' })
  },
}

type Entry = Readonly<Record<string, unknown>>

async function list(call: Call): Promise<number> {
  const since = sinceOf(call.options['since'], call.now())
  const limit = Number(call.options['limit'] ?? (since === undefined ? 100 : mostListed))
  if (!Number.isInteger(limit) || limit < 1 || limit > mostListed)
    throw new WronglyCalled(`--limit is a whole number from 1 to ${mostListed}`)
  const { rows, isCut } = await newestRows(boxOf(call), limit, since ?? -Infinity)
  if (call.output === 'json') call.print(JSON.stringify(rows, undefined, 2))
  else if (rows.length > 0)
    call.print(table(['SEQ', 'AT', 'WHO', 'FROM', 'WHAT', 'ON', 'HOW'], rows.map(lineOf)))
  else
    call.remark(
      `Nothing was done by the API or by \`ironwake images\` ${since === undefined ? 'yet' : 'since then'}.`,
    )
  if (isCut && since !== undefined) call.remark(`There are more since then: these are the newest ${limit}.`)
  return 0
}

/** The newest rows since a time, oldest first, read page by page towards the first; rows have all numbers from 1 on. */
async function newestRows(
  box: Box,
  limit: number,
  since: number,
): Promise<{ readonly rows: readonly Entry[]; readonly isCut: boolean }> {
  let rows: readonly Entry[] = []
  let asked = `limit=${Math.min(limit + 1, page)}`
  for (;;) {
    const read = (await ask(box, 'GET', `/api/v1/audit?${asked}`)) as AuditRow[]
    const entries: readonly Entry[] = read.map(({ row, hash }) => ({ ...(JSON.parse(row) as Entry), hash }))
    const fitting = entries.filter((entry) => Number(entry['at']) >= since)
    rows = [...fitting, ...rows]
    const first = read[0]?.seq ?? 1
    if (first <= 1 || rows.length > limit || fitting.length < read.length)
      return { rows: rows.slice(-limit), isCut: rows.length > limit }
    const after = Math.max(0, first - 1 - page)
    asked = `after=${after}&limit=${first - 1 - after}`
  }
}

function sinceOf(text: Call['options'][string], now: number): number | undefined {
  if (text === undefined) return undefined
  const ago = parseDuration(text)
  if (ago !== undefined) return now - ago * 1000
  const time = typeof text === 'string' && /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : NaN
  if (Number.isNaN(time))
    throw new WronglyCalled('--since is how long ago, as 24h or 7d, or a time, as 2026-01-31T08:00Z')
  return time
}

function lineOf(entry: Entry): string[] {
  const word = (name: string): string => {
    const value = entry[name]
    return value === undefined ? '' : printable(typeof value === 'string' ? value : JSON.stringify(value))
  }
  const at = new Date(Number(entry['at'])).toISOString()
  const because = entry['because'] === undefined ? '' : `: ${word('because')}`
  const outcome = entry['outcome'] === undefined ? '' : `: ${word('outcome')}`
  const how =
    entry['exitCode'] !== undefined
      ? `exit ${word('exitCode')}${outcome}`
      : entry['status'] === undefined
        ? word('order')
        : `${word('status')}${because}`
  const what = entry['kind'] === 'ended' ? `end of ${word('begun')}` : word('act')
  return [word('seq'), at, word('who'), word('from'), what, word('on'), how]
}

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
