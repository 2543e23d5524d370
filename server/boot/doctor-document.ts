import { entryOf, verdicts, type Outlook, type Verdict } from './diagnoses.ts'

/** `docs/boot-doctor.md`: every verdict of the catalogue, the faults in the order of a boot. */
export function doctorDocument(): string {
  const sections = outlooks.flatMap(({ outlook, heading, about }) => {
    const those = verdicts.filter((verdict) => entryOf(verdict).outlook === outlook)
    return [`## ${heading}`, about, ...those.map(sectionOf)]
  })
  return `${[...opening, ...sections].join('\n\n')}\n`
}

const opening: readonly string[] = [
  '# The boot doctor',
  [
    '`ironwake machines show MACHINE` says how the latest boot of a machine stands: a verdict of this page, what it rests',
    'on, and what to do. With `--output json` it is under `diagnosis`; the API gives it at',
    '`/api/v1/machines/MACHINE/diagnosis`. The names of the verdicts stay as they are, so that scripts may rely on them.',
  ].join('\n'),
  [
    'A verdict is worked out anew each time from what was reported of the boot ([events.md](events.md)), from what the',
    'settings have in mind for the machine, and from the time since its last sign: shortly after a sign the boot is under',
    'way, later its silence is a fault. Nobody is asked for it and nothing is changed by it. The causes are the ones met',
    'most often, the likeliest first; the screen of the machine knows more.',
  ].join('\n'),
  [
    'The last 64 datagrams that a network card of a machine and the box exchanged on the DHCP port are kept in memory until',
    'the appliance stops, 16 MiB of them in all; the machine that was heard of longest ago is forgotten first.',
    '`ironwake machines capture MACHINE --out FILE` saves it for Wireshark or tcpdump. The sockets give the box payloads',
    'only: the IP and UDP headers in the file are made up from the addresses and ports that are known, with no UDP',
    'checksum and no Ethernet header, and what came in is shown as sent to everybody where its sender had no address, else',
    'to the box. What machines said to other servers is not in it.',
  ].join('\n'),
  'This page is made from `server/boot/diagnoses.ts` by `node test/snap.ts`.',
]

const outlooks: readonly { readonly outlook: Outlook; readonly heading: string; readonly about: string }[] = [
  { outlook: 'fault', heading: 'Faults', about: 'Something keeps the machine from its image.' },
  { outlook: 'waits', heading: 'Waiting', about: 'Nothing is wrong; the next step is for a person to take.' },
  { outlook: 'under-way', heading: 'Under way', about: 'The machine was heard of not long ago.' },
  { outlook: 'well', heading: 'Well', about: 'Nothing is to be done.' },
]

function sectionOf(verdict: Verdict): string {
  const { meaning, causes = [], nextStep } = entryOf(verdict)
  const lines = [`### ${verdict}`, '', meaning]
  if (causes.length > 0) lines.push('', 'Often because:', '', ...causes.map((cause) => `- ${cause}`))
  if (nextStep !== undefined) lines.push('', `**Next step:** ${nextStep}`)
  return lines.join('\n')
}
