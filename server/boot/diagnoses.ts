/** How a machine stands: it is well, on its way, waits for a person, or something is wrong. */
export type Outlook = 'well' | 'under-way' | 'waits' | 'fault'

export type DiagnosisEntry = {
  readonly outlook: Outlook
  /** What it means, for somebody who sees it for the first time. */
  readonly meaning: string
  /** What is most often behind it, the likeliest first; absent where the reason given with the verdict is the cause. */
  readonly causes?: readonly string[]
  /** What to do about it; absent where nothing is to be done. */
  readonly nextStep?: string
}

/** Every verdict of the boot doctor, explained, in the order of a boot. `docs/boot-doctor.md` is made from this table. */
export const diagnoses = {
  'all-is-well': {
    outlook: 'well',
    meaning: 'The machine runs its image, and every stage of cloud-init has succeeded.',
  },
  'own-disk': {
    outlook: 'well',
    meaning:
      'The machine was sent to its own disk, as the settings ask for: it is installed there (`method: disk` or `autoinstall`), or left alone (`method: local`), or an approval for one run is done.',
  },
  'disk-written': {
    outlook: 'under-way',
    meaning:
      'The image is on the disk of the machine, and its system there has not reported yet that it is up.',
  },
  'install-failed': {
    outlook: 'fault',
    meaning:
      'The machine ran the system that writes its disk, and that came to nothing. Nothing of it counts as installed.',
    nextStep:
      'Look the cause up in docs/disk-install.md. The machine tries again at its next boot from the network.',
  },
  'disk-silent': {
    outlook: 'fault',
    meaning:
      'The image was written to the disk of the machine, and its system there failed, or was not heard of. The machine is sent to its disk and not written again.',
    causes: [
      'the disk is not in the boot order behind the network, or the machine starts from another disk first',
      'the image does not start on this machine: no boot loader for its firmware, no driver for its disk',
      'the image has no cloud-init, or its network card is another than the one that was booted from',
    ],
    nextStep:
      'Look at its console. `ironwake machines retry` lets the disk be written once more at its next boot from the network.',
  },
  'under-way': {
    outlook: 'under-way',
    meaning: 'The boot goes on. What came last, and what must come next, stands beside it.',
  },
  'in-queue': {
    outlook: 'under-way',
    meaning:
      'The machine waits for its turn to be sent a file: as many others as the settings let (`http.streams`) are being sent theirs. It gets a little meanwhile, and keeps its place.',
  },
  'never-booted': {
    outlook: 'waits',
    meaning: 'The machine has a record, and no boot of it is on record.',
    nextStep: 'Start it from the network. If it is on already, look at its boot order and its cable.',
  },
  'not-approved': {
    outlook: 'waits',
    meaning: 'The machine reached the appliance and was told to wait: nobody has approved it.',
    nextStep:
      'Approve it (`ironwake machines approve`), or by a rule in the settings (`approve`), and start it from the network again.',
  },
  'identity-too-weak': {
    outlook: 'waits',
    meaning:
      'The machine is approved, and is to join a cluster; what ties it to its record is less than its network or its cluster asks for.',
    nextStep:
      'Compare the code on its screen, approve it by that (`ironwake machines approve CODE`), and start it from the network again.',
  },
  'no-image': {
    outlook: 'waits',
    meaning: 'The machine is approved, and the settings name no image that it could run.',
    nextStep: 'Name an image for it in the settings, and start it from the network again.',
  },
  quarantined: {
    outlook: 'waits',
    meaning: 'The machine failed too often in a row. It is sent to its own disk until a person has looked.',
    nextStep:
      'Mend what made the boots fail, then let it try again with `ironwake machines retry`, and start it.',
  },
  'may-start-again': {
    outlook: 'waits',
    meaning: 'The machine was told to wait, and what it waited for has come since.',
    nextStep: 'Start it from the network again: a machine asks for its script once, and then leaves.',
  },
  'only-observed': {
    outlook: 'waits',
    meaning:
      'The machine asked on a network that is only observed (`mode: observe`), where nobody is answered.',
    nextStep: 'When the answers it would get are the ones you want, set `mode: full` for this network.',
  },
  'pool-exhausted': {
    outlook: 'fault',
    meaning: 'The machine asked for an address, and none was left.',
    nextStep: 'Enlarge the pool of this network or shorten its leases; a reservation is always kept free.',
  },
  'no-boot-program': {
    outlook: 'fault',
    meaning: 'The machine got an address and nothing to load: the box has no boot program for its firmware.',
    nextStep:
      'Install the boot programs (on Debian and Ubuntu the package `ipxe`), or put one into a folder of `boot-programs`. For an architecture that the box does not know, name a file under `boot-files` in the settings.',
  },
  'offer-unanswered': {
    outlook: 'fault',
    meaning: 'An address was offered, and the machine did not take it.',
    causes: [
      'another DHCP server answers on this network, and its offer was taken without a word',
      'the offer does not arrive: a switch that blocks answers from this port (DHCP snooping), or a wrong VLAN',
      'the port of the switch still blocks after the link came up: switch on PortFast or its like',
      'the firmware wants something in the offer that is not there',
    ],
    nextStep:
      'Save what was said with `ironwake machines capture`, and look for another DHCP server on this network.',
  },
  'other-server-chosen': {
    outlook: 'fault',
    meaning: 'The machine took the offer of another DHCP server, and boots as that one tells it to.',
    nextStep:
      'Only one server may give addresses on a network: stop the other, or do without `mode: full` here.',
  },
  'foreign-server': {
    outlook: 'fault',
    meaning:
      'Another DHCP server answers on this network, and the machine did not go on with what it was offered here.',
    causes: [
      'the machine took the offer of the other server, and boots as that one tells it to',
      'the other server names a boot file of its own',
    ],
    nextStep:
      'Only one server may give addresses on a network: stop the other, or leave the addresses to it (`mode: proxy`).',
  },
  'no-address-taken': {
    outlook: 'fault',
    meaning:
      'On a network in mode `proxy`: the machine was told what to boot, and took an address from nobody.',
    causes: [
      'no DHCP server gives addresses on this network, or its answers do not arrive',
      'the firmware takes no offer at all, since none has a boot file in a form that it knows',
    ],
    nextStep:
      'Look whether a DHCP server answers here (`ironwake check` names it). If one does, start the machine again: it is then offered another form.',
  },
  'proxy-offer-passed-over': {
    outlook: 'fault',
    meaning:
      'On a network in mode `proxy`: the machine took its address from the other server, and did not ask for what it was told to boot.',
    causes: [
      'the firmware wants to be told in another form: each boot that fails so brings the next one',
      'UDP port 69 or 4011 is blocked on the way, or by a firewall on this box',
      'the firmware passes over all that comes without an address, as some of HP does',
    ],
    nextStep:
      'Start it again from the network: it is offered another form then, unless `proxy-offer` in the settings fixes one.',
  },
  'no-proxy-offer-taken': {
    outlook: 'fault',
    meaning:
      'On a network in mode `proxy`: every form of what machines are told there was tried, and this firmware took none.',
    causes: [
      'the firmware passes over all that comes without an address, as some of HP does',
      'UDP port 69 or 4011 is blocked on the way, or by a firewall on this box',
    ],
    nextStep:
      'Have the DHCP server of the network name the boot file (options 66 and 67), use `mode: full`, or start iPXE from a stick.',
  },
  'address-refused': {
    outlook: 'fault',
    meaning: 'The machine insists on an address that it cannot have here, and did not ask for another.',
    causes: [
      'the machine came from another network and keeps its lease',
      'the address is reserved for, or leased to, somebody else',
    ],
    nextStep: 'Read the reason of the refusal; switching the machine off and on makes it ask anew.',
  },
  'address-declined': {
    outlook: 'fault',
    meaning: 'The machine found the address it was given in use by somebody else, and gave it back.',
    nextStep: 'Look for a machine with that address set by hand, or take it out of the pool.',
  },
  'no-tftp-request': {
    outlook: 'fault',
    meaning: 'The firmware has its address and did not ask for its boot program.',
    causes: [
      'UDP port 69 is blocked on the way, or by a firewall on this box',
      'the firmware took the name of a program from another DHCP or ProxyDHCP server',
      'the firmware skips what it is offered: look for a setting like "PXE boot" or "network stack"',
    ],
    nextStep: 'Let UDP port 69 through to this box, and look for a second DHCP server on the network.',
  },
  'no-program-request': {
    outlook: 'fault',
    meaning: 'The HTTP boot firmware has its address and did not fetch its boot program by HTTP.',
    causes: [
      'the port of the boot listener (`http.port`) is blocked on the way, or by a firewall on this box',
      'the firmware allows only HTTPS for HTTP boot: look for a setting like "allow plain HTTP"',
    ],
    nextStep: 'Let the port of the boot listener through, or boot the machine by PXE in place of HTTP.',
  },
  'other-file-asked': {
    outlook: 'fault',
    meaning: 'The machine asked by TFTP for a file that it was not told to load, and that is not here.',
    causes: [
      'another DHCP or ProxyDHCP server told it the name',
      'the name of a boot file is set by hand in the firmware',
    ],
    nextStep:
      'Look for a second DHCP server with boot options (66, 67), and for a boot file in the firmware.',
  },
  'size-only': {
    outlook: 'fault',
    meaning: 'The firmware asked how large its boot program is, and did not fetch it.',
    causes: [
      'the ports above 1023 that TFTP answers from are blocked by a firewall that does not follow TFTP',
      'the firmware has no room for the program',
    ],
    nextStep: 'Let UDP from this box to the machine through on all ports, not on port 69 alone.',
  },
  'program-broke-off': {
    outlook: 'fault',
    meaning: 'The boot program was asked for, and its transfer broke off.',
    causes: [
      'packets get lost or cut on the way: a bad cable, a wrong MTU, a duplex mismatch',
      'a firewall lets the request through and not the transfer, which has ports of its own',
    ],
    nextStep: 'Look at the errors the switch counts on the port of the machine, and at the MTU on the way.',
  },
  'program-refused': {
    outlook: 'fault',
    meaning: 'The boot program was sent whole, and UEFI firmware was back at once: it refused to run it.',
    causes: [
      'Secure Boot is on, and the program is not signed by a key the firmware knows',
      'the program is made for another architecture, or is damaged',
    ],
    nextStep:
      'Give the machine signed loaders (`loader: shim-grub` or `shim-ipxe`), or switch Secure Boot off in its firmware.',
  },
  'program-returned': {
    outlook: 'fault',
    meaning: 'The boot program was sent whole, and the firmware was back at once: the program gave up.',
    causes: [
      'the boot program has no driver for this card, or the one of the firmware does not work with it',
      'there is too little memory below 1 MiB (BIOS): other ROMs take it',
    ],
    nextStep:
      'Update the firmware of the card, switch off ROMs that are not used, or try another boot program.',
  },
  'program-silent': {
    outlook: 'fault',
    meaning: 'The boot program was sent whole, and nothing was heard of it.',
    causes: [
      'iPXE finds no card: `snponly.efi` relies on the driver of the firmware, `ipxe.efi` brings its own',
      'the link goes down when iPXE starts, and the switch takes long to let it through (spanning tree)',
      'the program hangs: its last line stands on the screen of the machine',
    ],
    nextStep:
      'Look at the screen. Offer `ipxe.efi` in place of `snponly.efi`, and switch on PortFast or its like.',
  },
  'no-script-request': {
    outlook: 'fault',
    meaning: 'iPXE has its address and did not ask for its script by HTTP.',
    causes: [
      'the port of the boot listener (`http.port`) is blocked on the way, or by a firewall on this box',
      'this iPXE has a script built in, or takes one from another server',
      'the machine was switched off',
    ],
    nextStep: 'Let the port of the boot listener through; the screen of the machine shows what iPXE says.',
  },
  'script-refused': {
    outlook: 'fault',
    meaning: 'iPXE asked for its script and was refused, with the reason given.',
    nextStep: 'Read the reason: most often a value in the settings of this machine cannot stand in a script.',
  },
  'no-kernel': {
    outlook: 'fault',
    meaning: 'The machine was told to run its image, and the kernel did not reach it.',
    causes: [
      'the port of the delivery (`http.delivery-port`) is blocked on the way, or by a firewall on this box',
      'the boot program cannot start this kernel',
      'the machine was switched off',
    ],
    nextStep: 'Let the port of the delivery through; the screen of the machine shows what iPXE says.',
  },
  'no-initrd': {
    outlook: 'fault',
    meaning: 'The kernel reached the machine, and the initrd did not.',
    causes: [
      'the machine has too little memory for it',
      'the network was lost',
      'the machine was switched off',
    ],
    nextStep: 'Look at the screen of the machine and at its memory: the initrd is unpacked in it.',
  },
  'file-refused': {
    outlook: 'fault',
    meaning: 'The machine asked for a kernel, an initrd or an image, and was refused.',
    nextStep:
      'Look whether the folder of the image holds `vmlinuz`, `initrd` and `squashfs`, and can be read.',
  },
  'file-broke-off': {
    outlook: 'fault',
    meaning: 'A kernel, an initrd or an image broke off on its way, and was not fetched again.',
    causes: [
      'the machine was switched off, or lost its network',
      'the machine has too little memory for the file',
    ],
    nextStep: 'Look at the screen of the machine, at its cable and its memory.',
  },
  'kernel-silent': {
    outlook: 'fault',
    meaning: 'Kernel and initrd reached the machine, and the system did not ask for an address.',
    causes: [
      'the initrd has no driver for the card that the machine boots from (`BOOTIF`)',
      'the kernel hangs or stops, and says so on a console that nobody watches',
      'the machine has too little memory to unpack the initrd',
    ],
    nextStep:
      'Look at its console; add `console=ttyS0,115200` to `kernel-parameters` to see it on a serial line.',
  },
  'no-squashfs': {
    outlook: 'fault',
    meaning: 'The initrd has its address, and the image did not reach it.',
    causes: [
      'the initrd cannot load an image over HTTP, or does not read `root=squash:`',
      'the machine has too little memory for the image',
      'the port of the delivery is open to firmware and not to this address',
    ],
    nextStep: 'Look at the console of the machine; the initrd must be of the kind images.maas.io offers.',
  },
  'no-seed': {
    outlook: 'fault',
    meaning: 'The image reached the machine, and its cloud-init did not ask for its seed.',
    causes: [
      'the image could not be mounted, or there is too little memory to run it',
      'the image has no cloud-init, or one that is switched off or not allowed to use NoCloud',
      'the network did not come up in the system',
    ],
    nextStep: 'Look at the console of the machine, and at `datasource_list` in the image.',
  },
  'seed-refused': {
    outlook: 'fault',
    meaning: 'cloud-init asked for its seed and was refused, with the reason given.',
    nextStep:
      'Read the reason. A machine that was started again meanwhile has a newer boot, and a newer seed.',
  },
  'no-report': {
    outlook: 'fault',
    meaning: 'cloud-init fetched its seed and did not report.',
    causes: [
      'cloud-init stopped at its seed, or is too old to report by web hook',
      'a proxy or a firewall in the image keeps its reports from the box',
    ],
    nextStep: 'Read `/var/log/cloud-init.log` on the machine.',
  },
  'cloud-init-failed': {
    outlook: 'fault',
    meaning: 'The system is up, and a part of cloud-init has failed.',
    nextStep: 'Read `/var/log/cloud-init.log` and `/var/log/cloud-init-output.log` on the machine.',
  },
  'reports-stopped': {
    outlook: 'fault',
    meaning: 'cloud-init reported for a while, and has fallen silent before its end.',
    causes: [
      'the machine lost power or its network',
      'a module takes very long: packages over a slow line, or a command that waits for ever',
    ],
    nextStep: 'Look at the machine, and at the module it was in when it was last heard of.',
  },
  'boot-loop': {
    outlook: 'fault',
    meaning: 'Several boots in a row ended at the same point, and the machine begins again and again.',
    nextStep: 'What stopped the last of them stands beside it: begin there.',
  },
  'goes-round': {
    outlook: 'fault',
    meaning:
      'The machine starts from the network again and again and gets nowhere: it is sent to its own disk and comes back.',
    causes: [
      'its disk has no system, or does not stand in the boot order behind the network',
      'the firmware goes back to the network in place of its next boot device',
      'its system takes no address by DHCP, and is started anew every few minutes on purpose: then nothing is wrong',
    ],
    nextStep:
      'Look at its screen, its disk and its boot order. `ironwake machines retry` lets it try its image again.',
  },
  'store-failed': {
    outlook: 'fault',
    meaning: 'The box cannot write, and so gives no address away: it would not know of it after a restart.',
    nextStep: 'Look at the free space and the health of the disk that holds the data folder.',
  },
  'delivery-failed': {
    outlook: 'fault',
    meaning: 'The part of the box that delivers kernels and images has stopped.',
    nextStep: 'It is started again by itself. If that does not last, look at the memory of the box.',
  },
  'network-unusable': {
    outlook: 'fault',
    meaning: 'The network on which the machine was last seen cannot be served.',
    nextStep: 'Read the reason; `ironwake check` says what this box lacks.',
  },
} as const satisfies { readonly [verdict: string]: DiagnosisEntry }

export type Verdict = keyof typeof diagnoses

export const verdicts = Object.keys(diagnoses) as readonly Verdict[]

export function entryOf(verdict: Verdict): DiagnosisEntry {
  return diagnoses[verdict]
}
