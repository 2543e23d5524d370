import type { PowerSettings } from '../config/power-settings.ts'
import type { OpenBmc } from './bmc-transport.ts'
import { ipmiControl } from './ipmi.ts'
import type { PowerControl } from './power-control.ts'
import { readSecret } from './read-secret.ts'
import { redfishControl, type RedfishParts } from './redfish.ts'
import { webhookControl, type WebhookParts } from './webhook.ts'

export type PowerTools = { readonly openBmc: OpenBmc; readonly pause: RedfishParts['pause'] }

/** The control of a machine's power that the settings name; Wake-on-LAN is no control, since nothing answers. */
export function powerControlOf(
  settings: Exclude<PowerSettings, { kind: 'wake-on-lan' }>,
  { openBmc, pause }: PowerTools,
  about: WebhookParts['about'],
): PowerControl {
  switch (settings.kind) {
    case 'redfish': {
      const { url, user, password, trust, system } = settings
      const transport = openBmc(url, trust)
      return redfishControl({
        transport,
        user,
        password: async () => await readSecret(password),
        system,
        pause,
      })
    }
    case 'ipmi': {
      const { host, port, user, cipher, password } = settings
      return ipmiControl({
        host,
        port,
        user,
        cipher,
        password: async () => await readSecret(password),
        pause,
      })
    }
    case 'webhook': {
      const { url, token, trust } = settings
      const { pathname, search } = new URL(url)
      return webhookControl({
        transport: openBmc(url, trust),
        path: `${pathname}${search}`,
        token: async () => (token === undefined ? undefined : await readSecret(token)),
        about,
      })
    }
  }
}
