import type { Machine } from '../machines/machine.ts'
import type { Mac } from '../wire/mac.ts'

/** What the settings have in mind for a machine. */
export type Intent = {
  readonly approved: boolean
  readonly method: 'ram' | 'local'
  readonly image:
    { readonly kind: 'image'; readonly name: string } | { readonly kind: 'none'; readonly because: string }
}

/** What the machine's boot script does. */
export type ScriptChoice =
  | { readonly kind: 'run-image'; readonly image: string; readonly because: string }
  | { readonly kind: 'boot-local'; readonly because: string }
  | { readonly kind: 'wait'; readonly because: string; readonly nextStep: string }

/** Chooses the script of a machine that asks from `mac`. Whatever is not plainly allowed ends at the machine's own disk. */
export function chooseScript(machine: Machine, mac: Mac, intent: Intent): ScriptChoice {
  if (machine.state === 'quarantined') {
    return {
      kind: 'wait',
      because: `it is quarantined: ${machine.stateBecause}`,
      nextStep: `Mend the cause, then: ironwake machines retry ${machine.id}`,
    }
  }
  if (!intent.approved) {
    return {
      kind: 'wait',
      because: 'it is not approved',
      nextStep: `Add ${mac} to approve in ironwake.yaml and start Ironwake again`,
    }
  }
  switch (intent.method) {
    case 'local':
      return { kind: 'boot-local', because: 'the settings say that it boots its own disk (method: local)' }
    case 'ram':
      if (intent.image.kind === 'none') {
        return {
          kind: 'wait',
          because: intent.image.because,
          nextStep: 'Name an image for it in ironwake.yaml and start Ironwake again',
        }
      }
      return {
        kind: 'run-image',
        image: intent.image.name,
        because: 'it is approved, and runs from memory (method: ram)',
      }
  }
}
