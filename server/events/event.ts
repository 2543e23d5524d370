import type { Ipv4 } from '../wire/ipv4.ts'
import type { Mac } from '../wire/mac.ts'

/** Whom an event is about, as far as it is known where it happens. The appliance adds machine and attempt. */
export type About = {
  readonly mac?: Mac
  readonly address?: Ipv4
  readonly network?: string
  /** The boot it belongs to, where that is not the machine's latest. */
  readonly attempt?: string
}

export type Protocol = 'dhcp' | 'tftp' | 'http' | 'https'

/** Every event the appliance can report. `catalogue.ts` explains each, `sentence.ts` says it in words. */
export type ApplianceEvent = About &
  (
    | { readonly kind: 'appliance-started'; readonly version: string }
    | { readonly kind: 'appliance-stopped' }
    | {
        readonly kind: 'network-ready'
        readonly interface: string
        readonly mode: string
        readonly serverAddress: Ipv4
      }
    | { readonly kind: 'network-unusable'; readonly interface: string; readonly because: string }
    | {
        readonly kind: 'packet-malformed'
        readonly protocol: Protocol
        readonly from: string
        readonly because: string
      }
    | { readonly kind: 'packet-ignored'; readonly protocol: Protocol; readonly because: string }
    | { readonly kind: 'would-answer'; readonly client: string; readonly answer: string }
    | {
        readonly kind: 'firmware-asked'
        readonly client: string
        readonly architecture: string
        readonly vendorClass?: string
      }
    | { readonly kind: 'address-offered'; readonly offered: Ipv4; readonly seconds: number }
    | {
        readonly kind: 'address-leased'
        readonly leased: Ipv4
        readonly seconds: number
        readonly to: string
      }
    | { readonly kind: 'address-taken'; readonly taken: Ipv4; readonly from: string; readonly to?: string }
    | { readonly kind: 'foreign-server-seen'; readonly server: Ipv4; readonly because: string }
    | { readonly kind: 'foreign-servers-unknown'; readonly because: string }
    | { readonly kind: 'address-refused'; readonly wanted: Ipv4; readonly because: string }
    | { readonly kind: 'other-server-chosen'; readonly server: Ipv4; readonly because: string }
    | { readonly kind: 'address-released'; readonly released: Ipv4 }
    | { readonly kind: 'address-declined'; readonly declined: Ipv4; readonly quarantineSeconds: number }
    | {
        readonly kind: 'address-in-use'
        readonly inUse: Ipv4
        /** Who answered there. */
        readonly by: Mac
        readonly quarantineSeconds: number
      }
    | { readonly kind: 'addresses-not-probed'; readonly because: string }
    | { readonly kind: 'pool-exhausted'; readonly because: string }
    | {
        readonly kind: 'firmware-without-program'
        /** Of its architecture, where it names one. */
        readonly number?: number
        readonly because: string
      }
    | {
        readonly kind: 'boot-offered'
        readonly program: string
        readonly because: string
        /** The form of the offer, in mode `proxy`. */
        readonly strategy?: string
      }
    | {
        readonly kind: 'proxy-strategy-changed'
        readonly from: string
        readonly to: string
        readonly because: string
      }
    | { readonly kind: 'proxy-strategy-worked'; readonly strategy: string }
    | {
        readonly kind: 'program-sent'
        readonly file: string
        readonly byteCount: number
        readonly tookMs: number
        readonly resentBlocks: number
      }
    | {
        readonly kind: 'program-not-sent'
        readonly file: string
        readonly because: string
        readonly expected: boolean
      }
    | { readonly kind: 'script-served'; readonly script: string; readonly because: string }
    | {
        readonly kind: 'file-served'
        readonly file: string
        readonly byteCount: number
        readonly tookMs: number
        readonly complete: boolean
      }
    | { readonly kind: 'file-queued'; readonly file: string; readonly ahead: number }
    | {
        readonly kind: 'file-going-out'
        readonly file: string
        readonly byteCount: number
        readonly ofBytes: number
      }
    | { readonly kind: 'seed-served'; readonly file: string }
    | {
        readonly kind: 'request-refused'
        readonly path: string
        readonly status: number
        readonly because: string
        /** The client asks for it and does without. */
        readonly expected?: boolean
      }
    | { readonly kind: 'machine-discovered'; readonly seenAs: string }
    | {
        readonly kind: 'machine-approved'
        readonly hostname?: string
        readonly method?: string
        readonly image?: string
        readonly once?: true
        readonly claim?: 'compared'
        readonly disk?: string
        readonly wipe?: boolean
        /** The disk that was written before stays as it is. */
        readonly keep?: true
        readonly cluster?: string
        readonly role?: string
        readonly labels?: Readonly<Record<string, string>>
        readonly taints?: readonly {
          readonly key: string
          readonly value?: string
          readonly effect: string
        }[]
        readonly zone?: string
      }
    | { readonly kind: 'machine-unapproved' }
    | { readonly kind: 'sightings-swept'; readonly count: number; readonly kept: number }
    | { readonly kind: 'machine-clash'; readonly because: string }
    | {
        readonly kind: 'machine-state-changed'
        readonly from: string
        readonly to: string
        readonly because: string
        /** Of a failure, in one word (docs/machine-life.md). */
        readonly cause?: string
      }
    | { readonly kind: 'machine-goes-round'; readonly boots: number; readonly seconds: number }
    | { readonly kind: 'reinstall-asked' }
    | { readonly kind: 'boot-next-asked'; readonly action: 'local' | 'image' }
    | { readonly kind: 'boot-next-dropped'; readonly action: 'local' | 'image' }
    | { readonly kind: 'boot-next-used'; readonly action: 'local' | 'image' }
    | { readonly kind: 'attempt-started'; readonly because: string }
    | {
        readonly kind: 'attempt-ended'
        readonly result: 'installed' | 'written' | 'local-disk' | 'failed' | 'abandoned'
        readonly because: string
      }
    | { readonly kind: 'cloud-init-started'; readonly stage: string; readonly description: string }
    | {
        readonly kind: 'cloud-init-finished'
        readonly stage: string
        readonly result: 'SUCCESS' | 'WARN' | 'FAIL'
        readonly description: string
      }
    | {
        readonly kind: 'power-turned'
        /** By what: redfish, ipmi, webhook or wake-on-lan. */
        readonly way: string
        readonly action: 'on' | 'off' | 'cycle'
        readonly boot?: 'network'
        readonly state: 'on' | 'off' | 'changing' | 'unknown'
      }
    | {
        readonly kind: 'power-failed'
        readonly way: string
        readonly action: 'on' | 'off' | 'cycle'
        readonly because: string
      }
    | { readonly kind: 'installer-began'; readonly step: string; readonly description: string }
    | {
        readonly kind: 'installer-finished'
        readonly step: string
        readonly result: 'SUCCESS' | 'WARN' | 'FAIL'
        readonly description: string
      }
    | {
        readonly kind: 'installer-said'
        readonly step: string
        readonly level: string
        readonly description: string
      }
    | {
        readonly kind: 'inventory-taken'
        readonly processors: number
        readonly memoryBytes: number
        readonly disks: string
      }
    | {
        readonly kind: 'disk-chosen'
        readonly disk: string
        readonly image: string
        readonly because: string
      }
    | { readonly kind: 'disk-progress'; readonly byteCount: number; readonly of: number }
    | { readonly kind: 'disk-note'; readonly note: string }
    | {
        readonly kind: 'disk-written'
        readonly disk: string
        readonly image: string
        readonly tookMs: number
      }
    | { readonly kind: 'install-failed'; readonly cause: string; readonly because: string }
    | { readonly kind: 'phoned-home'; readonly hostname: string; readonly instance: string }
    | { readonly kind: 'report-refused'; readonly because: string }
    | { readonly kind: 'store-failed'; readonly because: string }
    | { readonly kind: 'images-queued'; readonly streams: number; readonly waiting: number }
    | { readonly kind: 'link-full'; readonly bitsPerSecond: number }
    | { readonly kind: 'delivery-failed'; readonly because: string }
    | { readonly kind: 'delivery-ready' }
    | {
        readonly kind: 'image-sync-planned'
        readonly images: number
        readonly files: number
        readonly byteCount: number
      }
    | { readonly kind: 'image-sync-progress'; readonly byteCount: number; readonly of: number }
    | { readonly kind: 'image-synced'; readonly image: string; readonly byteCount: number }
    | { readonly kind: 'image-refused'; readonly image: string; readonly because: string }
    | {
        readonly kind: 'image-sync-ended'
        readonly published: number
        readonly present: number
        readonly refused: number
        readonly byteCount: number
        readonly tookMs: number
      }
    | { readonly kind: 'image-unknown'; readonly image: string }
    | {
        readonly kind: 'cluster-created'
        readonly cluster: string
        readonly kubernetes: string
        readonly caCertHash: string
      }
    | {
        readonly kind: 'cluster-added'
        readonly cluster: string
        readonly server: string
        readonly caCertHash: string
        /** Why the rights of its user are not known. */
        readonly unprobed?: string
      }
    | { readonly kind: 'cluster-removed'; readonly cluster: string }
    | {
        readonly kind: 'cluster-kubeconfig-given'
        readonly cluster: string
        /** Of the certificate in it, in hexadecimal. */
        readonly serial: string
        /** Milliseconds since 1970-01-01 UTC. */
        readonly until: number
      }
    | { readonly kind: 'cluster-locked'; readonly cluster: string; readonly because: string }
    | { readonly kind: 'cluster-sealed-anew'; readonly cluster: string; readonly key: string }
    | { readonly kind: 'join-waits'; readonly cluster: string; readonly because: string }
    | {
        readonly kind: 'join-refused'
        readonly cluster: string
        readonly cause: string
        readonly because: string
      }
    | {
        readonly kind: 'join-ordered'
        readonly cluster: string
        readonly node: string
        readonly order: string
      }
    | { readonly kind: 'join-done'; readonly cluster: string; readonly node: string; readonly tookMs: number }
    | { readonly kind: 'join-failed'; readonly cluster: string; readonly because: string }
    | { readonly kind: 'node-note'; readonly note: string }
    | {
        readonly kind: 'bootstrap-token-made'
        readonly cluster: string
        readonly node: string
        readonly id: string
        readonly until: number
      }
    | {
        readonly kind: 'bootstrap-token-deleted'
        readonly cluster: string
        readonly id: string
        readonly because: string
      }
    | {
        readonly kind: 'bootstrap-token-left'
        readonly cluster: string
        readonly id: string
        readonly because: string
      }
    | { readonly kind: 'cluster-init-begun'; readonly cluster: string; readonly node: string }
    | { readonly kind: 'cluster-init-given-up'; readonly cluster: string; readonly because: string }
    | {
        readonly kind: 'cluster-initialised'
        readonly cluster: string
        readonly node: string
        readonly endpoint: string
      }
    | {
        readonly kind: 'cluster-address-taken'
        readonly cluster: string
        /** By which its control planes are reached; it is no machine's. */
        readonly reachedBy: Ipv4
        readonly because: string
      }
    | { readonly kind: 'cluster-silent'; readonly cluster: string; readonly because: string }
    | { readonly kind: 'cluster-heard'; readonly cluster: string; readonly nodes: number }
    | { readonly kind: 'pod-network-applied'; readonly cluster: string; readonly network: string }
    | { readonly kind: 'pod-network-failed'; readonly cluster: string; readonly because: string }
    | { readonly kind: 'node-ready'; readonly cluster: string; readonly node: string }
    | {
        readonly kind: 'node-not-ready'
        readonly cluster: string
        readonly node: string
        readonly because: string
      }
    | {
        readonly kind: 'node-deleted'
        readonly cluster: string
        readonly node: string
        readonly because: string
      }
    | {
        readonly kind: 'etcd-member-removed'
        readonly cluster: string
        readonly node: string
        /** Their identifiers, as etcdctl prints them. */
        readonly members: readonly string[]
        readonly because: string
      }
    | {
        readonly kind: 'etcd-member-stays' | 'etcd-not-asked'
        readonly cluster: string
        readonly node: string
        readonly because: string
      }
    | { readonly kind: 'node-marked'; readonly cluster: string; readonly node: string; readonly what: string }
    | {
        readonly kind: 'release-begun'
        readonly cluster: string
        readonly node: string
        readonly next: string
        readonly mode: string
      }
    | {
        readonly kind: 'pods-moved'
        readonly cluster: string
        readonly node: string
        readonly left: number
        readonly because: string
      }
    | {
        readonly kind: 'release-stopped'
        readonly cluster: string
        readonly node: string
        readonly because: string
      }
    | { readonly kind: 'release-waits'; readonly cluster: string; readonly because: string }
    | { readonly kind: 'node-left'; readonly because: string }
    | { readonly kind: 'machine-released'; readonly next: string }
    | { readonly kind: 'authority-ready'; readonly fingerprint: string; readonly until: number }
    | { readonly kind: 'api-certificate-made'; readonly for: string; readonly because: string }
    | { readonly kind: 'api-ready'; readonly at: string }
    | { readonly kind: 'api-unusable'; readonly because: string }
    | {
        readonly kind: 'api-refused'
        readonly from: string
        readonly because: string
        /** Requests from there that were turned away since, without an event of their own. */
        readonly heldBack?: number
      }
    | {
        readonly kind: 'api-token-made'
        readonly token: string
        readonly role: string
        readonly until: number
        readonly by: string
      }
    | { readonly kind: 'api-token-revoked'; readonly token: string; readonly by: string }
    | {
        readonly kind: 'machine-enrolled'
        /** The first hexadecimal digits of its SHA-256. */
        readonly key: string
        /** Milliseconds since 1970-01-01 UTC. */
        readonly until: number
        /** The key was known, and its credential is another from now on; absent, the machine has enrolled. */
        readonly renewed?: true
      }
    | {
        readonly kind: 'enrolment-refused'
        readonly from: string
        readonly because: string
        /** In one word, where it is one that keeps a machine out of its cluster. */
        readonly cause?: string
      }
    | { readonly kind: 'credential-refused'; readonly from: string; readonly because: string }
    | { readonly kind: 'machine-claimed-twice'; readonly from: string; readonly because: string }
    | { readonly kind: 'job-ran'; readonly job: string; readonly outcome: string }
    | { readonly kind: 'job-failed'; readonly job: string; readonly because: string }
  )

export type EventKind = ApplianceEvent['kind']

/** An event as the store keeps it. `id` grows by one with each event and never repeats. */
export type RecordedEvent = {
  readonly id: number
  /** Milliseconds since 1970-01-01 UTC. */
  readonly at: number
  readonly machine?: string
  readonly attempt?: string
  readonly event: ApplianceEvent
}
