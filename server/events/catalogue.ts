import type { EventKind } from './event.ts'

export type EventLevel = 'debug' | 'info' | 'warning' | 'error'

export type EventEntry = {
  readonly level: EventLevel
  /** What it means, for an operator who reads it for the first time. */
  readonly meaning: string
  /** What to do about it; absent where nothing is to be done. */
  readonly nextStep?: string
}

/** Each event the appliance can report, explained. `docs/events.md` is made from this table. */
export const catalogue: { readonly [kind in EventKind]: EventEntry } = {
  'appliance-started': { level: 'info', meaning: 'The appliance has opened its store and its ports.' },
  'appliance-stopped': {
    level: 'info',
    meaning: 'The appliance was asked to stop and has closed everything.',
  },
  'network-ready': {
    level: 'info',
    meaning: 'The appliance listens on this network, in the mode the settings ask for.',
  },
  'network-unusable': {
    level: 'error',
    meaning: 'A network of the settings cannot be served; the others are.',
    nextStep:
      'Read the reason. An interface, a link or an address that is missing is waited for; a port that another program has is not.',
  },
  'packet-malformed': {
    level: 'warning',
    meaning: 'A datagram or request did not have the form its protocol asks for. It was dropped.',
    nextStep: 'One or two are noise. Many from one address point to a broken device or to somebody probing.',
  },
  'packet-ignored': {
    level: 'debug',
    meaning: 'A well-formed packet that is not for this box, with the reason why it is left alone.',
  },
  'would-answer': {
    level: 'info',
    meaning: 'On a network in mode `observe`: what the appliance would have answered. Nothing was sent.',
    nextStep: 'When the answers are the ones you want, set `mode: full` for this network.',
  },
  'firmware-asked': {
    level: 'info',
    meaning: 'Firmware or a boot program asked for an address and for what to boot.',
  },
  'address-offered': {
    level: 'info',
    meaning: 'An address was offered and is held for this client for a minute.',
  },
  'address-leased': { level: 'info', meaning: 'A lease was written to disk and acknowledged.' },
  'address-taken': {
    level: 'info',
    meaning:
      'On a network in mode `proxy`: a machine took its address from the server that gives them there.',
  },
  'foreign-server-seen': {
    level: 'warning',
    meaning: 'Another DHCP server gives addresses on this network.',
    nextStep:
      'Use `mode: proxy` to leave the addresses to it, or stop it. `authoritative: true` serves addresses beside it, for those who know why.',
  },
  'foreign-servers-unknown': {
    level: 'warning',
    meaning: 'Other DHCP servers could not be looked for on this network.',
    nextStep:
      'Read the reason. Most often a DHCP client of this box keeps port 68 to itself; look by hand that no other server answers.',
  },
  'address-refused': {
    level: 'warning',
    meaning: 'A client asked for an address that it cannot have here, and was told so (DHCPNAK).',
    nextStep: 'Normal when a machine comes from another network; it asks again at once.',
  },
  'other-server-chosen': {
    level: 'warning',
    meaning: 'A client took the offer of another DHCP server on the same network.',
    nextStep: 'Only one server may give addresses on a network: stop the other one, or take this one away.',
  },
  'address-released': { level: 'info', meaning: 'A client gave its address back.' },
  'address-declined': {
    level: 'warning',
    meaning:
      'A client found that its address is already in use on the network. The address rests for a while.',
    nextStep: 'Look for a machine with that address set by hand, or take it out of the pool.',
  },
  'address-in-use': {
    level: 'warning',
    meaning:
      'An address was probed before it was offered, and somebody answered to whom it was not given. It rests for a while, and the client is given another.',
    nextStep:
      'Look for the machine with this MAC address: its address was set by hand, or comes from another server. Change that, reserve the address for it, or take it out of the pool. One MAC address at many addresses is a router that answers for others (proxy ARP): switch that off there, or set `probe: false` for this network.',
  },
  'addresses-not-probed': {
    level: 'warning',
    meaning: 'Addresses of this network are offered without a look whether somebody uses them already.',
    nextStep: 'Read the reason and mend it, or set `probe: false` for this network to have it so.',
  },
  'pool-exhausted': {
    level: 'error',
    meaning: 'No address was left for a client.',
    nextStep: 'Enlarge the pool of this network, or shorten its leases.',
  },
  'firmware-without-program': {
    level: 'warning',
    meaning:
      'Firmware asked what to boot, and the box has no program for it. It was given an address alone, or nothing in mode `proxy`.',
    nextStep:
      'Install the boot programs (on Debian and Ubuntu the package `ipxe`), or put the missing file into a folder of `boot-programs`. For an architecture that the box does not know, name a file for its number under `boot-files` in the settings, or one for all such firmware with `other`.',
  },
  'boot-offered': { level: 'info', meaning: 'A client was told what to load next, and why that.' },
  'proxy-strategy-changed': {
    level: 'info',
    meaning:
      'On a network in mode `proxy`: what this machine was offered led to nothing, so that it is offered in another form from now on: `with-43`, `without-43`, `boot-server`, and again from the first.',
    nextStep:
      'Nothing, while the forms change. When a machine takes none of them, `ironwake machines show` says so; `proxy-offer` in the settings fixes one.',
  },
  'proxy-strategy-worked': {
    level: 'info',
    meaning:
      'On a network in mode `proxy`: the machine loaded what it was offered in this form, which is kept for it.',
  },
  'program-sent': { level: 'info', meaning: 'A boot program went out by TFTP, whole.' },
  'program-not-sent': {
    level: 'warning',
    meaning: 'A TFTP request was refused, or its transfer broke off.',
    nextStep:
      'UEFI firmware breaks off its first transfer on purpose, to learn the size, and GRUB, shim and Raspberry Pi ask for files they do without: that is marked as expected.',
  },
  'script-served': { level: 'info', meaning: 'A boot script was made for a machine and sent.' },
  'file-served': { level: 'info', meaning: 'A kernel, an initrd or an image went out by HTTP.' },
  'file-queued': {
    level: 'info',
    meaning:
      'A machine asked for a kernel, an initrd or an image, and waits for its turn (`http.streams`). It is told again each minute.',
    nextStep: 'Nothing: it is sent a little meanwhile, and keeps its place.',
  },
  'file-going-out': {
    level: 'debug',
    meaning:
      'The turn of a machine that waited has come; or a kernel, an initrd or an image has been on its way for some minutes.',
  },
  'seed-served': { level: 'info', meaning: 'cloud-init fetched a part of its seed.' },
  'request-refused': {
    level: 'warning',
    meaning: 'An HTTP request was refused, with the reason.',
    nextStep: 'Compare the path with the boot script the machine was given.',
  },
  'machine-discovered': {
    level: 'info',
    meaning: 'A machine was seen that has no record yet. It has one now, and waits for approval.',
    nextStep:
      'Compare the claim code on its screen with `ironwake machines list`, and approve it: `ironwake machines approve CODE`; or by a rule in the settings (`approve`).',
  },
  'machine-approved': {
    level: 'info',
    meaning:
      'A person approved a machine (`ironwake machines approve`), for the cards that its record had then. Nothing of what it was approved with stands in the settings.',
    nextStep: 'Start it from the network. `ironwake machines unapprove` takes the approval back.',
  },
  'machine-unapproved': {
    level: 'info',
    meaning:
      'A person took the approval of a machine back (`ironwake machines unapprove`). A boot that is under way goes on; a rule of the settings still counts.',
  },
  'sightings-swept': {
    level: 'warning',
    meaning:
      'More machines were seen that nobody has approved than records are kept of (`sightings.keep`). The oldest were forgotten, first those that never came to their script. A machine that was approved, named or started by a person is not among them.',
    nextStep:
      'A machine that is seen again is recorded anew, with another claim code. When the rack is that large, raise `sightings.keep`; else look for a device that goes on changing its MAC address, or for somebody who makes machines up.',
  },
  'machine-clash': {
    level: 'warning',
    meaning: 'What was seen of a machine points to two records at once. They were not merged.',
    nextStep: 'Look whether two boards carry the same UUID or serial, or whether a network card moved.',
  },
  'machine-state-changed': {
    level: 'info',
    meaning:
      'A machine went from one state of its life to another; where it failed, with the cause in one word. docs/machine-life.md explains states and causes.',
  },
  'machine-goes-round': {
    level: 'warning',
    meaning:
      'A machine began to boot from the network again and again, and neither fetched a kernel nor was a system of its own heard of. It is told so on its screen, and goes to its own disk each time.',
    nextStep:
      'Look at its screen, its disk and its boot order, and at `ironwake machines show`. `ironwake machines retry` lets it try its image again at once.',
  },
  'reinstall-asked': {
    level: 'info',
    meaning:
      'A person wants the disk of a machine written once more (`ironwake machines reinstall`), at its next boot from the network. It is the disk that this box wrote before, and what it holds may go.',
    nextStep: 'Start the machine from the network.',
  },
  'boot-next-asked': {
    level: 'info',
    meaning:
      'A person wants a machine to boot its own disk, or its image, at its next boot and at no other (`ironwake machines boot-next`).',
  },
  'boot-next-dropped': {
    level: 'info',
    meaning: 'What was wanted of the next boot of a machine was taken back.',
  },
  'boot-next-used': {
    level: 'info',
    meaning:
      'A machine was told what a person wanted of its next boot. The boot after is as the settings say.',
  },
  'attempt-started': { level: 'info', meaning: 'A machine began to boot.' },
  'attempt-ended': { level: 'info', meaning: 'A boot came to its end, good or bad.' },
  'cloud-init-started': { level: 'debug', meaning: 'cloud-init reported that it began a stage or a module.' },
  'cloud-init-finished': { level: 'info', meaning: 'cloud-init reported that a stage or a module is done.' },
  'power-turned': {
    level: 'info',
    meaning:
      'A machine was switched on or off, or off and on again, because a person or a reinstall wanted it.',
  },
  'power-failed': {
    level: 'warning',
    meaning: 'The power of a machine did not do what was wanted of it.',
    nextStep: 'The reason says what its BMC answered; docs/power.md explains each kind.',
  },
  'installer-began': {
    level: 'debug',
    meaning: "Ubuntu's installer reported that it began a step (method `autoinstall`).",
  },
  'installer-finished': {
    level: 'info',
    meaning:
      "Ubuntu's installer reported that a step is done. One that failed is most often the cause of the `install-failed` after it.",
  },
  'installer-said': { level: 'debug', meaning: "Ubuntu's installer reported something beside its steps." },
  'inventory-taken': {
    level: 'info',
    meaning: 'The system in memory told what the machine is made of, before anything is written.',
  },
  'disk-chosen': {
    level: 'info',
    meaning: 'Of the disks found, this is the one that the settings mean, and it may be written.',
  },
  'disk-progress': {
    level: 'info',
    meaning: 'How much of the image is on the disk. Told every few seconds.',
  },
  'disk-note': {
    level: 'info',
    meaning:
      'A step after the image: its root file system was found, the boot order of UEFI was set or left.',
  },
  'disk-written': {
    level: 'info',
    meaning:
      'The whole image is on the disk, its digest was right, and its seed is in place. The machine counts as installed when the system there reports that it is up.',
  },
  'install-failed': {
    level: 'warning',
    meaning:
      'An install on a disk came to nothing. The cause is one of a fixed list, the reason says what was found. The machine tries again at its next boot from the network, three times in all.',
    nextStep: 'Look the cause up in docs/disk-install.md.',
  },
  'phoned-home': { level: 'info', meaning: 'cloud-init reported that the system is up (phone_home).' },
  'report-refused': {
    level: 'warning',
    meaning:
      'A progress report did not fit a boot that is under way, or could not be read. It changed nothing.',
  },
  'store-failed': {
    level: 'error',
    meaning: 'The store could not write. What could not be written was not acknowledged either.',
    nextStep: 'Look at the free space and the health of the disk that holds the data folder.',
  },
  'images-queued': {
    level: 'info',
    meaning:
      'More machines ask for kernels and images at once than the settings let go out at a time (`http.streams`). They wait; firmware, scripts and seeds do not.',
    nextStep: 'Nothing: it passes. A faster link may carry more streams.',
  },
  'link-full': {
    level: 'info',
    meaning:
      'Kernels and images take all of the link that the settings give them (`link` of the network), and several downloads share it. DHCP, TFTP, scripts and seeds have the rest.',
    nextStep: 'Nothing: it passes. docs/capacity.md says how long a rack takes.',
  },
  'delivery-failed': {
    level: 'error',
    meaning:
      'The process that delivers kernels and images ended, or could not start. It is started again by itself.',
    nextStep: 'Read the reason. When it comes back, look at the memory of the box and at the image folders.',
  },
  'delivery-ready': {
    level: 'info',
    meaning:
      'The process that delivers kernels and images was started again. Machines ask again by themselves, and those that can go on where they were.',
  },
  'image-sync-planned': {
    level: 'info',
    meaning: 'The upstreams were asked, and what they have is signed; this is what is missing here.',
  },
  'image-sync-progress': { level: 'debug', meaning: 'How far the downloads of a sync have come.' },
  'image-synced': {
    level: 'info',
    meaning: 'A version of an image was fetched whole, checked against its signature, and may be used.',
  },
  'image-refused': {
    level: 'warning',
    meaning:
      'An image of the settings was not fetched, or not believed. Nothing of it is used; what was here before stays.',
    nextStep:
      'Read the reason. A mirror may be behind or incomplete, a proxy in the way, or the clock of this box wrong.',
  },
  'image-sync-ended': {
    level: 'info',
    meaning: 'A sync has done what it could: so many images came, were here already, or were refused.',
  },
  'image-unknown': {
    level: 'warning',
    meaning: 'The settings name an image that is neither among their own nor in the store.',
    nextStep:
      'Compare with `ironwake images list`. Machines that are to run it wait until it is there; nothing needs to be started again.',
  },
  'cluster-created': {
    level: 'info',
    meaning: 'A cluster was created: its authorities and keys are made and lie encrypted in the store.',
  },
  'cluster-added': {
    level: 'info',
    meaning: 'Somebody else’s cluster was added by its kubeconfig.',
    nextStep: 'Where it was added unseen, look that its API can be reached from the box.',
  },
  'cluster-removed': {
    level: 'warning',
    meaning:
      'A cluster was removed, and with it every key that the box had of it. Its nodes go on as they are.',
  },
  'cluster-kubeconfig-given': {
    level: 'warning',
    meaning:
      'A kubeconfig was given out. Whoever has it administers the cluster until its certificate ends; Kubernetes cannot take a certificate back.',
    nextStep: 'When nobody should have asked for it, make the cluster anew with other authorities.',
  },
  'cluster-locked': {
    level: 'error',
    meaning:
      'The secrets of a cluster cannot be decrypted, so that no machine can join it and no kubeconfig can be made.',
    nextStep:
      'Put back the key that sealed them: the file `store.key` of the data folder, or the variable `IRONWAKE_STORE_KEY`. Without it they are lost.',
  },
  'cluster-sealed-anew': {
    level: 'info',
    meaning:
      'The secrets of a cluster were encrypted anew by the first key of the key ring; the one before is no longer needed for them.',
  },
  'join-waits': {
    level: 'info',
    meaning:
      'A machine whose system asks to become a node was told to wait, with the reason; told once for each reason.',
  },
  'join-refused': {
    level: 'warning',
    meaning:
      'A machine whose system asks to become a node does not fit, or its cluster cannot take it, with the cause in one word; told once for each reason. It asks again by itself. With the cause `identity-too-weak` it may be a machine that asked for its script, and was told to wait in place of getting its image.',
    nextStep: 'Look its cause up in docs/machine-life.md, which says what to do.',
  },
  'join-ordered': {
    level: 'info',
    meaning:
      'A machine was given what it needs to make or to join its cluster: `init`, `join-worker` or `join-control-plane`.',
  },
  'join-done': {
    level: 'info',
    meaning: 'A machine says that kubeadm came to its good end. It is active when its Node is Ready.',
  },
  'join-failed': {
    level: 'warning',
    meaning:
      'A machine says that kubeadm did not come to its good end, with its last lines. What it left is cleared away, and the machine asks again.',
    nextStep:
      'Read the reason; `journalctl -u ironwake-node` and `journalctl -u kubelet` of the machine have more.',
  },
  'node-note': {
    level: 'info',
    meaning: 'Something that the program on a node tells.',
  },
  'bootstrap-token-made': {
    level: 'info',
    meaning:
      'A token was made in a cluster, for one node and for minutes, since its machine asked to join. Only its public half is told.',
  },
  'bootstrap-token-deleted': {
    level: 'info',
    meaning: 'A token of a machine that asked to join was deleted in its cluster, or is to be.',
  },
  'bootstrap-token-left': {
    level: 'warning',
    meaning:
      'A token that is over could not be deleted in its cluster. It is tried again until the token has expired by itself.',
    nextStep:
      'Look whether the API of the cluster answers, and what the box may do there (docs/clusters.md).',
  },
  'cluster-init-begun': {
    level: 'info',
    meaning: 'A machine makes the first control plane of a cluster; others wait for it.',
  },
  'cluster-init-given-up': {
    level: 'warning',
    meaning:
      'The machine that was to make the first control plane of a cluster did not come to its end with it. The next control plane that asks makes it.',
    nextStep: 'Read the reason, and the timeline of that machine.',
  },
  'cluster-initialised': {
    level: 'info',
    meaning: 'A cluster has its first control plane. `ironwake clusters kubeconfig` leads to it.',
  },
  'cluster-address-taken': {
    level: 'error',
    meaning:
      'The settings of the networks have come to give away the address by which a cluster of this box is reached, or the box has it itself.',
    nextStep:
      'Change the pool, reservation or network in the settings so that nobody else has it, and start again; `ironwake check` looks at it too.',
  },
  'cluster-silent': {
    level: 'warning',
    meaning:
      'The API of a cluster does not answer any more, so that its nodes are not followed and no machine can join it. It is asked on and on.',
    nextStep: 'Look at its control planes and the network between.',
  },
  'cluster-heard': {
    level: 'info',
    meaning: 'The API of a cluster answers, and its nodes are followed.',
  },
  'pod-network-applied': {
    level: 'info',
    meaning:
      'The network for pods was brought into a cluster: flannel, unless it was created with --pod-network none.',
  },
  'pod-network-failed': {
    level: 'warning',
    meaning:
      'The network for pods could not be brought into a cluster; nodes stay NotReady without one. It is tried again.',
    nextStep: 'Read the reason.',
  },
  'node-ready': {
    level: 'info',
    meaning: 'The API of a cluster says that the Node of a machine is Ready.',
  },
  'node-not-ready': {
    level: 'warning',
    meaning:
      'The Node of an active machine is not Ready any more. The machine stays active: it is the business of the cluster, unless the Node is deleted.',
    nextStep: 'Ask the cluster: `kubectl describe node NAME` has the reason.',
  },
  'node-deleted': {
    level: 'warning',
    meaning:
      'The Node of a machine was deleted in its cluster, by the box for the reason told, or by somebody else.',
  },
  'etcd-member-removed': {
    level: 'warning',
    meaning:
      'The box has taken a member out of the etcd of a cluster of its own: that of a control plane whose system is gone without having left. It did not answer, and more than half of the others did.',
  },
  'etcd-member-stays': {
    level: 'warning',
    meaning:
      'A control plane was released whose system did not answer, and its member of etcd could not be taken out, for the reason told. It counts as one that does not answer, and no control plane can join while it is there. One of its name that joins has it tried again.',
    nextStep:
      'Do what the reason says. By hand, on another control plane: `etcdctl member list`, then `etcdctl member remove ID`.',
  },
  'etcd-not-asked': {
    level: 'warning',
    meaning:
      'Whether an earlier system of a control plane is a member of etcd could not be seen: before it joined, which it does all the same, or when it was released and its system did not answer.',
    nextStep:
      'The box asks the control planes at port 2379, by the addresses of their Nodes: see that it gets there. Until then `etcdctl member list` on a control plane tells, and `etcdctl member remove ID` takes one out.',
  },
  'node-marked': {
    level: 'info',
    meaning:
      'Labels, taints or the zone of a Node were set through the API of its cluster, as the approval or the settings say.',
  },
  'release-begun': {
    level: 'info',
    meaning:
      'A person lets a machine go from its cluster: its Node takes no new pods, and those it has are moved away.',
  },
  'pods-moved': {
    level: 'info',
    meaning:
      'How far the pods of a node are that is released; `because` names what stands in the way, where something does.',
  },
  'release-stopped': {
    level: 'warning',
    meaning:
      'A release was given up since the pods of the node cannot be moved away. The node takes new ones again, and stays in its cluster.',
    nextStep:
      'Read the reason: mostly a PodDisruptionBudget that allows no disruption. `ironwake machines release MACHINE --force` does not wait for pods.',
  },
  'release-waits': {
    level: 'warning',
    meaning:
      'A release waits since the API of the cluster does not do what it needs. It is tried on and on, for an hour.',
    nextStep: 'Read the reason. `ironwake machines release MACHINE --force` does not wait.',
  },
  'node-left': {
    level: 'info',
    meaning:
      'The system of a machine that is released has cleared away what it had of its cluster, or is not waited for.',
  },
  'machine-released': {
    level: 'info',
    meaning: 'A machine was let go: nothing of the cluster is left to it, and its credential is revoked.',
  },
  'authority-ready': {
    level: 'info',
    meaning:
      'The certificate authority of this box, made at its first start, with the fingerprint by which others know it.',
  },
  'api-certificate-made': {
    level: 'info',
    meaning: 'A certificate for the listener of the API was made and is used from now on, with the reason.',
  },
  'api-ready': {
    level: 'info',
    meaning:
      'The API can be reached over the network here (`api` in the settings), by those who have a token.',
  },
  'api-unusable': {
    level: 'error',
    meaning:
      'The API cannot be reached over the network, or not everywhere the settings say. The socket file and all else go on.',
    nextStep:
      'Read the reason. An address that the box does not have yet is tried again each minute; a damaged file of the folder `access` is not.',
  },
  'api-refused': {
    level: 'warning',
    meaning: 'Somebody asked the API without a token that lets in.',
    nextStep:
      'Where it is a program of yours, look at its token: `ironwake tokens list`. Many from one address are somebody who tries.',
  },
  'api-token-made': { level: 'info', meaning: 'A token for the API was made.' },
  'api-token-revoked': {
    level: 'info',
    meaning: 'A token for the API was revoked, and lets nobody in any longer.',
  },
  'machine-enrolled': {
    level: 'info',
    meaning:
      'A system that this box started on a machine has shown its key, and has a credential for this machine alone; or it has renewed it.',
  },
  'enrolment-refused': {
    level: 'warning',
    meaning: 'Somebody asked for the credential of a machine and was given none, with the reason.',
    nextStep:
      'Once, after a machine was started anew in the middle of an install, it is nothing. Otherwise somebody on that network tries to pass for a machine: find the address.',
  },
  'credential-refused': {
    level: 'warning',
    meaning: 'Somebody asked as a machine does, without a credential that lets in.',
    nextStep:
      'A node whose credential has ended renews it by itself. Many from one address are somebody who tries.',
  },
  'machine-claimed-twice': {
    level: 'error',
    meaning:
      'Two systems claim to be one machine. Neither is believed: the machine is quarantined, and its credentials are revoked.',
    nextStep:
      'Find out who sits at the address in the event: a disk that was cloned or moved, or somebody who passes for the machine. Then `ironwake machines retry`, and have it installed anew. docs/enrolment.md says more.',
  },
  'job-ran': { level: 'debug', meaning: 'A job of the schedule ran.' },
  'job-failed': {
    level: 'warning',
    meaning: 'A job of the schedule did not do what it is for. It runs again when its time comes round.',
    nextStep: 'Read the reason. `ironwake images list` shows when jobs ran last, and when they run next.',
  },
}
