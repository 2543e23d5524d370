import { z } from 'zod'
import { approvedMethods } from '../machines/approval.ts'

/** Longer than anything that can be meant; what is meant is looked at by who knows names and images. */
const text = z.string().min(1).max(255)

/** What a person says who approves a machine: the body of the request. */
export const approvalOrder = z.strictObject({
  /** The code that stands on the machine's screen. */
  claim: text.optional(),
  hostname: text.optional(),
  method: z.enum(approvedMethods).optional(),
  image: text.optional(),
  once: z.literal(true).optional(),
})

export type ApprovalOrder = z.output<typeof approvalOrder>
