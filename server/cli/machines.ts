import { fileTrouble } from '../wire/file-trouble.ts'
import { writeFileSync } from 'node:fs'
import type { Diagnosis } from '../boot/doctor.ts'
import type { RecordedEvent } from '../events/event.ts'
import { size } from '../events/sentence.ts'
import type { MachineSummary } from '../http/api-app.ts'
import type { BootPlan } from '../http/boot-plan.ts'
import { ask, askForBytes } from './api-client.ts'
import { boxOf, remoteOptions } from './box-of.ts'
import type { Call, Command } from './call.ts'
import { nameInPath } from './name-in-path.ts'
import { planLines } from './plan-lines.ts'
import { Sorry } from './sorry.ts'
import { WronglyCalled } from './wrongly-called.ts'
import { ago, table } from './table.ts'
import { isMilestone, timelineLine } from './timeline.ts'
import { unknownVerb } from './unknown-verb.ts'
import { verdictLines } from './verdict-lines.ts'

const verbs = [
  'list',
  'show',
  'plan',
  'approve',
  'unapprove',
  'retry',
  'reinstall',
  'release',
  'boot-next',
  'power',
  'capture',
]

export const machines: Command = {
  usage:
    'ironwake machines list | show MACHINE | plan MACHINE | approve MACHINE | unapprove MACHINE | retry MACHINE | reinstall MACHINE [--force] | release MACHINE [--retire] [--force] | boot-next MACHINE local|image | boot-next MACHINE --clear |\n' +
    '                  power MACHINE on|off|cycle|status | capture MACHINE --out FILE',
  about:
    'MACHINE is an identifier, a MAC address, a host name, or the claim code on its screen. `show` prints the record, the verdict of the boot doctor\n' +
    'with its reason and the next step (docs/boot-doctor.md explains each), and the timeline of the latest boot.\n' +
    '`plan` prints what a machine would be given if it asked now, why, and what of that has changed since it last asked; it\n' +
    'changes nothing. `ATTEMPT` stands for the number of the boot.\n' +
    '`approve` lets a machine have what the box gives, from its next boot from the network on, for the network cards it has\n' +
    'now; what it says counts before the settings, and stays after a restart. `unapprove` takes it back.\n' +
    '`reinstall` has the disk written once more that this box wrote before, at the next boot from the network;\n' +
    'a control plane that others need is kept as it is, unless with --force, and so it is by `release`.\n' +
    '`release` lets a machine go from its cluster: its pods are moved, its Node is deleted, and its system leaves (docs/joining.md).\n' +
    '`retry` lets a machine that failed, goes round, is quarantined or was retired try again at its next boot. `boot-next` has it boot\n' +
    'its own disk, or its image, at its next boot from the network and at no other. `capture` saves what the machine and\n' +
    'the box last said to each other by DHCP as a pcap file, for Wireshark or tcpdump.\n' +
    '`power` switches a machine by what the settings name for it, and wakes it where they name nothing (docs/power.md); `off` and\n' +
    '`cycle` do not ask its system.',
  options: {
    boot: { type: 'string', about: 'power on or cycle: network, to boot from there this once' },
    all: { type: 'boolean', about: 'show: every step of every module, not only the milestones' },
    retire: { type: 'boolean', about: 'release: it serves no more, and boots its own disk from then on' },
    force: {
      type: 'boolean',
      about:
        'release: wait neither for its pods nor for its cluster; release, reinstall: also a control plane that others need',
    },
    clear: { type: 'boolean', about: 'boot-next: take back what was wanted of its next boot' },
    hostname: { type: 'string', about: 'approve: the name it is to have' },
    image: { type: 'string', about: 'approve: the image it is to run, by its name without a version' },
    method: {
      type: 'string',
      about:
        "approve: ram, to run the image from memory; disk, to write it to its disk; autoinstall, to run Ubuntu's installer; local, to boot its own disk",
    },
    disk: {
      type: 'string',
      about: 'approve: the disk that is written: serial=…, wwn=…, by-path=…, size>=400G, smallest, largest',
    },
    wipe: { type: 'boolean', about: 'approve: the disk may be written though it holds data, this once' },
    keep: {
      type: 'boolean',
      about: 'approve: what was installed on its disk stays; only what else is said changes',
    },
    cluster: { type: 'string', about: 'approve: the cluster that it is to become a node of' },
    role: { type: 'string', about: 'approve: worker (when left out) or control-plane' },
    label: {
      type: 'string',
      multiple: true,
      about: 'approve: a label of its Node, as rack=r1; may be given several times',
    },
    taint: {
      type: 'string',
      multiple: true,
      about: 'approve: a taint of its Node, as dedicated=gpu:NoSchedule; may be given several times',
    },
    zone: { type: 'string', about: 'approve: its topology.kubernetes.io/zone' },
    once: {
      type: 'boolean',
      about: 'approve: run the image until one boot has ended well, and its own disk after',
    },
    claim: {
      type: 'string',
      about:
        'approve: the code on its screen; when its record has another, nothing is done. Who approves by it raises the machine to the identity tier claim',
    },
    out: { type: 'string', about: 'capture: the file to write; one that is there is replaced' },
    ...remoteOptions,
  },
  examples: [
    'ironwake machines list',
    'ironwake machines show 52:54:00:12:34:56',
    'ironwake machines list --output json | jq -r ".[].machine.state"',
    'ironwake machines show node-1 --output json | jq -r .diagnosis.verdict',
    'ironwake machines plan node-1',
    'ironwake machines approve KTW-RXP --hostname node-1 --image noble',
    'ironwake machines approve KTW-RXP --method disk --disk serial=S3Z9NX0M --cluster lab --role worker --label rack=r1',
    'ironwake machines approve 52:54:00:12:34:56 --claim KTW-RXP',
    'ironwake machines retry 4k7m2qxa',
    'ironwake machines reinstall node-1',
    'ironwake machines release node-1 --retire',
    'ironwake machines boot-next node-1 local',
    'ironwake machines power node-1 cycle --boot network',
    'ironwake machines capture node-1 --out node-1.pcap',
  ],
  async run(call) {
    const [verb, name, ...more] = call.words
    if (verb === 'list' && name === undefined) return await list(call)
    if (verb === 'show' && name !== undefined && more.length === 0) return await show(call, name)
    if (verb === 'retry' && name !== undefined && more.length === 0) return await retry(call, name)
    if (verb === 'plan' && name !== undefined && more.length === 0) return await plan(call, name)
    if (verb === 'approve' && name !== undefined && more.length === 0) return await approve(call, name)
    if (verb === 'unapprove' && name !== undefined && more.length === 0) return await unapprove(call, name)
    if (verb === 'reinstall' && name !== undefined && more.length === 0) return await reinstall(call, name)
    if (verb === 'release' && name !== undefined && more.length === 0) return await release(call, name)
    if (verb === 'boot-next' && name !== undefined) return await bootNext(call, name, more)
    if (verb === 'power' && name !== undefined) return await power(call, name, more)
    if (verb === 'capture' && name !== undefined && more.length === 0) return await capture(call, name)
    throw unknownVerb(verb, {
      known: verbs,
      say: 'say list, show MACHINE, plan MACHINE, approve MACHINE, unapprove MACHINE, retry MACHINE, reinstall MACHINE, release MACHINE, boot-next MACHINE local|image, power MACHINE on|off|cycle|status or capture MACHINE',
    })
  },
}

