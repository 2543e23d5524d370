import type { ApplianceEvent } from './event.ts'
import { printable } from '../wire/text.ts'

/** An event in one line, for a terminal, a log or a timeline. Text from the network is made printable. */
export function sentence(event: ApplianceEvent): string {
  return printable(words(event), 400)
}

function words(event: ApplianceEvent): string {
  switch (event.kind) {
    case 'appliance-started':
      return `Ironwake ${event.version} started`
    case 'appliance-stopped':
      return 'Ironwake stopped'
    case 'network-ready':
      return `network ${event.network ?? '?'}: ${event.mode} on ${event.interface} as ${event.serverAddress}`
    case 'network-unusable':
      return `network ${event.network ?? '?'} on ${event.interface} cannot be served: ${event.because}`
    case 'packet-malformed':
      return `malformed ${event.protocol} from ${event.from}: ${event.because}`
    case 'packet-ignored':
      return `${event.protocol} left alone: ${event.because}`
    case 'would-answer':
      return `${event.client} asked; would answer: ${event.answer}`
    case 'firmware-asked':
      return `${event.client} (${event.architecture}) asks what to boot`
    case 'address-offered':
      return `${event.offered} offered`
    case 'address-leased':
      return `${event.leased} leased to ${event.to} for ${duration(event.seconds)}`
    case 'address-taken':
      return event.to === undefined
        ? `${event.taken} asked of ${event.from}`
        : `${event.taken} asked of ${event.from} by ${event.to}`
    case 'foreign-server-seen':
      return `another DHCP server, ${event.server}, on network ${event.network ?? '(none)'}: ${event.because}`
    case 'foreign-servers-unknown':
      return `network ${event.network ?? '(none)'} was not searched for other DHCP servers: ${event.because}`
    case 'address-refused':
      return `${event.wanted} refused: ${event.because}`
    case 'other-server-chosen':
      return `another DHCP server was chosen, ${event.server}: ${event.because}`
    case 'address-released':
      return `${event.released} given back`
    case 'address-declined':
      return `${event.declined} is in use by somebody else; it rests for ${duration(event.quarantineSeconds)}`
    case 'address-in-use':
      return `${event.inUse} is in use by ${event.by}; it rests for ${duration(event.quarantineSeconds)}, and another is looked for`
    case 'addresses-not-probed':
      return `addresses of network ${event.network ?? '(none)'} are not probed before they are offered: ${event.because}`
    case 'pool-exhausted':
      return `no address left: ${event.because}`
    case 'firmware-without-program':
      return event.number === undefined
        ? `no boot program for this firmware: ${event.because}`
        : `no boot program for firmware of architecture ${event.number}: ${event.because}`
    case 'boot-offered':
      return event.strategy === undefined
        ? `told to load ${event.program}: ${event.because}`
        : `told to load ${event.program} (offer ${event.strategy}): ${event.because}`
    case 'proxy-strategy-changed':
      return `from now on offered ${event.to} in place of ${event.from}: ${event.because}`
    case 'proxy-strategy-worked':
      return `its firmware takes the offer ${event.strategy}; it is kept`
    case 'program-sent':
      return `${event.file} sent by TFTP, ${size(event.byteCount)} in ${ms(event.tookMs)}${resent(event.resentBlocks)}`
    case 'program-not-sent':
      return event.expected
        ? `${event.file} not sent, as expected: ${event.because}`
        : `${event.file} not sent: ${event.because}`
    case 'script-served':
      return `script ${event.script} sent: ${event.because}`
    case 'file-served':
      return event.complete
        ? `${event.file} sent by HTTP, ${size(event.byteCount)} in ${ms(event.tookMs)}`
        : `${event.file} broke off after ${size(event.byteCount)}`
    case 'file-queued':
      return `${event.file} waits for its turn, ${event.ahead} before it`
    case 'file-going-out':
      return `${event.file} goes out, ${size(event.byteCount)} of ${size(event.ofBytes)} so far`
    case 'seed-served':
      return `seed ${event.file} fetched`
    case 'request-refused':
      return event.expected === true
        ? `${event.path} is not there, as expected: ${event.because}`
        : `${event.path} refused with ${event.status}: ${event.because}`
    case 'machine-discovered':
      return `new machine, seen as ${event.seenAs}`
    case 'machine-approved':
      return `approved by a person${wishes(event)}`
    case 'machine-unapproved':
      return 'a person took its approval back'
    case 'sightings-swept':
      return `${event.count === 1 ? 'one machine' : `${event.count} machines`} that nobody has approved forgotten; the newest ${event.kept} are kept`
    case 'machine-clash':
      return `machine unclear: ${event.because}`
    case 'machine-state-changed':
      return event.cause === undefined
        ? `${event.from} → ${event.to}: ${event.because}`
        : `${event.from} → ${event.to} (${event.cause}): ${event.because}`
    case 'machine-goes-round':
      return `${event.boots} boots in ${duration(event.seconds)} led nowhere; it goes round`
    case 'reinstall-asked':
      return 'a person wants it installed again, at its next boot from the network'
    case 'boot-next-asked':
      return `a person wants of its next boot: ${wantedOnce[event.action]}`
    case 'boot-next-dropped':
      return `no longer wanted of its next boot: ${wantedOnce[event.action]}`
    case 'boot-next-used':
      return `${wantedOnce[event.action]}, this once, as a person wanted it`
    case 'attempt-started':
      return `boot begins: ${event.because}`
    case 'attempt-ended':
      return `boot ends, ${event.result}: ${event.because}`
    case 'cloud-init-started':
      return `cloud-init ${event.stage} begins`
    case 'cloud-init-finished':
      return `cloud-init ${event.stage} done, ${event.result}`
    case 'power-turned': {
      const boot = event.boot === undefined ? '' : ', to boot from the network once'
      const state = event.state === 'unknown' ? '' : `; it is ${event.state}`
      return `power ${event.action} by ${event.way}${boot}${state}`
    }
    case 'power-failed':
      return `power ${event.action} by ${event.way} failed: ${event.because}`
    case 'installer-began':
      return `installer ${event.step} begins`
    case 'installer-finished':
      return event.result === 'FAIL'
        ? `installer ${event.step} failed: ${event.description}`
        : `installer ${event.step} done, ${event.result}`
    case 'installer-said':
      return `installer ${event.step}, ${event.level}: ${event.description}`
    case 'inventory-taken':
      return `it has ${event.processors} processors, ${size(event.memoryBytes)} of memory, and ${event.disks}`
    case 'disk-chosen':
      return `${event.image} is to be written to ${event.disk}: ${event.because}`
    case 'disk-progress':
      return `${size(event.byteCount)} of ${size(event.of)} are on the disk`
    case 'disk-note':
      return `on the disk: ${event.note}`
    case 'disk-written':
      return `${event.image} is on ${event.disk}, ${ms(event.tookMs)} after it was chosen; the machine starts from it`
    case 'install-failed':
      return `the install failed (${event.cause}): ${event.because}`
    case 'phoned-home':
      return `${event.hostname} phoned home`
    case 'report-refused':
      return `report refused: ${event.because}`
    case 'store-failed':
      return `the store could not write: ${event.because}`
    case 'images-queued':
      return `${event.streams} files go out at a time; ${event.waiting} more wait for their turn`
    case 'link-full':
      return `network ${event.network ?? '?'}: images take all they may of the link, ${bitRate(event.bitsPerSecond)}, and share it`
    case 'delivery-failed':
      return `images are not delivered: ${event.because}`
    case 'delivery-ready':
      return 'images are delivered again'
    case 'image-sync-planned':
      return event.files === 0
        ? 'images: nothing to fetch'
        : `images: ${event.images} to fetch, ${event.files} files, ${size(event.byteCount)}`
    case 'image-sync-progress':
      return `images: ${size(event.byteCount)} of ${size(event.of)} are here`
    case 'image-synced':
      return `image ${event.image} is here, ${size(event.byteCount)}`
    case 'image-refused':
      return `image ${event.image} was not fetched: ${event.because}`
    case 'image-sync-ended':
      return (
        `images: ${event.published} fetched, ${event.present} here already, ${event.refused} refused; ` +
        `${size(event.byteCount)} in ${ms(event.tookMs)}`
      )
    case 'image-unknown':
      return `there is no image ${event.image}, and the settings name it`
    case 'cluster-created':
      return `cluster ${event.cluster} of Kubernetes ${event.kubernetes} created; its authority is ${event.caCertHash}`
    case 'cluster-added':
      return event.unprobed === undefined
        ? `cluster ${event.cluster} at ${event.server} added; its authority is ${event.caCertHash}`
        : `cluster ${event.cluster} at ${event.server} added, unseen: ${event.unprobed}`
    case 'cluster-removed':
      return `cluster ${event.cluster} removed, with its keys`
    case 'cluster-kubeconfig-given':
      return `kubeconfig of cluster ${event.cluster} given out, certificate ${event.serial}, good until ${new Date(event.until).toISOString()}`
    case 'cluster-locked':
      return `the secrets of cluster ${event.cluster} cannot be used: ${event.because}`
    case 'cluster-sealed-anew':
      return `the secrets of cluster ${event.cluster} are sealed by the key ${event.key} now`
    case 'join-waits':
      return `it waits to join ${event.cluster}: ${event.because}`
    case 'join-refused':
      return `it may not join ${event.cluster} (${event.cause}): ${event.because}`
    case 'join-ordered':
      return `told to ${event.order} ${event.cluster} as ${event.node}`
    case 'join-done':
      return `kubeadm has joined ${event.node} to ${event.cluster} in ${duration(Math.round(event.tookMs / 1_000))}`
    case 'join-failed':
      return `kubeadm failed, for ${event.cluster}: ${event.because}`
    case 'node-note':
      return `the node says: ${event.note}`
    case 'bootstrap-token-made':
      return `token ${event.id} of ${event.cluster} made for ${event.node}, good until ${new Date(event.until).toISOString()}`
    case 'bootstrap-token-deleted':
      return `token ${event.id} of ${event.cluster} deleted: ${event.because}`
    case 'bootstrap-token-left':
      return `token ${event.id} of ${event.cluster} could not be deleted yet: ${event.because}`
    case 'cluster-init-begun':
      return `${event.node} makes the first control plane of ${event.cluster}`
    case 'cluster-init-given-up':
      return `the first control plane of ${event.cluster} was given up: ${event.because}`
    case 'cluster-initialised':
      return `cluster ${event.cluster} is there, at ${event.endpoint}, by ${event.node}`
    case 'cluster-address-taken':
      return `cluster ${event.cluster} is reached by ${event.reachedBy}, which ${event.because}`
    case 'cluster-silent':
      return `the API of ${event.cluster} does not answer: ${event.because}`
    case 'cluster-heard':
      return `the API of ${event.cluster} answers; it has ${event.nodes} node${event.nodes === 1 ? '' : 's'}`
    case 'pod-network-applied':
      return `${event.network} applied in ${event.cluster}`
    case 'pod-network-failed':
      return `the network for pods could not be applied in ${event.cluster}: ${event.because}`
    case 'node-ready':
      return `node ${event.node} of ${event.cluster} is Ready`
    case 'node-not-ready':
      return `node ${event.node} of ${event.cluster} is not Ready: ${event.because}`
    case 'node-deleted':
      return `node ${event.node} of ${event.cluster} was deleted: ${event.because}`
    case 'etcd-member-removed':
      return `the member ${event.members.join(', ')} of the etcd of ${event.cluster}, that of ${event.node}, was taken out: ${event.because}`
    case 'etcd-member-stays':
      return `${event.node} stays a member of the etcd of ${event.cluster}: ${event.because}`
    case 'etcd-not-asked':
      return `whether ${event.node} is a member of the etcd of ${event.cluster} could not be seen: ${event.because}`
    case 'node-marked':
      return `node ${event.node} of ${event.cluster} was given ${event.what}`
    case 'release-begun':
      return `${event.node} is released from ${event.cluster}${event.mode === 'force' ? ', by force' : ''}, and is ${event.next} after that`
    case 'pods-moved':
      return `${event.node} of ${event.cluster}: ${event.left} pod${event.left === 1 ? '' : 's'} left${event.because === '' ? '' : `: ${event.because}`}`
    case 'release-stopped':
      return `${event.node} stays in ${event.cluster}: ${event.because}`
    case 'release-waits':
      return `its release waits for ${event.cluster}: ${event.because}`
    case 'node-left':
      return `the system has left its cluster: ${event.because}`
    case 'machine-released':
      return `released, and ${event.next} from now on`
    case 'authority-ready':
      return `the certificates of this box are signed by the authority ${event.fingerprint}, until ${day(event.until)}`
    case 'api-certificate-made':
      return `the API has a new certificate, for ${event.for}: ${event.because}`
    case 'api-ready':
      return `the API listens at ${event.at}`
    case 'api-unusable':
      return `the API cannot be reached over the network: ${event.because}`
    case 'api-refused':
      return `API: ${event.from} was not let in: ${event.because}${
        event.heldBack === undefined ? '' : ` (and ${event.heldBack} times more since the last one told)`
      }`
    case 'api-token-made':
      return `token ${event.token} was made by ${event.by}: ${event.role}, until ${day(event.until)}`
    case 'api-token-revoked':
      return `token ${event.token} was revoked by ${event.by}`
    case 'machine-enrolled':
      return event.renewed === true
        ? `it renewed its credential by the key ${event.key}, until ${minute(event.until)}`
        : `it enrolled with the key ${event.key}; its credential is good until ${minute(event.until)}`
    case 'enrolment-refused':
      return event.cause === undefined
        ? `${event.from} was given no credential: ${event.because}`
        : `${event.from} was given no credential (${event.cause}): ${event.because}`
    case 'credential-refused':
      return `${event.from} was not let in as a machine: ${event.because}`
    case 'machine-claimed-twice':
      return `two systems claim to be this machine, the latest from ${event.from}: ${event.because}`
    case 'job-ran':
      return `job ${event.job}: ${event.outcome}`
    case 'job-failed':
      return `job ${event.job} failed: ${event.because}`
  }
}

