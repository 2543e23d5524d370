import { z } from 'zod'
import { imageActs } from '../access/image-acts.ts'
import { roles } from '../access/role.ts'
import { verdicts } from '../boot/diagnoses.ts'
import { catalogue } from '../events/catalogue.ts'
import { failureCauses } from '../machines/failure-causes.ts'
import { joinRefusals } from '../machines/join-refusals.ts'
import { approvedMethods } from '../machines/approved-method.ts'
import { bootNextActions } from '../machines/boot-next.ts'
import { identityTiers } from '../machines/identity-tier.ts'
import { tpms } from '../machines/inventory.ts'
import { attemptStages } from '../machines/machine.ts'
import { powerActions, powerStates } from '../machines/power-action.ts'
import { proxyStrategies } from '../machines/proxy-ladder.ts'
import { clusterSchemas } from './cluster-schemas.ts'

const time = z.int().meta({ description: 'Milliseconds since 1970-01-01 UTC.' })
const mac = z.string().meta({ description: 'A MAC address, as 52:54:00:12:34:56.' })
const text = z.string()

const failureCause = z.enum(Object.keys(failureCauses))

const taint = z.object({
  key: text,
  value: text.optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
})
const role = z.enum(['control-plane', 'worker'])
const labels = z.record(text, text)

const joinWish = z.object({
  cluster: text,
  role,
  labels,
  taints: z.array(taint),
  zone: text.optional(),
})

const machineDisk = z.object({
  written: z
    .object({ serial: text.optional(), wwn: text.optional(), path: text.optional(), bytes: z.int() })
    .optional()
    .meta({ description: 'The disk that this box wrote, or writes.' }),
  wanted: text.optional().meta({ description: 'The disk it is to write, in the words of whoever names it.' }),
})

const approval = z.object({
  by: z.enum(['person', 'rule']),
  at: time,
  macs: z.array(mac),
  cluster: text.optional(),
  role: role.optional(),
  labels: labels.optional(),
  taints: z.array(taint).optional(),
  zone: text.optional(),
  disk: text.optional(),
  wipe: z.boolean().optional(),
  hostname: text.optional(),
  method: z.enum(approvedMethods).optional(),
  image: text.optional(),
  once: z.literal(true).optional(),
  claim: z.literal('compared').optional(),
  claimedAt: time.optional(),
  doneAt: time.optional(),
})

/** Longer than anything that can be meant; what is meant is looked at by who knows names and images. */
const wish = z.string().min(1).max(255)

const approvalOrder = z.strictObject({
  claim: wish.optional().meta({ description: 'The code on the screen of the machine; another is refused.' }),
  hostname: wish.optional(),
  method: z.enum(approvedMethods).optional(),
  image: wish.optional().meta({ description: 'Its name, without a version.' }),
  once: z
    .literal(true)
    .optional()
    .meta({ description: 'The image until one boot has ended well, its own disk after.' }),
  disk: z.string().min(1).max(400).optional().meta({
    description: 'The disk that is written: serial=…, wwn=…, by-path=…, size>=400G, smallest, largest.',
  }),
  wipe: z.boolean().optional().meta({
    description: 'Whether the disk may be written though it holds data, by the one install that this is for.',
  }),
  keep: z
    .literal(true)
    .optional()
    .meta({ description: 'What this box has written to its disk stays; only what else is said changes.' }),
  cluster: wish.optional().meta({ description: 'The cluster that it is to become a node of.' }),
  role: role.optional().meta({ description: 'A worker when absent.' }),
  labels: z
    .record(z.string().min(1).max(317), z.string().max(63))
    .optional()
    .meta({ description: 'Labels of its Node.' }),
  taints: z
    .array(z.string().min(1).max(400))
    .max(16)
    .optional()
    .meta({ description: 'Taints of its Node, as kubectl writes them: dedicated=gpu:NoSchedule.' }),
  zone: wish.optional().meta({ description: 'Its topology.kubernetes.io/zone.' }),
})