async function list(call: Call): Promise<number> {
  const found = (await ask(boxOf(call), 'GET', '/api/v1/machines')) as MachineSummary[]
  if (call.output === 'json') {
    call.print(JSON.stringify(found, undefined, 2))
    return 0
  }
  if (found.length === 0) call.remark('No machine has been seen yet.')
  else
    call.print(
      table(
        [
          'ID',
          'NAME',
          'STATE',
          'CLAIM',
          'IDENTITY',
          'MAC',
          'ADDRESS',
          'CLUSTER',
          'ROLE',
          'DISK',
          'BOOT',
          'SEEN',
        ],
        found.map((one) => row(one, call.now())),
      ),
    )
  return 0
}

function row({ machine, attempt, lease, identity, join, disk }: MachineSummary, now: number): string[] {
  return [
    machine.id,
    machine.hostname ?? '-',
    machine.state,
    machine.claim ?? '-',
    identity.tier,
    machine.macs[0] ?? '-',
    lease?.state === 'leased' ? lease.address : '-',
    join?.cluster ?? '-',
    join?.role ?? '-',
    disk?.written === undefined ? (disk?.wanted ?? '-') : diskName(disk.written),
    attempt === undefined ? '-' : (attempt.result ?? attempt.stage),
    `${ago(now - machine.lastSeenAt)} ago`,
  ]
}

