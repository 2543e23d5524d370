/** What a caller of the API may do, each all that those before it may: read; act on machines; all. */
export const roles = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

/** Whether somebody of this role may do what asks for at least that one. */
export function mayActAs(role: Role, least: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(least)
}
