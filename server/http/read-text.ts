import type { Request } from 'express'

export type ReadText = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'too-long' }

/** The body of a request, and no more than so many bytes of it: what is longer is left unread. */
export async function readText(request: Request, limit: number): Promise<ReadText> {
  if (Number(request.get('Content-Length') ?? 0) > limit) return { kind: 'too-long' }
  const chunks: Buffer[] = []
  let count = 0
  return await new Promise((resolve, reject) => {
    const end = (read: ReadText): void => {
      request.off('data', take).pause()
      resolve(read)
    }
    const take = (chunk: Buffer): void => {
      count += chunk.length
      if (count > limit) end({ kind: 'too-long' })
      else chunks.push(chunk)
    }
    request
      .on('data', take)
      .once('end', () => end({ kind: 'text', text: Buffer.concat(chunks).toString('utf8') }))
      .once('error', reject)
      .once('close', () => reject(new Error('the connection ended before the body did')))
  })
}
