/** Why an install on a disk came to nothing, each explained for whoever reads it for the first time. */
export const installFailures = {
  'tool-missing': {
    meaning: 'the system in memory lacks a program that writing a disk needs',
    nextStep: 'Take an ephemeral image that has it; docs/disk-install.md lists the programs.',
  },
  'inventory-refused': {
    meaning: 'what the machine told of itself cannot be read',
    nextStep: 'The reason names the line. Report it with the output of `ironwake machines show`.',
  },
  'not-allowed': {
    meaning: 'the machine may not be written any more',
    nextStep: 'Look at `approve` and `method` of the machine in the settings.',
  },
  'no-image': {
    meaning: 'the image that is to be written is not on this box',
    nextStep: 'Compare with `ironwake images list`, and import or sync a disk image.',
  },
  'disk-unclear': {
    meaning: 'no disk fits, or more than one',
    nextStep: 'Name the disk by its serial, as found: `disk: serial=…`.',
  },
  'disk-refused': {
    meaning: 'the disk holds data or is in use, and is left alone',
    nextStep: 'If the data may go, say `wipe: true` for this machine; else name another disk.',
  },
  'disk-changed': {
    meaning: 'the disk is no longer the one that was chosen, or not as it was',
    nextStep: 'Look at its cables and its controller, and at who else uses it.',
  },
  'not-enrolled': {
    meaning: 'the machine is for a cluster, and the system in memory could not enrol with this box',
    nextStep:
      'Look at the reason, and whether the machine reaches the port of the API (`api` in the settings); docs/enrolment.md explains the rest.',
  },
  'image-not-fetched': {
    meaning: 'the image could not be fetched from this box',
    nextStep: 'Look at the network between, and at `ironwake images verify`.',
  },
  'image-damaged': {
    meaning: 'what came is not the image, by its SHA-256 or by its unpacking',
    nextStep: 'Run `ironwake images verify`; then suspect the memory of the machine.',
  },
  'image-unfit': {
    meaning: 'the image is made for disks with sectors of another size',
    nextStep:
      'Take an image for sectors of that size, another disk, or have this one use sectors of 512 bytes (`nvme format --lbaf`, `sg_format --size=512`; both erase it).',
  },
  'write-failed': {
    meaning: 'the disk could not be written',
    nextStep: 'The disk is broken or full of errors; read its health (smartctl) and replace it.',
  },
  'no-root': {
    meaning: 'the image has no root file system that the seed could be put into',
    nextStep: 'Take a cloud image: its root has the label cloudimg-rootfs, or a folder /etc/cloud.',
  },
  'seed-failed': {
    meaning: 'the seed could not be put onto the disk',
    nextStep: 'Look at the reason; the image may be damaged, or its root file system full.',
  },
  'installer-failed': {
    meaning: "the distribution's installer came to no good end",
    nextStep:
      'Its steps are in the timeline; log in to it with an SSH key, or look at its console, before it starts over.',
  },
  'stopped-early': {
    meaning: 'the system in memory came to its end, and the disk is not written',
    nextStep: 'Look at the console of the machine: the program that writes disks did not run to its end.',
  },
} as const

export type InstallFailure = keyof typeof installFailures

export function isInstallFailure(text: string): text is InstallFailure {
  return Object.hasOwn(installFailures, text)
}
