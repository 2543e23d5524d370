type CauseEntry = { readonly meaning: string; readonly nextStep: string }

/** Every cause for which a boot, or a way into a cluster, counts as failed, explained: what was the first thing that did not happen. */
export const failureCauses = {
  'kernel-not-fetched': {
    meaning: 'It was told to run its image, and never asked for the kernel.',
    nextStep:
      'Look at its screen: a firewall between it and the port of the images (`http.delivery-port`), or a script that stops. `ironwake machines show` has the verdict of the boot doctor.',
  },
  'system-not-started': {
    meaning: 'It fetched a kernel, and no system asked for an address after that.',
    nextStep:
      'Look at its console for a panic: too little memory, a kernel for another processor, or a network card without a driver in the initrd.',
  },
  'cloud-init-not-started': {
    meaning: 'Its system asked for an address or for its image, and cloud-init never asked for its seed.',
    nextStep:
      'Look whether the image has cloud-init with the data source NoCloud, and whether the image came whole (`ironwake images verify`).',
  },
  'cloud-init-not-finished': {
    meaning: 'cloud-init began, and did not report the end of its last stage.',
    nextStep:
      'The timeline of `ironwake machines show MACHINE --all` names the module it was in: one that waits for a mirror or a name server, or a machine that was switched off.',
  },
  'cloud-init-failed': {
    meaning: 'cloud-init reported that its last stage had failed.',
    nextStep:
      'The timeline of `ironwake machines show MACHINE --all` names the module; /var/log/cloud-init.log of the machine has the reason.',
  },
  'disk-not-written': {
    meaning: 'Its disk was to be written, and that came to nothing.',
    nextStep:
      'The event `install-failed` in its timeline has the cause, and docs/disk-install.md says what to do.',
  },
  'disk-silent': {
    meaning: 'Its disk was written, and the system there did not report that it is up.',
    nextStep:
      'Look at its console. `ironwake machines retry` has the disk written once more at its next boot from the network.',
  },
  'not-fit': {
    meaning: 'Its system is up, and does not fit the cluster it is to join.',
    nextStep:
      'The event `join-refused` in its timeline has the cause, and the table below says what to do. Its system asks again by itself.',
  },
  'init-failed': {
    meaning: 'It was to be the first control plane of its cluster, and `kubeadm init` came to no good end.',
    nextStep:
      'The event `join-failed` in its timeline has the last lines of kubeadm. It tries again by itself, or another control plane does.',
  },
  'join-failed': {
    meaning: 'It was given what it needs to join its cluster, and `kubeadm join` came to no good end.',
    nextStep:
      'The event `join-failed` in its timeline has the last lines of kubeadm. It tries again by itself, with another token.',
  },
  'join-silent': {
    meaning: 'It asked to join its cluster, and was not heard of after that.',
    nextStep:
      'Look at its console, and at `journalctl -u ironwake-node` there: a machine that was switched off, or a box that it does not reach.',
  },
  'node-not-ready': {
    meaning: 'It has joined its cluster, and its Node did not become Ready.',
    nextStep:
      'Ask the cluster: `kubectl describe node NAME` has the reason, mostly a network for pods that is missing. It becomes active whenever its Node does become Ready.',
  },
  'release-not-ended': {
    meaning: 'It was to be let go, and that did not come to its end.',
    nextStep:
      'The events of its timeline have what was in the way: a cluster that does not answer. `ironwake machines release MACHINE` goes on; with --force nothing is waited for.',
  },
} as const satisfies { readonly [cause: string]: CauseEntry }

export type FailureCause = keyof typeof failureCauses
