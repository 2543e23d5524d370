import { mkdtempSync, rmSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RequestHandler } from 'express'
import type { Test } from 'tap'
import { openAuthority } from '../../server/access/authority.ts'
import { fingerprintOf } from '../../server/access/fingerprint.ts'
import type { Role } from '../../server/access/role.ts'
import { serverCertificate } from '../../server/access/server-certificate.ts'
import { TokenBook } from '../../server/access/token-book.ts'
import type { ApplianceEvent } from '../../server/events/event.ts'
import { guardedApiApp, type ApiDesk } from '../../server/http/api-app.ts'
import { tokenDoor, type TokenDoorParts } from '../../server/http/token-door.ts'
import { listenHttps } from '../../server/listen/https.ts'
import { aDesk } from './an-api-desk.ts'

export type HttpsQuestion = {
  readonly path: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** The API over HTTPS on loopback, as the appliance serves it, with an authority and tokens of its own. */
export async function anHttpsApi(
  t: Test,
  given: Partial<ApiDesk> = {},
  failAgain: TokenDoorParts['failAgain'] = () => ({ passes: true, heldBack: 0 }),
  node?: RequestHandler,
) {
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-api-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const authority = await openAuthority(join(folder, 'authority.pem'), 'box', Date.now())
  const names = { addresses: ['127.0.0.1'], names: ['localhost'] }
  const { pair } = await serverCertificate(join(folder, 'server.pem'), authority, names, Date.now())
  const clock = { now: Date.now() }
  let chance = 0
  const tokens = new TokenBook([], {
    save: async () => {},
    forget: async () => {},
    now: () => clock.now,
    chance: (count) => createHash('sha256').update(String(++chance)).digest().subarray(0, count),
  })
  const happened: ApplianceEvent[] = []
  const tell = (event: ApplianceEvent): void => void happened.push(event)
  const desk = aDesk({ authority: () => authority.certificatePem, ...given })
  const app = guardedApiApp(desk, tokenDoor({ tokens, tell, failAgain }), node)
  const identity = { key: pair.keyPem, cert: pair.certificatePem + authority.certificatePem }
  const listener = await listenHttps(app, { address: '127.0.0.1', port: 0 }, identity, tell)
  t.teardown(async () => await listener[Symbol.asyncDispose]())
  const { port } = listener
  return {
    folder,
    port,
    listener,
    authority,
    fingerprint: fingerprintOf(authority.certificate),
    tokens,
    clock,
    happened,
    async token(role: Role, seconds = 3_600): Promise<string> {
      const name = `t${chance}`
      const made = await tokens.make({ name, role, seconds, by: 'a test' })
      if (made.kind === 'refused') throw new Error(made.because)
      return made.text
    },
    async ask({ path, method = 'GET', headers = {}, body }: HttpsQuestion) {
      const where = { host: '127.0.0.1', port, path, method, ca: authority.certificatePem, agent: false }
      const asked = request({ ...where, headers: { ...headers } })
      asked.end(body)
      const [response] = (await once(asked, 'response')) as [IncomingMessage]
      const text = Buffer.concat(await response.toArray()).toString()
      return { status: response.statusCode ?? 0, headers: response.headers, body: text }
    },
  }
}

export function bearer(token: string): { readonly Authorization: string } {
  return { Authorization: `Bearer ${token}` }
}