/** In one word, as a selector of a disk has it. */
function diskName({
  serial,
  wwn,
  path,
}: NonNullable<NonNullable<MachineSummary['disk']>['written']>): string {
  if (serial !== undefined) return `serial=${serial}`
  return wwn === undefined ? `by-path=${path ?? '?'}` : `wwn=${wwn}`
}

async function show(call: Call, name: string): Promise<number> {
  const summary = await find(call, name)
  const { machine, attempt, lease } = summary
  const query =
    attempt === undefined ? `machine=${machine.id}&limit=100` : `attempt=${attempt.id}&limit=10000`
  const events = (await ask(boxOf(call), 'GET', `/api/v1/events?${query}`)) as RecordedEvent[]
  const diagnosis = (await ask(boxOf(call), 'GET', `${pathOf(machine.id)}/diagnosis`)) as Diagnosis
  if (call.output === 'json') {
    call.print(JSON.stringify({ ...summary, diagnosis, timeline: events }, undefined, 2))
    return 0
  }
  const facts: (readonly [string, string | undefined])[] = [
    ['machine', machine.id],
    ['state', `${machine.state}, because: ${machine.stateBecause}`],
    [
      'cause',
      summary.failure === undefined ? undefined : `${summary.failure.cause}: ${summary.failure.meaning}`,
    ],
    ['next step', summary.failure?.nextStep],
    ['claim', machine.claim],
    ['identity', `${summary.identity.tier}: ${summary.identity.because}`],
    ['name', machine.hostname],
    ['MAC', machine.macs.join(', ')],
    ['UUID', machine.uuid],
    ['serial', machine.serial],
    [
      'board',
      [machine.manufacturer, machine.product].filter((part) => part !== undefined).join(' ') || undefined,
    ],
    [
      'firmware',
      [machine.firmware, machine.architecture].filter((part) => part !== undefined).join(', ') || undefined,
    ],
    ['hardware', hardwareInWords(machine)],
    ['cards', machine.hardware?.cards.map(({ name, mac }) => `${name} ${mac}`).join(', ') || undefined],
    [
      'address',
      lease === undefined ? undefined : `${lease.address} (${lease.state}, network ${lease.network})`,
    ],
    ['proxy', proxyInWords(machine)],
    ['approval', approvalInWords(machine)],
    ['cluster', clusterInWords(summary)],
    ['join', joinInWords(machine)],
    ['kept out', summary.identity.tooWeak],
    ['next step', summary.joinRefused?.nextStep],
    ['disk', diskInWords(summary)],
    ['credential', summary.credentialLost?.because],
    ['next step', summary.credentialLost?.nextStep],
    ['next boot', nextBootInWords(machine)],
    ['last seen', `${ago(call.now() - machine.lastSeenAt)} ago`],
  ]
  for (const [label, value] of facts) if (value !== undefined) call.print(`${label.padEnd(10)} ${value}`)
  call.print('')
  for (const line of verdictLines(diagnosis, call.now())) call.print(line)
  const shown = events.filter((event) => call.options['all'] === true || isMilestone(event))
  const [first] = shown
  if (first === undefined) {
    call.remark('No boot of it is on record.')
    return 0
  }
  call.print('')
  call.print(`latest boot, since ${new Date(first.at).toISOString()}:`)
  for (const event of shown) call.print(timelineLine(event, first.at))
  return 0
}

