import type { Response } from 'express'

export type Problem = { readonly status: number; readonly title: string; readonly detail: string }

const whys = new WeakMap<Response, string>()

/** Why a response refuses; `undefined` where it does not. */
export function whyRefused(response: Response): string | undefined {
  return whys.get(response)
}

/** Answers with an RFC 9457 problem document. */
export function sendProblem(response: Response, { title, status, detail }: Problem): void {
  whys.set(response, detail)
  response.status(status).type('application/problem+json').send(JSON.stringify({ title, status, detail }))
}
