import { roles } from '../access/role.ts'
import type { ApiToken } from '../access/api-token.ts'
import { parseDuration } from '../config/parse-duration.ts'
import { ask } from './api-client.ts'
import { boxOf, remoteOptions } from './box-of.ts'
import type { Call, Command } from './call.ts'
import { nameInPath } from './name-in-path.ts'
import { ago, table } from './table.ts'
import { unknownVerb } from './unknown-verb.ts'
import { WronglyCalled } from './wrongly-called.ts'

type Shown = Omit<ApiToken, 'hash'>

export const tokens: Command = {
  usage: 'ironwake tokens list | create NAME --role viewer|operator|admin [--expires 90d] | revoke NAME',
  about:
    'Tokens let programs and people in over the network (`api` in the settings). A viewer reads; an operator acts on machines;\n' +
    'an admin may do all, and make tokens. `create` prints the token, this once: it is stored nowhere, only a hash of it.\n' +
    '`revoke` shuts out whoever has it, at once.',
  options: {
    role: { type: 'string', about: 'create: what it lets do: viewer, operator, admin' },
    expires: { type: 'string', about: 'create: how long, as 12h or 90d (default 90d, at most five years)' },
    ...remoteOptions,
  },
  examples: [
    'ironwake tokens create monitoring --role viewer --expires 365d',
    'ironwake tokens create laptop --role admin > token && chmod 600 token',
    'ironwake tokens list',
    'ironwake tokens revoke monitoring',
  ],
  async run(call) {
    const [verb, name, ...more] = call.words
    if (verb === 'list' && name === undefined) return await list(call)
    if (verb === 'create' && name !== undefined && more.length === 0) return await create(call, name)
    if (verb === 'revoke' && name !== undefined && more.length === 0) return await revoke(call, name)
    throw unknownVerb(verb, {
      known: ['list', 'create', 'revoke'],
      say: 'say list, create NAME --role ROLE, or revoke NAME',
    })
  },
}

async function create(call: Call, name: string): Promise<number> {
  const role = roles.find((known) => known === call.options['role'])
  if (role === undefined) throw new WronglyCalled(`--role is one of ${roles.join(', ')}`)
  const seconds = parseDuration(call.options['expires'] ?? '90d')
  if (seconds === undefined || seconds < 60)
    throw new WronglyCalled('--expires is a time of a minute or more, as 12h or 90d')
  const wish = { name, role, seconds }
  const made = (await ask(boxOf(call), 'POST', '/api/v1/tokens', wish)) as { token: Shown; text: string }
  if (call.output === 'json') call.print(JSON.stringify(made, undefined, 2))
  else call.print(made.text)
  call.remark(
    `${name} is ${role === 'viewer' ? 'a' : 'an'} ${role} until ${ending(made.token.expiresAt, call.now())}. The token is shown this once: keep it in a file that only its user can read.`,
  )
  return 0
}

async function list(call: Call): Promise<number> {
  const found = (await ask(boxOf(call), 'GET', '/api/v1/tokens')) as Shown[]
  if (call.output === 'json') call.print(JSON.stringify(found, undefined, 2))
  else if (found.length === 0)
    call.remark('There is no token. Make one with: ironwake tokens create NAME --role viewer')
  else {
    const rows = found.map((token) => row(token, call.now()))
    call.print(table(['NAME', 'ID', 'ROLE', 'STATE', 'LAST USED', 'MADE BY'], rows))
  }
  return 0
}

function row({ name, id, role, expiresAt, revokedAt, lastUsedAt, madeBy }: Shown, now: number): string[] {
  const ended = now >= expiresAt ? `ended ${ending(expiresAt, now)}` : `until ${ending(expiresAt, now)}`
  const state = revokedAt === undefined ? ended : `revoked ${day(revokedAt)}`
  return [name, id, role, state, lastUsedAt === undefined ? 'never' : `${ago(now - lastUsedAt)} ago`, madeBy]
}

async function revoke(call: Call, name: string): Promise<number> {
  await ask(boxOf(call), 'DELETE', `/api/v1/tokens/${nameInPath('token', name)}`)
  if (call.output === 'json') call.print(JSON.stringify({ token: name, revoked: true }, undefined, 2))
  else call.remark(`${name} lets nobody in any longer.`)
  return 0
}

const shortMs = 2 * 24 * 3_600_000

/** The day, and the minute where that is near. */
function ending(at: number, now: number): string {
  if (Math.abs(at - now) >= shortMs) return day(at)
  return `${day(at)} ${new Date(at).toISOString().slice(11, 16)} UTC`
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}