/** The form of the offer that its firmware takes in mode `proxy`, as far as that is known. */
function proxyInWords({ proxy }: MachineSummary['machine']): string | undefined {
  if (proxy === undefined) return undefined
  const { strategy, worked, failures } = proxy
  const failed =
    failures === 0 ? '' : `; ${failures === 1 ? 'one boot' : `${failures} boots`} in a row fetched nothing`
  return `offer ${strategy}, ${worked ? 'which has worked' : 'being tried'}${failed}`
}

/** How far it is on its way into its cluster, and what it waits for. */
function joinInWords({ join }: MachineSummary['machine']): string | undefined {
  if (join === undefined) return undefined
  const { phase, node, refusal, because } = join
  const what = refusal === undefined ? phase : `${phase} (${refusal})`
  return `${what}, as the node ${node}${because === undefined ? '' : `: ${because}`}`
}

function clusterInWords({ join }: MachineSummary): string | undefined {
  if (join === undefined) return undefined
  const { cluster, role, labels, taints, zone } = join
  const parts = [
    `${cluster}, as ${role}`,
    ...Object.entries(labels).map(([key, value]) => `label ${key}=${value}`),
    ...taints.map(
      ({ key, value, effect }) => `taint ${key}${value === undefined ? '' : `=${value}`}:${effect}`,
    ),
    ...(zone === undefined ? [] : [`zone ${zone}`]),
  ]
  return parts.join('; ')
}

/** What it is made of beside its disks. */
function hardwareInWords({ hardware }: MachineSummary['machine']): string | undefined {
  if (hardware === undefined) return undefined
  const { processors, processorModel, memoryBytes, firmwareVersion, tpm } = hardware
  const of = processorModel === undefined ? '' : ` (${processorModel})`
  const parts = [
    `${processors} processors${of}`,
    `${size(memoryBytes)} of memory`,
    ...(firmwareVersion === undefined ? [] : [`firmware ${firmwareVersion}`]),
    ...(tpm === undefined ? [] : [tpmInWords.get(tpm) ?? tpm]),
  ]
  return parts.join(', ')
}

const tpmInWords: ReadonlyMap<string, string> = new Map([
  ['none', 'no TPM'],
  ['1.2', 'TPM 1.2'],
  ['2.0', 'TPM 2.0'],
  ['unknown', 'a TPM of unknown version'],
])

/** The disk that was written, or is to be. */
function diskInWords({ machine: { install }, disk }: MachineSummary): string | undefined {
  if (disk === undefined) return undefined
  const parts = [
    ...(disk.written === undefined ? [] : [`${diskName(disk.written)} (${install?.phase ?? 'written'})`]),
    ...(disk.wanted === undefined ? [] : [`to write: ${disk.wanted}`]),
    ...(install?.again === undefined ? [] : ['to be installed again at its next boot from the network']),
  ]
  return parts.join('; ')
}

/** What a person wants of its next boot, as long as it is still to come. */
function nextBootInWords({ bootNext: next }: MachineSummary['machine']): string | undefined {
  if (next === undefined || next.used !== undefined) return undefined
  return `${wantedOnce.get(next.action)}, once, wanted since ${new Date(next.askedAt).toISOString()}`
}

