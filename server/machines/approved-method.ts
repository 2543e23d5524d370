/** What an approval may say of the method; absent, the settings say it. */
export const approvedMethods = ['ram', 'disk', 'autoinstall', 'local'] as const
export type ApprovedMethod = (typeof approvedMethods)[number]
