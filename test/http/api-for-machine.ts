import type { RequestHandler } from 'express'
import type { Test } from 'tap'
import type { ApplianceEvent } from '../../server/events/event.ts'
import { machineDoor } from '../../server/http/machine-door.ts'
import { nodeRoutes, type NodeQuestion } from '../../server/http/node-routes.ts'
import { aNode } from '../access/a-node.ts'
import type { Arrival } from '../../server/http/outcome.ts'
import type { OneMachine } from '../appliance/one-machine.ts'
import { anHttpsApi } from './an-https-api.ts'

export type ApiForMachine = Awaited<ReturnType<typeof apiFor>>

/** The API over real TLS on loopback, named by the seeds of a box, and what may go wrong with it. */
export async function apiFor(t: Test, box: OneMachine) {
  let [toLose, lost, isStolen] = [0, 0, false]
  const desk = {
    async enrol(from: Arrival, body: string) {
      const nonce = /^nonce ([0-9a-f]{32})$/m.exec(body)?.[1] ?? ''
      if (isStolen) await box.enrolments.enrol(from, aNode().enrols(nonce))
      isStolen = false
      return await box.enrolments.enrol(from, body)
    },
    renew: async (from: Arrival, body: string) => await box.enrolments.renew(from, body),
  }
  const whoami = {
    mostBytes: 10,
    answer: async ({ machine }: NodeQuestion) =>
      await Promise.resolve({ kind: 'text' as const, type: 'text/plain', text: machine }),
  }
  const tell = (event: ApplianceEvent): void => box.boot.tell(event)
  const door = machineDoor({
    check: (...shown) => box.enrolments.check(...shown),
    tell,
    mayFailAgain: () => true,
  })
  const routes = nodeRoutes({ desk, door, tell, routes: { whoami } })
  const node: RequestHandler = (request, response, next) => {
    if (toLose > 0) {
      toLose--
      lost++
      response.end = () => {
        request.socket.destroy()
        return response
      }
    }
    void routes(request, response, next)
  }
  const api = await anHttpsApi(t, {}, undefined, node)
  const url = `https://127.0.0.1:${api.port}`
  box.apiOfBox = {
    place: { api: url, fingerprint: api.fingerprint.replace('sha256:', '') },
    authorityPem: api.authority.certificatePem,
  }
  return {
    url,
    port: api.port,
    post: async (word: string, body: string | Buffer, headers: Readonly<Record<string, string>> = {}) =>
      await api.ask({ path: `/api/v1/node/${word}`, method: 'POST', headers, body }),
    authority: api.authority,
    /** So many answers do not come. */
    loseAnswers: (count: number): void => void (toLose = count),
    lost: () => lost,
    /** Somebody else comes first with the nonce of its next request. */
    isStolen: (): void => void (isStolen = true),
    close: async (): Promise<void> => await api.listener[Symbol.asyncDispose](),
    async asks(authorization: string) {
      const headers = { Authorization: authorization.replace('Authorization: ', '') }
      return await api.ask({ path: '/api/v1/node/whoami', method: 'POST', headers })
    },
  }
}
