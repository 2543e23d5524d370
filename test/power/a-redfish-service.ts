import { mkdtempSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { openAuthority } from '../../server/access/authority.ts'
import { serverCertificate } from '../../server/access/server-certificate.ts'

/** How this service differs from one that has everything. */
export type Ways = {
  /** Only HTTP Basic. */
  readonly withoutSessions?: true
  readonly resets?: readonly string[]
  /** The resets stand in a document of their own. */
  readonly actionInfo?: true
  /** Neither says what it may be told. */
  readonly tellsNothing?: true
  readonly targets?: readonly string[]
  /** Does not take the mode beside the target. */
  readonly refusesMode?: true
  /** Changes the system, and so its ETag, between the first look and the change. */
  readonly changesMeanwhile?: true
  /** Answers orders with a task, which ends so. */
  readonly tasks?: 'Completed' | 'Exception'
  readonly systems?: readonly { readonly name: string; readonly uuid: string }[]
  readonly off?: true
  /** Says back what it was shown: with the session it refuses, or with each order. */
  readonly echoes?: 'session' | 'order'
}

export const user = 'ops'
export const password = 'S3cret: "pass"'
const session = '/redfish/v1/SessionService/Sessions'
const token = 'a-token-of-a-session'

/**
 * A service of Redfish, written from DSP0266 and DSP0268: it knows sessions and Basic, wants the ETag of what is changed,
 * takes only what it says it allows, and answers in JSON alone.
 */
export async function aRedfishService(t: Test, ways: Ways = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-redfish-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const authority = await openAuthority(join(folder, 'authority.pem'), 'bmc', Date.now())
  const names = { addresses: ['127.0.0.1'], names: ['localhost'] }
  const { pair } = await serverCertificate(join(folder, 'server.pem'), authority, names, Date.now())

  const asked: string[] = []
  const sent: string[] = []
  const sessions = new Set<string>()
  const state = {
    power: ways.off === true ? 'Off' : 'On',
    boot: {} as Record<string, unknown>,
    version: 1,
    looks: 0,
  }
  const systems = ways.systems ?? [{ name: '1', uuid: '4c4c4544-0042-5710-8052-b4c04f4d3132' }]
  const resets = ways.resets ?? ['On', 'ForceOff', 'GracefulShutdown', 'ForceRestart', 'PowerCycle']

  const server = createServer({ cert: pair.certificatePem, key: pair.keyPem }, (request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    const { method = '', url = '', headers } = request
    asked.push(`${method} ${url}`)
    sent.push(JSON.stringify(headers) + body)
    const tell = (status: number, value?: unknown, more: Record<string, string> = {}): void => {
      response.writeHead(status, {
        ...more,
        ...(value === undefined ? {} : { 'content-type': 'application/json' }),
      })
      response.end(value === undefined ? undefined : JSON.stringify(value))
    }
    const refuse = (status: number, message: string): void => {
      tell(status, {
        error: { code: 'Base.1.0.GeneralError', '@Message.ExtendedInfo': [{ Message: message }] },
      })
    }
    if (body !== '' && headers['content-type'] !== 'application/json') return refuse(415, 'JSON is wanted.')
    if (url === session && method === 'POST') {
      if (ways.withoutSessions === true) return refuse(404, 'There are no sessions.')
      const given = JSON.parse(body) as { UserName?: string; Password?: string }
      if (ways.echoes === 'session') {
        return refuse(503, `${'x'.repeat(300)} ${given.Password} is what you say, ${given.Password}.`)
      }
      if (given.UserName !== user || given.Password !== password)
        return refuse(401, 'The credentials are wrong.')
      const place = `${session}/${sessions.size + 1}`
      sessions.add(place)
      return tell(201, { Id: '1' }, { 'x-auth-token': token, location: place })
    }
    const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    if (!(headers['x-auth-token'] === token && sessions.size > 0) && headers.authorization !== basic) {
      return refuse(401, 'Authentication is required.')
    }
    if (method === 'DELETE') return tell(sessions.delete(url) ? 204 : 404)
    if (url === '/redfish/v1/Systems') {
      return tell(200, {
        Members: systems.map(({ name }) => ({ '@odata.id': `/redfish/v1/Systems/${name}` })),
      })
    }
    if (url === '/redfish/v1/Tasks/7/Monitor') {
      state.looks++
      if (state.looks < 3) return tell(202, { TaskState: 'Running' }, { location: url })
      return tell(200, { TaskState: ways.tasks, error: { message: 'The fan is stuck.' } })
    }
    const system = systems.find(({ name }) => url.startsWith(`/redfish/v1/Systems/${name}`))
    if (system === undefined) return refuse(404, 'There is no such resource.')
    const path = `/redfish/v1/Systems/${system.name}`
    const reset = `${path}/Actions/ComputerSystem.Reset`
    if (method === 'GET' && url === `${path}/ResetActionInfo`) {
      return tell(200, { Parameters: [{ Name: 'ResetType', Required: true, AllowableValues: resets }] })
    }
    if (method === 'GET' && url === path) {
      const etag = `"${state.version}"`
      if (ways.changesMeanwhile === true && state.version === 1) state.version++
      const allows =
        ways.tellsNothing === true
          ? {}
          : ways.actionInfo === true
            ? { '@Redfish.ActionInfo': `${path}/ResetActionInfo` }
            : { 'ResetType@Redfish.AllowableValues': resets }
      return tell(
        200,
        {
          UUID: system.uuid,
          PowerState: state.power,
          Boot: {
            BootSourceOverrideEnabled: 'Disabled',
            BootSourceOverrideMode: 'Legacy',
            'BootSourceOverrideTarget@Redfish.AllowableValues': ways.targets ?? ['None', 'Pxe', 'Hdd'],
            ...state.boot,
          },
          Actions: { '#ComputerSystem.Reset': { target: reset, ...allows } },
        },
        { etag },
      )
    }
    if (method === 'PATCH' && url === path) {
      const match = headers['if-match']
      if (match === undefined) return refuse(428, 'If-Match is wanted.')
      if (match !== `"${state.version}"`) return refuse(412, 'It has changed.')
      const { Boot } = JSON.parse(body) as { Boot: Record<string, unknown> }
      if (ways.refusesMode === true && 'BootSourceOverrideMode' in Boot)
        return refuse(400, 'The mode is read-only.')
      state.boot = { ...state.boot, ...Boot }
      state.version++
      return tell(204)
    }
    if (method === 'POST' && url === reset) {
      const { ResetType = '' } = JSON.parse(body) as { ResetType?: string }
      if (ways.echoes === 'order') {
        return refuse(409, `${'x'.repeat(190)} ${String(headers['x-auth-token'] ?? headers.authorization)}.`)
      }
      if (!resets.includes(ResetType)) return refuse(400, `${ResetType} is not allowed.`)
      if (ResetType === 'ForceRestart' && state.power === 'Off') return refuse(409, 'It is off.')
      if (ways.tasks !== 'Exception') state.power = ResetType === 'ForceOff' ? 'Off' : 'On'
      return ways.tasks === undefined
        ? tell(204)
        : tell(202, { TaskState: 'New' }, { location: 'https://127.0.0.1/redfish/v1/Tasks/7/Monitor' })
    }
    return refuse(405, 'That is not allowed here.')
  }

  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sha256: pair.certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    asked,
    sent,
    state,
    sessions,
  }
}
