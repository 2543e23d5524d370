import type { Response } from 'express'

export type Problem = { readonly status: number; readonly title: string; readonly detail: string }

/** Answers with an RFC 9457 problem document. */
export function sendProblem(response: Response, { title, status, detail }: Problem): void {
  response.status(status).type('application/problem+json').send(JSON.stringify({ title, status, detail }))
}
