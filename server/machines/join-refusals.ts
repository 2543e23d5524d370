/** Why a machine is not let into its cluster as it is, each explained for whoever reads it for the first time. */
export const joinRefusals = {
  'facts-unclear': {
    meaning: 'what its system tells of itself cannot be read, or lacks something',
    nextStep: 'The reason names the line. Report it with the output of `ironwake machines show`.',
  },
  'not-prepared': {
    meaning: 'its system could not be made fit to become a node',
    nextStep:
      'The reason has the last words of `prepare-node`: mostly a mirror or a name server that does not answer, or a version that the repository does not have. The machine tries again by itself.',
  },
  'clock-off': {
    meaning: 'its clock is more than a minute from that of the box',
    nextStep:
      'Set the clock of whichever is wrong; give machines a time server (chrony or systemd-timesyncd in the image), and look at the battery of the board.',
  },
  'old-cgroups': {
    meaning: 'its system has the old cgroups, with which the kubelet of this version does not start',
    nextStep: 'Take a newer image: Ubuntu 22.04 and Debian 11 have the new ones.',
  },
  'swap-on': {
    meaning: 'its system has swap on, with which the kubelet does not start',
    nextStep:
      'Look what switches it on after `prepare-node` has switched it off: /etc/fstab, a unit of systemd.',
  },
  'modules-missing': {
    meaning: 'its kernel lacks a module that the network of pods needs',
    nextStep: 'Take an image that has all modules of its kernel (linux-modules).',
  },
  'containerd-unfit': {
    meaning: 'its containerd does not answer, or is older than this version of Kubernetes wants',
    nextStep:
      'docs/clusters.md has the versions. Enable the updates of its release, or look at `journalctl -u containerd`.',
  },
  'kubeadm-unfit': {
    meaning: 'its kubeadm is not of the version of its cluster',
    nextStep: 'Look at `kubernetes.packages` of the settings, and at the log of cloud-init on the machine.',
  },
  'too-small': {
    meaning: 'it has less memory, or less room on its disk, than its role needs',
    nextStep: 'Give it more, or another role. kubeadm wants 1.7 GB of memory for a control plane.',
  },
  'no-address': {
    meaning: 'it has no IPv4 address by which other nodes can reach it',
    nextStep: 'Look at its network: the address must be of the interface that leads to the box.',
  },
  'name-taken': {
    meaning: 'another Node of the cluster has its name',
    nextStep:
      'Give the machine another name, or delete that Node if nobody needs it (`kubectl delete node NAME`). The machine asks again by itself.',
  },
  'already-a-node': {
    meaning: 'a kubelet of another cluster, or of an earlier time, runs on it',
    nextStep: 'Let it go first: `ironwake machines release MACHINE`; or `kubeadm reset` on the machine.',
  },
  'identity-too-weak': {
    meaning:
      'what ties it to its record is less than its network or its cluster asks for (docs/enrolment.md)',
    nextStep:
      'Compare the code on its screen and approve it by that: `ironwake machines approve CODE`, then start it from the network. A system that has enrolled before has to be installed anew for that (`ironwake machines reinstall MACHINE`).',
  },
  'cluster-unfit': {
    meaning:
      'its cluster cannot take it: it is not known here, is locked, or its settings do not fit together',
    nextStep: 'The reason says which. Compare with `ironwake clusters show CLUSTER`.',
  },
} as const

export type JoinRefusal = keyof typeof joinRefusals