const identity = z.object({
  tier: z.enum(identityTiers).meta({
    description:
      'By what it is tied to its record, as its latest boot from the network showed (docs/enrolment.md).',
  }),
  because: text,
  tooWeak: text
    .optional()
    .meta({ description: 'Why that is not enough to enter the cluster it is for; absent where it is.' }),
})

const machine = z.object({
  id: text,
  claim: text.optional().meta({ description: 'The code that its screen shows while it waits.' }),
  macs: z.array(mac),
  uuid: text.optional(),
  serial: text.optional(),
  manufacturer: text.optional(),
  product: text.optional(),
  hostname: text.optional(),
  architecture: text.optional(),
  firmware: text.optional(),
  state: text,
  stateBecause: text,
  stateSince: time,
  discoveredAt: time,
  lastSeenAt: time,
  failures: z.int(),
  failure: failureCause.optional(),
  approval: approval.optional(),
  shown: z
    .object({
      mac,
      network: text.optional(),
      uuid: text.optional(),
      serial: text.optional(),
      alsoOf: text.optional(),
    })
    .optional()
    .meta({ description: 'What its latest boot from the network has shown of its board.' }),
  claimedTwiceAt: time.optional().meta({ description: 'When two systems last claimed to be it.' }),
  proxy: z
    .object({
      strategy: z.enum(proxyStrategies),
      worked: z.boolean(),
      failures: z.int(),
      trial: z
        .object({ macs: z.array(mac), xid: z.int(), since: time, latest: time, fetched: z.boolean() })
        .optional(),
    })
    .optional(),
  rounds: z
    .object({ ways: z.array(text), count: z.int(), since: time, began: time, latest: time })
    .optional(),
  chained: z.object({ xid: z.int(), count: z.int(), latest: time }).optional(),
  disks: z
    .object({
      at: time,
      seen: z.array(
        z.object({
          name: text,
          bytes: z.int(),
          serial: text.optional(),
          wwn: text.optional(),
          path: text.optional(),
          model: text.optional(),
          udevSerial: text.optional(),
          isRemovable: z.boolean(),
          isReadOnly: z.boolean(),
          usedBy: z.array(text),
          holds: z.array(text),
        }),
      ),
    })
    .optional()
    .meta({ description: 'Its disks, as a system in its memory last told of them.' }),
  hardware: z
    .object({
      at: time,
      firmware: z.enum(['bios', 'uefi']),
      firmwareVersion: text.optional(),
      tpm: z.enum(tpms).optional(),
      processors: z.int(),
      processorModel: text.optional(),
      memoryBytes: z.int(),
      cards: z.array(z.object({ name: text, mac: text })),
    })
    .optional()
    .meta({ description: 'What it is made of beside its disks, as that system told.' }),
  bootNext: z
    .object({
      action: z.enum(bootNextActions),
      askedAt: time,
      used: z.object({ attempt: text, walk: time.optional() }).optional(),
    })
    .optional(),
})

const attempt = z.object({
  id: text,
  machine: text,
  mac,
  startedAt: time,
  lastSeenAt: time,
  stage: z.enum(attemptStages),
  endedAt: time.optional(),
  result: z.enum(['installed', 'local-disk', 'failed', 'abandoned']).optional(),
})

const lease = z.object({
  network: text,
  address: text,
  mac,
  state: z.enum(['offered', 'leased', 'declined', 'released']),
  since: time,
  endsAt: time,
  hostname: text.optional(),
})

