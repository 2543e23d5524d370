import type { Request } from 'express'
import type { Role } from '../access/role.ts'

/** Who asks the API. */
export type Caller = {
  readonly name: string
  readonly role: Role
  /** `local` for who came by the socket file, else the identifier of the token. */
  readonly by?: 'local' | { readonly token: string }
  /** Whether what let it in still holds; asked again while an answer goes on for long. */
  readonly isStillIn: () => boolean
}

export type Admission =
  | { readonly kind: 'admitted'; readonly caller: Caller }
  | {
      readonly kind: 'refused'
      readonly status: 400 | 401 | 429
      readonly title: string
      readonly because: string
    }

/** Says of each request who sends it. */
export type Door = (request: Request) => Admission

const owner: Caller = { name: 'the owner of the box', role: 'admin', by: 'local', isStillIn: () => true }

/** Where who comes by it is from, in the audit log. */
export const socketFile = 'the socket file'

/** The door of the socket file, which nobody but the owner of the box can open. */
export const ownersDoor: Door = () => ({ kind: 'admitted', caller: owner })