/** Who approved it, and what it is to have by that. */
function approvalInWords({ macs, approval }: MachineSummary['machine']): string | undefined {
  if (approval === undefined) return undefined
  const { by, at, hostname, method, image, once, claim, doneAt, disk, wipe } = approval
  const others = macs.filter((mac) => !approval.macs.includes(mac))
  const parts = [
    `by a ${by}, ${new Date(at).toISOString()}`,
    ...(claim === undefined ? [] : ['its claim code compared']),
    ...(hostname === undefined ? [] : [`name ${hostname}`]),
    ...(method === undefined ? [] : [`method ${method}`]),
    ...(image === undefined ? [] : [`image ${image}`]),
    ...(once === undefined ? [] : ['once']),
    ...(disk === undefined ? [] : [`disk ${disk}`]),
    ...(wipe === true ? ['wipe'] : []),
    ...(doneAt === undefined ? [] : [`done ${new Date(doneAt).toISOString()}`]),
    ...(others.length === 0 ? [] : [`not for ${others.join(', ')}`]),
  ]
  return parts.join('; ')
}

async function plan(call: Call, name: string): Promise<number> {
  const planned = (await ask(boxOf(call), 'GET', `${pathOf(name)}/plan`)) as BootPlan
  if (call.output === 'json') call.print(JSON.stringify(planned, undefined, 2))
  else for (const line of planLines(planned)) call.print(line)
  return 0
}

type ApprovedMachine = MachineSummary & { readonly remarks: readonly string[] }

async function approve(call: Call, name: string): Promise<number> {
  const { hostname, image, method, once, claim, disk, wipe, keep, cluster, role, zone } = call.options
  const order = {
    hostname,
    image,
    method,
    claim,
    disk,
    cluster,
    role,
    zone,
    labels: labelsOf(call.options['label']),
    taints: call.options['taint'],
    ...(once === true ? { once } : {}),
    ...(wipe === true ? { wipe } : {}),
    ...(keep === true ? { keep } : {}),
  }
  const approved = (await ask(boxOf(call), 'PUT', `${pathOf(name)}/approval`, order)) as ApprovedMachine
  told(call, approved, `${approved.machine.id} is approved: start it from the network.`)
  return 0
}

/** `rack=r1` and the like; a value may be empty. */
function labelsOf(given: Call['options'][string]): Readonly<Record<string, string>> | undefined {
  if (!Array.isArray(given)) return undefined
  const pairs = given.map((text): [string, string] => {
    const [, key, value] = /^([^=]+)=(.*)$/.exec(String(text)) ?? []
    if (key === undefined || value === undefined) {
      throw new WronglyCalled(`--label is written as rack=r1, and not as ${String(text)}`)
    }
    return [key, value]
  })
  return Object.fromEntries(pairs)
}

async function unapprove(call: Call, name: string): Promise<number> {
  const left = (await ask(boxOf(call), 'DELETE', `${pathOf(name)}/approval`)) as ApprovedMachine
  told(call, left, `${left.machine.id} is no longer approved by a person. A boot that is under way goes on.`)
  return 0
}

function told(call: Call, { remarks, ...summary }: ApprovedMachine, sentence: string): void {
  if (call.output === 'json') call.print(JSON.stringify({ ...summary, remarks }, undefined, 2))
  else call.remark(sentence)
  for (const remark of remarks) call.remark(`But ${remark}.`)
}

async function reinstall(call: Call, name: string): Promise<number> {
  const order = call.options['force'] === true ? { mode: 'force' } : {}
  const asked = (await ask(boxOf(call), 'POST', `${pathOf(name)}/reinstall`, order)) as ApprovedMachine
  told(call, asked, `${asked.machine.id} is installed again at its next boot from the network.`)
  return 0
}

async function release(call: Call, name: string): Promise<number> {
  const order = {
    ...(call.options['retire'] === true ? { next: 'retired' } : {}),
    ...(call.options['force'] === true ? { mode: 'force' } : {}),
  }
  const asked = (await ask(boxOf(call), 'POST', `${pathOf(name)}/release`, order)) as ApprovedMachine
  const { id } = asked.machine
  told(call, asked, `${id} is being released. How far it is: ironwake machines show ${id}`)
  return 0
}