const machineSummary = z.object({
  machine,
  attempt: attempt.optional(),
  lease: lease.optional(),
  identity,
  joinRefused: z
    .object({ refusal: z.enum(Object.keys(joinRefusals)), meaning: text, nextStep: text })
    .optional()
    .meta({ description: 'Why it is not let into its cluster as it is (docs/machine-life.md).' }),
  failure: z
    .object({ cause: failureCause, meaning: text, nextStep: text })
    .optional()
    .meta({ description: 'Why its latest boot failed (docs/machine-life.md).' }),
  credentialLost: z
    .object({ because: text, nextStep: text })
    .optional()
    .meta({ description: 'Why the system on its disk is not known any more (docs/enrolment.md).' }),
  join: joinWish.optional().meta({ description: 'The cluster that it is, or is to become, a node of.' }),
  disk: machineDisk.optional(),
})

const diagnosis = z.object({
  verdict: z.enum(verdicts),
  outlook: z.enum(['well', 'under-way', 'waits', 'fault']),
  meaning: text,
  because: text,
  causes: z.array(text),
  nextStep: text.optional(),
  since: time,
  get before() {
    return diagnosis.optional()
  },
})

const bootPlan = z.object({
  machine: text,
  mac,
  network: text.optional(),
  language: z.enum(['ipxe', 'grub']),
  approved: z.boolean(),
  because: text,
  identity,
  wishes: z.array(text).meta({ description: 'What it is to have, each with where that is said.' }),
  script: text,
  scriptBecause: text,
  image: text.optional(),
  disk: z
    .object({ kind: z.enum(['disk', 'none']), disk: text.optional(), because: text, at: time.optional() })
    .optional()
    .meta({ description: 'The disk that would be written, by what the machine last told of its disks.' }),
  notJoining: text
    .optional()
    .meta({ description: 'Why it could not become the node that it is to be, as things are.' }),
  files: z.array(z.object({ file: text, text: text.optional(), refused: text.optional() })).meta({
    description: 'The script, and the seed it leads to. ATTEMPT stands for the number of the boot.',
  }),
  since: z
    .object({
      at: time,
      attempt: text,
      script: text,
      changes: z.array(z.object({ file: text, lines: z.array(text) })),
    })
    .optional()
    .meta({ description: 'What has changed since its last script; absent where it never had one.' }),
})

const event = z.object({
  id: z
    .int()
    .meta({ description: 'Grows by one with each event; 0 for one that the store could not write.' }),
  at: time,
  machine: text.optional(),
  attempt: text.optional(),
  event: z
    .looseObject({ kind: z.enum(Object.keys(catalogue)) })
    .meta({ description: 'docs/events.md explains each kind.' }),
})

const status = z.object({
  version: text,
  startedAt: time,
  networks: z.array(
    z.object({
      name: text,
      interface: text,
      mode: text,
      serverAddress: text,
      problem: text.optional(),
    }),
  ),
  jobs: z.array(
    z.object({
      name: text,
      when: text,
      running: z.boolean(),
      last: z
        .object({
          startedAt: time,
          endedAt: time.optional(),
          outcome: text.optional(),
          failed: z.boolean().optional(),
        })
        .optional(),
      nextAt: time.optional(),
    }),
  ),
})

/** A number in a query, which is text. Longer ones are no whole numbers to JSON. */
function wholeNumber(wanted: string) {
  return z
    .string()
    .regex(/^[0-9]{1,15}$/, { error: wanted })
    .transform(Number)
}

const eventFilter = z.strictObject({
  limit: wholeNumber('limit must be a whole number')
    .optional()
    .meta({ description: 'At most this many, the newest ones; 1000 when absent, never more than 10000.' }),
  after: wholeNumber('after must be a whole number, the id of an event')
    .optional()
    .meta({ description: 'Only events with a greater id.' }),
  machine: z.string().optional().meta({ description: 'The identifier of a machine.' }),
  attempt: z.string().optional(),
})

const auditHead = z.object({ seq: z.int(), hash: text.meta({ description: 'SHA-256, hexadecimal.' }) })

const problem = z.object({
  title: text,
  status: z.int().meta({ description: 'The status of the response.' }),
  detail: text.meta({ description: 'What is wrong, and what to do.' }),
})

