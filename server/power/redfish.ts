import { printable } from '../wire/text.ts'
import { byteSwapped, parseUuid } from '../wire/uuid.ts'
import type { PowerAction, PowerState } from '../machines/power-action.ts'
import type { BmcRequest, BmcResponse, BmcTransport } from './bmc-transport.ts'
import type { PowerControl, Powered, PowerOrder, PowerOutcome } from './power-control.ts'
import { PowerFault } from './power-fault.ts'

export type RedfishParts = {
  readonly transport: BmcTransport
  readonly user: string
  readonly password: () => Promise<string>
  /** The path of the system, where the BMC has several; absent, the only one, or that with the machine's UUID. */
  readonly system: string | undefined
  /** Resolves after so many milliseconds, or when it is over. */
  readonly pause: (ms: number, over: AbortSignal) => Promise<void>
}

const root = '/redfish/v1'
/** Of what a service says of itself. */
const mostWords = 10_000
const longestMessage = 400
/** A rack of blades behind one manager has fewer. */
const mostSystems = 64
const betweenLooksMs = 1_000
/** A BMC says within seconds that it has switched; what takes longer is told as it stands. */
const mostLooks = 20

/** Power by Redfish (DSP0266). What the service says it cannot do is not asked of it. */
export function redfishControl(parts: RedfishParts): PowerControl {
  return {
    state: async ({ machine, over }) =>
      await inSession(parts, over, async (session) => stateOf((await session.system(machine)).body)),
    turn: async (order) => await inSession(parts, order.over, async (session) => await turn(session, order)),
  }
}

async function turn(session: Session, order: PowerOrder): Promise<PowerOutcome> {
  const { action, boot, machine } = order
  let system = await session.system(machine)
  const remarks: string[] = []
  if (boot === 'network') {
    remarks.push(...(await bootFromNetwork(session, system, machine)))
    system = await session.get(system.path)
  }
  const before = stateOf(system.body)
  const wanted: PowerAction = action === 'cycle' && before === 'off' ? 'on' : action
  if (wanted === before) return { state: before, remarks: [...remarks, `it was ${before} already`] }
  const steps = await resetSteps(session, system, wanted)
  const target = resetOf(system).target
  let state = before
  for (const [index, { type, until }] of steps.entries()) {
    await session.order({ method: 'POST', path: target, body: { ResetType: type } })
    state = await session.reaches(system.path, until)
    const isLast = index === steps.length - 1
    if (!isLast && state !== until) {
      throw new PowerFault('refused', `It was told ${type}, and is still ${state}.`)
    }
  }
  return { state, remarks }
}

