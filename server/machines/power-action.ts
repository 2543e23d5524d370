/** What a machine's power is told. `off` does not ask its system, `cycle` starts one that is off. */
export const powerActions = ['on', 'off', 'cycle'] as const
export type PowerAction = (typeof powerActions)[number]

/** `changing`: on its way from one to the other. `unknown`: nobody says. */
export const powerStates = ['on', 'off', 'changing', 'unknown'] as const
export type PowerState = (typeof powerStates)[number]