const tokenName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/i, {
  error: 'name has letters, digits, dots, hyphens and underscores, at most 64',
})

const newToken = z.strictObject({
  name: tokenName,
  role: z.enum(roles),
  seconds: z
    .int()
    .min(60)
    .max(5 * 366 * 86_400)
    .default(90 * 86_400)
    .meta({ description: 'How long it lets in; 90 days when absent, at most five years.' }),
})

const token = z.object({
  id: text,
  name: text,
  role: z.enum(roles),
  madeAt: time,
  madeBy: text,
  expiresAt: time,
  lastUsedAt: time.optional().meta({ description: 'To within an hour.' }),
  revokedAt: time.optional(),
})

const madeToken = z.object({
  token,
  text: text.meta({ description: 'The token itself: shown this once, and kept nowhere.' }),
})

/** What goes over the API, by the names that `openapi.json` has for it. */
export const apiSchemas = {
  ...clusterSchemas,
  Status: status,
  Machine: machine,
  MachineSummary: machineSummary,
  Machines: z.array(machineSummary),
  ApprovalOrder: approvalOrder,
  ApprovedMachine: machineSummary.extend({
    remarks: z.array(text).meta({ description: 'What else it waits for, or should be known.' }),
  }),
  Attempt: attempt,
  Lease: lease,
  Diagnosis: diagnosis,
  BootPlan: bootPlan,
  PowerOrder: z.strictObject({
    action: z.enum(powerActions),
    boot: z.literal('network').optional().meta({ description: 'It boots from the network, this once.' }),
  }),
  PowerReport: z.object({
    machine: text,
    way: text.meta({ description: 'By what its power is switched: redfish, ipmi, webhook or wake-on-lan.' }),
    state: z.enum(powerStates),
    remarks: z.array(text),
  }),
  Event: event,
  Events: z.array(event),
  EventFilter: eventFilter,
  AuditFilter: z.strictObject({
    after: wholeNumber('after must be a whole number, the number of a row').optional(),
    limit: wholeNumber('limit must be a whole number').optional().meta({ description: 'At most 1000.' }),
  }),
  AuditHead: auditHead,
  AuditRows: z.array(
    auditHead.extend({ row: text.meta({ description: 'The JSON that the hash is made of.' }) }),
  ),
  ImageAct: z.strictObject({
    act: z.enum(imageActs),
    on: text.optional().meta({ description: 'The image, as it was named.' }),
    images: z.array(text).optional(),
    from: text.optional().meta({ description: 'The file, or the URL, of an import.' }),
    sha256: text.optional(),
    kernel: text.optional(),
    initrd: text.optional(),
    architecture: text.optional(),
  }),
  BegunAct: z.object({ begun: z.int().meta({ description: 'The number of its row.' }) }),
  ImageActEnd: z.strictObject({
    exitCode: z.int().min(0).max(255),
    outcome: text.optional().meta({ description: 'What came of it, in words.' }),
  }),
  Problem: problem,
  Token: token,
  Tokens: z.array(token),
  NewToken: newToken,
  ReleaseOrder: z.strictObject({
    next: z
      .enum(['approved', 'retired'])
      .optional()
      .meta({ description: 'What becomes of it; approved when left out: it may be installed again.' }),
    mode: z.enum(['orderly', 'force']).optional().meta({
      description:
        'force: neither its pods nor its cluster are waited for, and a control plane that others need is let go.',
    }),
  }),
  ReinstallOrder: z.strictObject({
    mode: z
      .enum(['orderly', 'force'])
      .optional()
      .meta({ description: 'force: a control plane that others need is installed again all the same.' }),
  }),
  MadeToken: madeToken,
  Health: z.object({ status: z.literal('up') }),
  Document: z.looseObject({ openapi: text }).meta({ description: 'An OpenAPI 3.1 document.' }),
}

export type ApiSchemas = typeof apiSchemas