/** Sets the network as what it boots next, once (`BootSourceOverride`, DSP0268 ComputerSystem). */
async function bootFromNetwork(
  session: Session,
  system: Found,
  machine: Powered,
): Promise<readonly string[]> {
  const boot = groupIn(system.body, 'Boot')
  const allowed = listIn(boot, 'BootSourceOverrideTarget@Redfish.AllowableValues')
  if (allowed !== undefined && !allowed.includes('Pxe')) {
    const has = allowed.length === 0 ? 'none' : allowed.join(', ')
    throw new PowerFault(
      'unsupported',
      `Its BMC cannot have it boot from the network; it knows: ${printable(has, 200)}.`,
    )
  }
  const wanted = { BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once' }
  const mode = machine.firmware === 'bios' ? 'Legacy' : 'UEFI'
  const hasMode =
    typeof boot['BootSourceOverrideMode'] === 'string' && boot['BootSourceOverrideMode'] !== mode
  const withMode = hasMode ? { ...wanted, BootSourceOverrideMode: mode } : wanted
  const answer = await session.patch(system, { Boot: withMode })
  if (answer.status < 300) return []
  // Some refuse the mode beside the target, or at all, as it needs a start of its own.
  if (hasMode && answer.status === 400) {
    const again = await session.patch(await session.get(system.path), { Boot: wanted })
    if (again.status < 300) return [`its BMC did not change the boot mode to ${mode}`]
    throw refusal(again, 'to boot from the network once')
  }
  throw refusal(answer, 'to boot from the network once')
}

type ResetStep = { readonly type: string; readonly until: PowerState | undefined }

/** What a system is told for an action, by what it says that it may be told; the best first. */
const ways: Readonly<Record<PowerAction, readonly (readonly ResetStep[])[]>> = {
  on: [
    [{ type: 'On', until: 'on' }],
    [{ type: 'ForceOn', until: 'on' }],
    [{ type: 'PushPowerButton', until: 'on' }],
  ],
  off: [[{ type: 'ForceOff', until: 'off' }]],
  cycle: [
    [{ type: 'ForceRestart', until: undefined }],
    [{ type: 'PowerCycle', until: undefined }],
    [
      { type: 'ForceOff', until: 'off' },
      { type: 'On', until: 'on' },
    ],
  ],
}

async function resetSteps(
  session: Session,
  system: Found,
  action: PowerAction,
): Promise<readonly ResetStep[]> {
  const allowed = await allowedResets(session, system)
  const way = ways[action].find((steps) => steps.every(({ type }) => allowed?.includes(type) !== false))
  if (way !== undefined) return way
  const has = allowed === undefined || allowed.length === 0 ? 'nothing' : allowed.join(', ')
  throw new PowerFault('unsupported', `Its BMC cannot do that (${action}); it knows: ${printable(has, 200)}.`)
}

/** Told with the action itself, or in a document of its own; `undefined` where it is not told. */
async function allowedResets(session: Session, system: Found): Promise<readonly string[] | undefined> {
  const { action } = resetOf(system)
  const told = listIn(action, 'ResetType@Redfish.AllowableValues')
  if (told !== undefined) return told
  const where = action['@Redfish.ActionInfo']
  if (typeof where !== 'string') return undefined
  const parameters = (await session.get(pathIn(where))).body['Parameters']
  if (!Array.isArray(parameters)) return undefined
  const groups = parameters.filter(isGroup)
  const type = groups.find((parameter) => parameter['Name'] === 'ResetType')
  return type === undefined ? undefined : listIn(type, 'AllowableValues')
}

function resetOf({ body }: Found): { readonly target: string; readonly action: Group } {
  const action = groupIn(groupIn(body, 'Actions'), '#ComputerSystem.Reset')
  const { target } = action
  if (typeof target === 'string') return { target: pathIn(target), action }
  throw new PowerFault(
    'unsupported',
    'Its BMC offers no action that switches this system (ComputerSystem.Reset).',
  )
}

function stateOf(body: Group): PowerState {
  switch (body['PowerState']) {
    case 'On':
      return 'on'
    case 'Off':
      return 'off'
    case 'PoweringOn':
    case 'PoweringOff':
      return 'changing'
    default:
      return 'unknown'
  }
}

type Group = Readonly<Record<string, unknown>>
type Found = { readonly path: string; readonly body: Group; readonly etag: string | undefined }
type Ask = Omit<BmcRequest, 'over'>

type Session = {
  readonly get: (path: string) => Promise<Found>
  readonly system: (machine: Powered) => Promise<Found>
  /** Changes what was found, and only that: with its ETag where it has one. */
  readonly patch: (found: Found, body: unknown) => Promise<BmcResponse>
  /** Has something done, and waits for a task that comes of it. */
  readonly order: (asking: Ask) => Promise<void>
  /** The state of a system when it is what is waited for, or when that has lasted long enough. */
  readonly reaches: (path: string, wanted: PowerState | undefined) => Promise<PowerState>
}

async function inSession<T>(
  parts: RedfishParts,
  over: AbortSignal,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { transport, user, pause } = parts
  const password = await parts.password()
  const send = async (asking: Ask) => await transport.send({ ...asking, over })
  const login = await hiding([password], logIn(send, user, password))
  const ask = async (asking: Ask): Promise<BmcResponse> => {
    const answer = await send({ ...asking, headers: { ...login.headers, ...asking.headers } })
    if (answer.status === 401 || answer.status === 403) throw unauthorized(answer)
    return answer
  }
  const get = async (path: string): Promise<Found> => {
    const answer = await ask({ method: 'GET', path })
    if (answer.status !== 200) throw refusal(answer, `for ${printable(path, 100)}`)
    return { path, body: bodyOf(answer), etag: answer.headers['etag'] }
  }
  const session: Session = {
    get,
    system: async (machine) => await findSystem(get, parts.system, machine),
    async patch(found, body) {
      const asking = (etag: string | undefined): Ask => ({
        method: 'PATCH',
        path: found.path,
        body,
        headers: etag === undefined ? {} : { 'if-match': etag },
      })
      const answer = await ask(asking(found.etag))
      // It has changed since; or a service that wants an ETag did not show one with the system (428, RFC 6585).
      if (answer.status === 412 || answer.status === 428) {
        return await settled(ask, pause, over, await ask(asking((await get(found.path)).etag ?? '*')))
      }
      return await settled(ask, pause, over, answer)
    },
    async order(asking) {
      const answer = await settled(ask, pause, over, await ask(asking))
      if (answer.status >= 300) throw refusal(answer, `to do ${printable(JSON.stringify(asking.body), 100)}`)
    },
    async reaches(path, wanted) {
      for (let look = 0; ; look++) {
        const state = stateOf((await get(path)).body)
        if (wanted === undefined || state === wanted || look >= mostLooks) return state
        await pause(betweenLooksMs, over)
      }
    },
  }
  try {
    const shown = Object.values(login.headers).map((value) => value.replace(/^Basic /, ''))
    return await hiding([password, ...shown], work(session))
  } finally {
    // A BMC has room for a handful of sessions. One that does not end is its own to forget.
    if (login.session !== undefined) {
      await send({ method: 'DELETE', path: login.session, headers: login.headers }).catch(() => {})
    }
  }
}

type Login = { readonly headers: Readonly<Record<string, string>>; readonly session: string | undefined }

/**
 * Fails as the work does, without these secrets: a reason is read by whoever may look at a machine, and some services say back what
 * they were shown.
 */
async function hiding<T>(secrets: readonly string[], work: Promise<T>): Promise<T> {
  return await work.catch((error: unknown) => {
    if (!(error instanceof PowerFault)) throw error
    const known = secrets.filter((secret) => secret !== '')
    const message = known.reduce((text, secret) => text.replaceAll(secret, '(secret)'), error.message)
    throw new PowerFault(error.kind, printable(message, longestMessage), { cause: error.cause })
  })
}

/** A session, so that the password is shown once; where the service has none, HTTP Basic (DSP0266 §13.3). */
async function logIn(
  send: (asking: Ask) => Promise<BmcResponse>,
  user: string,
  password: string,
): Promise<Login> {
  const answer = await send({
    method: 'POST',
    path: `${root}/SessionService/Sessions`,
    body: { UserName: user, Password: password },
  })
  const token = answer.headers['x-auth-token']
  if ((answer.status === 201 || answer.status === 200) && token !== undefined) {
    const { location } = answer.headers
    return {
      headers: { 'x-auth-token': token },
      session: location === undefined ? undefined : pathIn(location),
    }
  }
  if (answer.status === 404 || answer.status === 405 || answer.status === 501) {
    const basic = Buffer.from(`${user}:${password}`).toString('base64')
    return { headers: { authorization: `Basic ${basic}` }, session: undefined }
  }
  if (answer.status === 400 || answer.status === 401 || answer.status === 403) throw unauthorized(answer)
  throw refusal(answer, 'for a session')
}

async function findSystem(
  get: (path: string) => Promise<Found>,
  named: string | undefined,
  { uuid }: Powered,
): Promise<Found> {
  if (named !== undefined) return await get(named)
  const members = (await get(`${root}/Systems`)).body['Members']
  const paths = (Array.isArray(members) ? members : [])
    .filter(isGroup)
    .flatMap((member) => (typeof member['@odata.id'] === 'string' ? pathIn(member['@odata.id']) : []))
  const [only] = paths
  if (only === undefined)
    throw new PowerFault('unsupported', 'Its BMC shows no system (/redfish/v1/Systems).')
  if (paths.length === 1) return await get(only)
  const wanted = uuid === undefined ? undefined : parseUuid(uuid)
  if (wanted !== undefined) {
    for (const path of paths.slice(0, mostSystems)) {
      const found = await get(path)
      const shown = parseUuid(String(found.body['UUID']))
      if (shown === wanted || shown === byteSwapped(wanted)) return found
    }
  }
  const list = printable(paths.slice(0, 8).join(', '), 300)
  throw new PowerFault(
    'unsupported',
    `Its BMC has ${paths.length} systems, and none with the UUID of this machine. Name one by \`system\`: ${list}.`,
  )
}

/** A service that takes its time answers with a task (202), and tells under its Location when it is done (DSP0266 §12.2). */
async function settled(
  ask: (asking: Ask) => Promise<BmcResponse>,
  pause: RedfishParts['pause'],
  over: AbortSignal,
  first: BmcResponse,
): Promise<BmcResponse> {
  if (first.status !== 202) return first
  const { location } = first.headers
  if (location === undefined) return first
  const path = pathIn(location)
  for (let look = 0; look < mostLooks; look++) {
    const answer = await ask({ method: 'GET', path })
    // The monitor of a task that is done is gone, or answers as the request itself would have.
    if (answer.status === 404 || answer.status === 410 || answer.status === 204)
      return { ...answer, status: 204 }
    if (answer.status !== 202) return taskOutcome(answer)
    await pause(betweenLooksMs, over)
  }
  throw new PowerFault('too-slow', 'Its BMC took the order, and has not done it.')
}

const badEnds: ReadonlySet<unknown> = new Set(['Exception', 'Killed', 'Cancelled', 'Interrupted'])

function taskOutcome(answer: BmcResponse): BmcResponse {
  if (answer.status !== 200 || answer.text === '') return answer
  const state = bodyOf(answer)['TaskState']
  return badEnds.has(state) ? { ...answer, status: 500 } : answer
}

/** A path of the same service: one that it names elsewhere is asked for here, since our password goes along. */
function pathIn(text: string): string {
  const path = /^https?:\/\/[^/]+(\/.*)$/.exec(text)?.[1] ?? text
  if (/^\/(?!\/)[\u0021-\u007e]*$/.test(path)) return path
  throw new PowerFault('malformed', `Its BMC names a place that is none: ${printable(text, 100)}`)
}

function bodyOf({ text }: BmcResponse): Group {
  try {
    const value: unknown = JSON.parse(text)
    if (isGroup(value)) return value
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new PowerFault('malformed', 'Its BMC does not answer as Redfish does: the answer is no JSON object.')
}

function unauthorized({ status }: BmcResponse): PowerFault {
  return new PowerFault(
    'unauthorized',
    `Its BMC does not accept the user or the password (status ${status}).`,
  )
}

/** The BMC's own words, where it has any (`@Message.ExtendedInfo`). */
function refusal(answer: BmcResponse, what: string): PowerFault {
  const said = messageIn(answer)
  // Not cut yet: half a secret would not be known for one.
  const words = said === undefined ? '' : `: ${printable(said, mostWords)}`
  return new PowerFault(
    'refused',
    `Its BMC was asked ${what} and answered with status ${answer.status}${words}.`,
  )
}

function messageIn(answer: BmcResponse): string | undefined {
  try {
    const error = groupIn(bodyOf(answer), 'error')
    const info = error['@Message.ExtendedInfo']
    const [first] = Array.isArray(info) ? info.filter(isGroup) : []
    const said = first?.['Message'] ?? error['message']
    return typeof said === 'string' ? said.replace(/\.$/, '') : undefined
  } catch {
    return undefined
  }
}

function groupIn(group: Group, key: string): Group {
  const value = group[key]
  return isGroup(value) ? value : {}
}

function listIn(group: Group, key: string): readonly string[] | undefined {
  const value = group[key]
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : undefined
}

function isGroup(value: unknown): value is Group {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
