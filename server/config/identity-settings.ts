import { z } from 'zod'

/** By what a machine may be tied to its record, the weakest first. */
export type IdentitySetting = 'mac' | 'smbios' | 'claim'

/** The least tier of identity by which a machine may enrol and join a cluster. */
export const identitySetting = z.unknown().transform((value, context): IdentitySetting => {
  if (value === 'mac' || value === 'smbios' || value === 'claim') return value
  const [message, nextStep] =
    value === 'tpm'
      ? [
          'This version of Ironwake cannot prove the identity of a machine by its TPM, and lets no machine pass for proved.',
          'The strictest tier that it has is `claim`: a person compares the code on the screen.',
        ]
      : ['This must be `mac` or `smbios` or `claim`.', 'docs/enrolment.md says what each of them means.']
  context.issues.push({ code: 'custom', input: value, message, params: { nextStep } })
  return z.NEVER
})