async function retry(call: Call, name: string): Promise<number> {
  const { machine } = await find(call, name)
  const path = `/api/v1/machines/${machine.id}/retry`
  const retried = (await ask(boxOf(call), 'POST', path)) as ApprovedMachine
  told(call, retried, `${machine.id} may try again: start it from the network.`)
  return 0
}

const wantedOnce: ReadonlyMap<string, string> = new Map([
  ['local', 'boots its own disk'],
  ['image', 'runs its image'],
])

async function bootNext(call: Call, name: string, [action, ...more]: readonly string[]): Promise<number> {
  const path = `${pathOf(name)}/boot-next`
  if (call.options['clear'] === true) {
    if (action !== undefined)
      throw new WronglyCalled('boot-next takes local, image or --clear, and one of them')
    await ask(boxOf(call), 'DELETE', path)
    if (call.output === 'json') call.print(JSON.stringify(await find(call, name), undefined, 2))
    else call.remark(`${name} boots as the settings say.`)
    return 0
  }
  const words = wantedOnce.get(action ?? '')
  if (action === undefined || words === undefined || more.length > 0) {
    throw new WronglyCalled('boot-next needs what the machine is to boot once: local or image; or --clear')
  }
  await ask(boxOf(call), 'PUT', `${path}/${action}`)
  if (call.output === 'json') call.print(JSON.stringify(await find(call, name), undefined, 2))
  else call.remark(`${name} ${words} at its next boot from the network, and then as the settings say.`)
  return 0
}

/** The box waits 90 s for a BMC (appliance/power-desk.ts). */
const powerSilenceMs = 120_000

type PowerReport = {
  readonly machine: string
  readonly way: string
  readonly state: string
  readonly remarks: readonly string[]
}

async function power(call: Call, name: string, [wanted, ...more]: readonly string[]): Promise<number> {
  const { boot } = call.options
  const action = ['on', 'off', 'cycle'].find((known) => known === wanted)
  if ((wanted !== 'status' && action === undefined) || more.length > 0) {
    throw new WronglyCalled('power needs what the machine is to do: on, off, cycle or status')
  }
  if (boot !== undefined && (boot !== 'network' || action === undefined || action === 'off')) {
    throw new WronglyCalled('--boot network goes with power on and power cycle, and with nothing else')
  }
  const path = `${pathOf(name)}/power`
  const box = { ...boxOf(call), silenceMs: powerSilenceMs }
  const report = (
    action === undefined ? await ask(box, 'GET', path) : await ask(box, 'POST', path, { action, boot })
  ) as PowerReport
  if (call.output === 'json') call.print(JSON.stringify(report, undefined, 2))
  else if (action === undefined) call.print(`${report.machine} is ${report.state}, by ${report.way}`)
  else {
    const state = report.state === 'unknown' ? '' : `; it is ${report.state}`
    call.remark(`${report.machine} was told: ${action}, by ${report.way}${state}.`)
  }
  for (const remark of report.remarks) call.remark(`But ${remark}.`)
  return 0
}

async function capture(call: Call, name: string): Promise<number> {
  const file = call.options['out']
  if (typeof file !== 'string' || file === '') {
    throw new WronglyCalled('capture needs a file to write, --out FILE')
  }
  const pcap = await askForBytes(boxOf(call), `${pathOf(name)}/capture`)
  try {
    writeFileSync(file, pcap)
  } catch (error) {
    throw new Sorry(`${file} cannot be written: ${fileTrouble(error)}`)
  }
  if (call.output === 'json') call.print(JSON.stringify({ file, byteCount: pcap.length }))
  else call.remark(`${file} has ${pcap.length} bytes. Read it with Wireshark, or: tcpdump -vr ${file}`)
  return 0
}

async function find(call: Call, name: string): Promise<MachineSummary> {
  return (await ask(boxOf(call), 'GET', pathOf(name))) as MachineSummary
}

function pathOf(name: string): string {
  return `/api/v1/machines/${nameInPath('machine', name)}`
}
