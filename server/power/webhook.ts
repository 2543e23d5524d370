import type { BmcTransport } from './bmc-transport.ts'
import type { PowerControl, PowerOrder } from './power-control.ts'
import { PowerFault } from './power-fault.ts'

export type WebhookParts = {
  readonly transport: BmcTransport
  /** With its query. */
  readonly path: string
  /** Shown as a bearer token; absent, none is. */
  readonly token: () => Promise<string | undefined>
  /** What it is told about the machine. */
  readonly about: Readonly<Record<string, string | readonly string[]>>
}

/** Power by whatever answers at an address: it is told what is wanted of which machine, and says yes by a status of 2xx. */
export function webhookControl({ transport, path, token, about }: WebhookParts): PowerControl {
  return {
    async turn({ action, boot, over }: PowerOrder) {
      const secret = await token()
      const { status } = await transport.send({
        method: 'POST',
        path,
        body: { action, ...(boot === undefined ? {} : { boot }), ...about },
        headers: secret === undefined ? {} : { authorization: `Bearer ${secret}` },
        over,
      })
      if (status === 401 || status === 403) {
        throw new PowerFault('unauthorized', `The webhook does not accept our token (status ${status}).`)
      }
      if (status < 200 || status > 299) {
        throw new PowerFault('refused', `The webhook answered with status ${status}.`)
      }
      return {
        state: 'unknown',
        remarks: ['the webhook took the order; whether it was done it does not say'],
      }
    },
    async state() {
      throw await Promise.resolve(
        new PowerFault(
          'unsupported',
          'A webhook is told what to do, and does not say whether a machine is on.',
        ),
      )
    },
  }
}