const wantedOnce = { local: 'its own disk', image: 'its image' } as const

function wishes(event: ApplianceEvent & { readonly kind: 'machine-approved' }): string {
  const { claim, hostname, method, image, once, disk, wipe, keep, cluster, role, labels, taints, zone } =
    event
  const named = (word: string, value: string | undefined) => (value === undefined ? [] : [`${word} ${value}`])
  const parts = [
    ...(claim === undefined ? [] : ['claim code compared']),
    ...named('name', hostname),
    ...named('method', method),
    ...named('image', image),
    ...(once === undefined ? [] : ['once']),
    ...named('disk', disk),
    ...(wipe === undefined ? [] : [wipe ? 'what the disk holds may go' : 'a disk with data is left alone']),
    ...(keep === undefined ? [] : ['what is on its disk stays']),
    ...named('cluster', cluster),
    ...named('role', role),
    ...Object.entries(labels ?? {}).map(([key, value]) => `label ${key}=${value}`),
    ...(taints ?? []).map(
      ({ key, value, effect }) => `taint ${value === undefined ? key : `${key}=${value}`}:${effect}`,
    ),
    ...named('zone', zone),
  ]
  return parts.length === 0 ? '' : `: ${parts.join(', ')}`
}

function minute(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

function ms(value: number): string {
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`
}

/** 1000-based, as links are spoken of. */
export function bitRate(bitsPerSecond: number): string {
  return bitsPerSecond < 1e9 ? `${bitsPerSecond / 1e6} Mbit/s` : `${bitsPerSecond / 1e9} Gbit/s`
}

/** 1024-based, as kernels and images are spoken of. */
export function size(byteCount: number): string {
  if (byteCount < 1024) return `${byteCount} B`
  if (byteCount < 1024 * 1024) return `${(byteCount / 1024).toFixed(1)} KiB`
  if (byteCount < 10 * 1024 ** 3) return `${(byteCount / 1024 ** 2).toFixed(1)} MiB`
  return `${(byteCount / 1024 ** 3).toFixed(1)} GiB`
}

export function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3600)} h`
}

function resent(blocks: number): string {
  if (blocks === 0) return ''
  return blocks === 1 ? ', 1 block sent again' : `, ${blocks} blocks sent again`
}
