/**
 * `unreachable`: nobody answers. `stranger`: it does not prove who it is. `unauthorized`: it does not accept who we are.
 * `unsupported`: it cannot do this. `refused`: it answers, and does not do it. `malformed`: it does not speak as it should.
 * `no-secret`, `no-tool`: this box lacks something. `too-slow`: it took longer than it may.
 */
export type PowerFaultKind =
  | 'unreachable'
  | 'stranger'
  | 'unauthorized'
  | 'unsupported'
  | 'refused'
  | 'malformed'
  | 'no-secret'
  | 'no-tool'
  | 'too-slow'

/** Why a machine's power did not do what it was told; the message is a sentence for a person, and has no secret in it. */
export class PowerFault extends Error {
  override readonly name = 'PowerFault'
  readonly kind: PowerFaultKind

  constructor(kind: PowerFaultKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}
