import type { Role } from '../access/role.ts'
import type { ApiSchemas } from './api-schemas.ts'

export type ApiRoute = {
  /** The least role that may ask; `anyone` needs no token. */
  readonly least: Role | 'anyone'
  readonly about: string
  /** The schema of its query; absent, it takes none. */
  readonly query?: keyof ApiSchemas
  /** The schema of its body; absent, it takes none. */
  readonly body?: keyof ApiSchemas
  /** The longest body that is read, in KiB; absent, 64. */
  readonly mostKiB?: number
  /** What is done, in the words of the audit log. Every route has one that changes something or gives a secret, or is `onBox`. */
  readonly act?: string
  /** Only by the socket file: it tells of what is done on the box itself, and writes the rows of that. */
  readonly onBox?: true
  /** The fields of the body that are recorded; others are not, so a new one is no secret in the log. */
  readonly recorded?: readonly string[]
  /** A schema for JSON, a media type for something else, or `nothing` (204). */
  readonly answer: keyof ApiSchemas | `${string}/${string}` | 'nothing'
}

/** Every route of the API: who may ask, with what, and what the answer is. A handler for a route that is not here has no type. */
export const apiRoutes = {
  'GET /api/v1/health': {
    least: 'anyone',
    about: 'Whether the appliance answers. It says nothing else.',
    answer: 'Health',
  },
  'GET /api/v1/openapi.json': {
    least: 'viewer',
    about: 'This description of the API.',
    answer: 'Document',
  },
  'GET /api/v1/authority.pem': {
    least: 'anyone',
    about:
      'The certificate of the authority that signs for this box. Whoever fetches it compares its SHA-256 with what the box shows ' +
      '(`ironwake ca show`) before it is trusted.',
    answer: 'application/pem-certificate-chain',
  },
  'GET /api/v1/tokens': {
    least: 'admin',
    about: 'The tokens of the API, without their secrets.',
    answer: 'Tokens',
  },
  'POST /api/v1/tokens': {
    least: 'admin',
    act: 'token made',
    recorded: ['name', 'role', 'seconds'],
    about: 'Makes a token. The answer is the only place where it is ever seen.',
    body: 'NewToken',
    answer: 'MadeToken',
  },
  'DELETE /api/v1/tokens/:name': {
    least: 'admin',
    act: 'token revoked',
    about: 'Revokes a token, by its name or identifier: it lets nobody in from now on.',
    answer: 'nothing',
  },
  'GET /api/v1/status': {
    least: 'viewer',
    about: 'Version, networks and jobs of the appliance.',
    answer: 'Status',
  },
  'GET /api/v1/machines': {
    least: 'viewer',
    about: 'All machines on record, each with its latest boot and its address.',
    answer: 'Machines',
  },
  'GET /api/v1/machines/:name': {
    least: 'viewer',
    about: 'One machine, by its identifier, MAC address, host name or claim code.',
    answer: 'MachineSummary',
  },
  'GET /api/v1/machines/:name/diagnosis': {
    least: 'viewer',
    about: 'How its latest boot stands, and what to do (docs/boot-doctor.md).',
    answer: 'Diagnosis',
  },
  'GET /api/v1/machines/:name/plan': {
    least: 'viewer',
    about:
      'What it would be given if it asked now, why, and what of that has changed. Nothing changes by it.',
    answer: 'BootPlan',
  },
  'GET /api/v1/machines/:name/capture': {
    least: 'operator',
    about: 'What it and the box last said by DHCP, as a pcap file.',
    answer: 'application/vnd.tcpdump.pcap',
  },
  'POST /api/v1/machines/:id/retry': {
    least: 'operator',
    act: 'machine retried',
    about: 'A machine that failed, goes round, is quarantined or was retired may try again at its next boot.',
    answer: 'ApprovedMachine',
  },
  'PUT /api/v1/machines/:name/approval': {
    least: 'operator',
    act: 'machine approved',
    recorded: [
      'cluster',
      'role',
      'labels',
      'taints',
      'zone',
      'disk',
      'wipe',
      'hostname',
      'method',
      'image',
      'once',
      'keep',
      'claim',
    ],
    about: 'It may have what the box gives, for the cards it has; in place of an approval from before.',
    body: 'ApprovalOrder',
    answer: 'ApprovedMachine',
  },
  'DELETE /api/v1/machines/:name/approval': {
    least: 'operator',
    act: 'machine unapproved',
    about: 'Takes back that a person approved it.',
    answer: 'ApprovedMachine',
  },
  'POST /api/v1/machines/:name/release': {
    least: 'operator',
    act: 'machine released',
    recorded: ['next', 'mode'],
    about:
      'Lets it go from its cluster: its Node takes no new pods, its pods are moved away, the Node is deleted, its system leaves and its credential is revoked. ' +
      'It goes on by itself; events tell how far it is.',
    body: 'ReleaseOrder',
    answer: 'ApprovedMachine',
  },
  'POST /api/v1/machines/:name/reinstall': {
    least: 'operator',
    act: 'machine reinstalled',
    recorded: ['mode'],
    about:
      'At its next boot from the network the disk is written once more that this box wrote before. A control plane that others need is kept (409), ' +
      'unless by force.',
    body: 'ReinstallOrder',
    answer: 'ApprovedMachine',
  },
  'PUT /api/v1/machines/:name/boot-next/:action': {
    least: 'operator',
    act: 'boot-next set',
    about: 'What it boots at its next boot, once: local or image.',
    answer: 'nothing',
  },
  'DELETE /api/v1/machines/:name/boot-next': {
    least: 'operator',
    act: 'boot-next taken back',
    about: 'Takes back what was wanted of its next boot.',
    answer: 'nothing',
  },
  'GET /api/v1/machines/:name/power': {
    least: 'operator',
    about: 'Whether it is on, as its BMC says (docs/power.md).',
    answer: 'PowerReport',
  },
  'POST /api/v1/machines/:name/power': {
    least: 'operator',
    act: 'power switched',
    recorded: ['action', 'boot'],
    about:
      'Switches it on, off, or off and on again, by what the settings name for it, else by Wake-on-LAN (docs/power.md).',
    body: 'PowerOrder',
    answer: 'PowerReport',
  },
  'GET /api/v1/clusters': {
    least: 'viewer',
    about: 'The clusters that machines can become nodes of, without their secrets.',
    answer: 'ClusterSummaries',
  },
  'POST /api/v1/clusters': {
    least: 'admin',
    act: 'cluster made',
    recorded: [
      'kind',
      'name',
      'kubernetes',
      'endpoint',
      'vip',
      'podSubnet',
      'serviceSubnet',
      'dnsDomain',
      'podNetwork',
      'context',
    ],
    about:
      'Makes the authorities and keys of a new cluster (managed), or takes in one that is there by its kubeconfig (external), ' +
      'for which its API is asked what the box may do there. No secret of it is ever told again.',
    body: 'ClusterOrder',
    // A kubeconfig has whole certificates.
    mostKiB: 2 * 1024,
    answer: 'MadeCluster',
  },
  'GET /api/v1/clusters/:name': {
    least: 'viewer',
    about: 'One cluster, and its nodes as its API tells them.',
    answer: 'ClusterSummary',
  },
  'DELETE /api/v1/clusters/:name': {
    least: 'admin',
    act: 'cluster removed',
    about:
      'Forgets a cluster and its keys, which are nowhere else. One that has machines stays. Its nodes go on as they are.',
    answer: 'nothing',
  },
  // It makes a new key each time, so it is no GET.
  'POST /api/v1/clusters/:name/kubeconfig': {
    least: 'admin',
    act: 'kubeconfig handed out',
    recorded: ['endpoint'],
    about:
      'A kubeconfig for administrators of a managed cluster, each time with a new key, good for a year. Kubernetes cannot take it back.',
    body: 'KubeconfigOrder',
    answer: 'application/yaml',
  },
  // What it says every machine of the cluster is told in its seed, which anyone on the wire can read.
  'GET /api/v1/clusters/:name/node-config': {
    least: 'viewer',
    about:
      'Cloud-config that makes a system fit to become a node of this cluster. It joins nothing and holds no secret.',
    answer: 'application/yaml',
  },
  'GET /api/v1/events': {
    least: 'viewer',
    about: 'The newest events that fit, oldest first.',
    query: 'EventFilter',
    answer: 'Events',
  },
  'GET /api/v1/events/stream': {
    least: 'viewer',
    about:
      'Server-sent events: first those that are stored and fit, then each as it happens. The data of each is an Event, its id ' +
      'that of the Event; who was cut off goes on with `Last-Event-ID`. A comment every 15 seconds shows that the line holds.',
    query: 'EventFilter',
    answer: 'text/event-stream',
  },
  'GET /api/v1/audit': {
    least: 'admin',
    about: 'Rows of the audit log, oldest first: those after a number, else the newest (docs/audit.md).',
    query: 'AuditFilter',
    answer: 'AuditRows',
  },
  'GET /api/v1/audit/head': {
    least: 'admin',
    about: 'The number and hash of the last row of the audit log.',
    answer: 'AuditHead',
  },
  'POST /api/v1/image-acts': {
    least: 'admin',
    onBox: true,
    about:
      'Writes into the audit log that `ironwake images` begins an act on the image store, which it does itself (docs/audit.md).',
    body: 'ImageAct',
    recorded: ['images', 'from', 'sha256', 'kernel', 'initrd', 'architecture'],
    answer: 'BegunAct',
  },
  'POST /api/v1/image-acts/:begun/end': {
    least: 'admin',
    onBox: true,
    about: 'Writes how such an act ended. Told twice, it is written once.',
    body: 'ImageActEnd',
    recorded: ['exitCode', 'outcome'],
    answer: 'nothing',
  },
} as const satisfies { readonly [route: string]: ApiRoute }

export type ApiRouteName = keyof typeof apiRoutes
