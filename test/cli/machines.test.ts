import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { entryOf } from '../../server/boot/diagnoses.ts'
import type { Diagnosis } from '../../server/boot/doctor.ts'
import type { Approval } from '../../server/machines/approval.ts'
import { run } from '../../server/cli/run.ts'
import type { BootPlan } from '../../server/http/boot-plan.ts'
import { apiApp, type ApiDesk, type MachineSummary } from '../../server/http/api-app.ts'
import { listenSocketFile } from '../../server/listen/http.ts'
import { aDesk } from '../http/an-api-desk.ts'
import { macNumber } from '../networks/a-network.ts'
import { aMachine, anAttempt, byMacAlone } from '../store/records.ts'

const summary: MachineSummary = {
  machine: aMachine(),
  attempt: anAttempt(),
  lease: undefined,
  identity: byMacAlone,
}

function said(verdict: 'size-only' | 'boot-loop' | 'under-way', because: string): Diagnosis {
  const { outlook, meaning, causes = [], nextStep } = entryOf(verdict)
  const common = { verdict, outlook, meaning, because, causes, since: 1_500 }
  return nextStep === undefined ? common : { ...common, nextStep }
}

/** An API on a socket file where the CLI looks for it, and what a call prints. */
async function anApi(t: Test, given: Partial<ApiDesk> = {}) {
  // Not a folder of the tests: the path of a socket has at most 107 bytes (unix(7)).
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-cli-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const desk: ApiDesk = {
    ...aDesk(),
    status: () => ({ version: '0.1.0', startedAt: 5, networks: [], jobs: [] }),
    machines: () => [summary],
    find: (name) => (name === 'node-1' || name === summary.machine.id ? [summary] : []),
    diagnose: async () => await Promise.resolve(said('size-only', 'it asked for the size')),
    capture: () => Uint8Array.of(0xa1, 0xb2, 0xc3, 0xd4, 0xff, 0x0a),
    events: async () => await Promise.resolve([]),
    subscribe: () => () => {},
    approve: async () => await Promise.resolve({ kind: 'done', remarks: [] }),
    unapprove: async () => await Promise.resolve({ kind: 'done', remarks: [] }),
    reinstall: async () => await Promise.resolve({ kind: 'done', remarks: [] }),
    plan: async () => await Promise.resolve({ kind: 'refused', because: 'there is no plan' }),
    retry: async () => await Promise.resolve({ kind: 'done', remarks: [] }),
    bootNext: async () => await Promise.resolve({ kind: 'done' }),
    ...given,
  }
  const listener = await listenSocketFile(apiApp(desk), join(folder, 'ironwake.sock'))
  t.teardown(async () => await listener[Symbol.asyncDispose]())
  writeFileSync(join(folder, 'ironwake.yaml'), `data: ${JSON.stringify(folder)}\n`)
  const call = async (...words: readonly string[]) => {
    const [out, err]: [string[], string[]] = [[], []]
    const code = await run(['machines', ...words, '--settings', join(folder, 'ironwake.yaml')], {
      print: (line) => void out.push(line),
      remark: (line) => void err.push(line),
      stop: AbortSignal.timeout(60_000),
      isTerminal: false,
      now: () => 61_500,
    })
    return { code, out: out.join('\n'), err: err.join('\n') }
  }
  return { folder, call }
}

t.test('show prints the verdict with its reason, its causes and the next step', async (t) => {
  const { call } = await anApi(t)
  const { code, out } = await call('show', 'node-1')
  t.equal(code, 0)
  const { meaning, causes = [], nextStep } = entryOf('size-only')
  const lines = [
    'verdict: FAULT (size-only), last sign 60 s ago',
    `  ${meaning}`,
    '  because: it asked for the size',
    ...causes.map((cause) => `  perhaps: ${cause}`),
    `  next step: ${nextStep}`,
  ]
  t.ok(out.includes(`\n\n${lines.join('\n')}`), out)
})

t.test('show prints what stopped the boot before', async (t) => {
  const loop = {
    ...said('boot-loop', '3 boots in a row'),
    before: said('size-only', 'it asked for the size'),
  }
  const { call } = await anApi(t, { diagnose: async () => await Promise.resolve(loop) })
  const { out } = await call('show', 'node-1')
  t.match(out, /verdict: FAULT \(boot-loop\)/)
  t.match(out, /the boot before: size-only\. .*\n {4}it asked for the size\n/)
  const steps = out.split('\n').filter((line) => line.startsWith('  next step: '))
  t.strictSame(steps, [
    `  next step: ${entryOf('size-only').nextStep}`,
    `  next step: ${entryOf('boot-loop').nextStep}`,
  ])
})

t.test('show as JSON has the diagnosis whole', async (t) => {
  const { call } = await anApi(t, {
    diagnose: async () => await Promise.resolve(said('under-way', 'it was seen a moment ago')),
  })
  const { out } = await call('show', 'node-1', '--output', 'json')
  const shown = JSON.parse(out) as Record<string, unknown>
  t.strictSame(shown['diagnosis'], said('under-way', 'it was seen a moment ago'))
  t.strictSame(shown['timeline'], [])
  t.match((await call('show', 'node-1')).out, /^verdict: under way, last sign 60 s ago$/m)
})

t.test('capture writes the file byte by byte, in place of one that is there', async (t) => {
  const { call, folder } = await anApi(t)
  const file = join(folder, 'node-1.pcap')
  writeFileSync(file, 'something longer than what comes')
  const { code, err } = await call('capture', 'node-1', '--out', file)
  t.equal(code, 0)
  t.match(err, /has 6 bytes\. Read it with Wireshark, or: tcpdump -vr /)
  t.strictSame([...readFileSync(file)], [0xa1, 0xb2, 0xc3, 0xd4, 0xff, 0x0a])
  const json = await call('capture', 'node-1', '--out', file, '--output', 'json')
  t.strictSame(JSON.parse(json.out), { file, byteCount: 6 })
})

t.test('capture says what it lacks, and writes nothing then', async (t) => {
  const { call, folder } = await anApi(t, { capture: () => undefined })
  const file = join(folder, 'none.pcap')
  const refused = async (words: readonly string[], why: RegExp, exits = 1) => {
    const { code, err } = await call('capture', ...words)
    t.equal(code, exits)
    t.match(err, why)
    t.notOk(existsSync(file))
  }
  await refused(['node-1'], /needs a file to write, --out FILE/, 2)
  await refused(['node-1', '--out', file], /nothing that M0000001 said on the DHCP port is in memory/)
  await refused(['nobody', '--out', file], /no machine has the identifier, MAC, name or claim code nobody/)
  await refused([], /list, show MACHINE, plan MACHINE, .* or capture MACHINE/, 2)
  const full = await anApi(t)
  const { code, err } = await full.call(
    'capture',
    'node-1',
    '--out',
    join(folder, 'no-such-folder', 'x.pcap'),
  )
  t.equal(code, 1)
  t.match(err, /x\.pcap cannot be written: it is not there, or the folder/)
})

t.test('boot-next asks for one boot, and takes it back', async (t) => {
  const asked: (readonly [string, string | undefined])[] = []
  const { call } = await anApi(t, {
    bootNext: async ({ id }, action) => {
      asked.push([id, action])
      return await Promise.resolve(
        action === 'image' ? { kind: 'refused', because: `${id} is not approved` } : { kind: 'done' },
      )
    },
  })
  t.match(await call('boot-next', 'node-1', 'local'), {
    code: 0,
    err: /^node-1 boots its own disk at its next/,
  })
  t.match(await call('boot-next', 'node-1', '--clear'), { code: 0, err: /as the settings say/ })
  t.match(await call('boot-next', 'node-1', 'image'), { code: 1, err: /M0000001 is not approved/ })
  t.strictSame(asked, [
    ['M0000001', 'local'],
    ['M0000001', undefined],
    ['M0000001', 'image'],
  ])
  for (const words of [
    ['node-1'],
    ['node-1', 'disk'],
    ['node-1', 'local', 'image'],
    ['node-1', 'local', '--clear'],
  ]) {
    t.match(await call('boot-next', ...words), { code: 2, err: /local.*image|--clear/ }, words.join(' '))
  }
  t.match(await call('boot-next', 'nobody', 'local'), { code: 1, err: /no machine has/ })
  t.equal(asked.length, 3)
})

t.test('approve says what the machine is to have, and what is in its way', async (t) => {
  const orders: unknown[] = []
  const approval: Approval = {
    by: 'person',
    at: 5_000,
    macs: [macNumber(1)],
    image: 'noble',
    once: true,
    doneAt: 9_000,
  }
  const machine = aMachine({ claim: 'KTW-RXP', approval })
  const { call } = await anApi(t, {
    find: (name) => (name === 'nobody' ? [] : [{ ...summary, machine }]),
    approve: async (_, order) => {
      orders.push(order)
      return await Promise.resolve(
        order.image === 'gone'
          ? { kind: 'refused', because: 'there is no image gone' }
          : { kind: 'done', remarks: ['M0000001 is quarantined still'] },
      )
    },
    unapprove: async () => await Promise.resolve({ kind: 'done', remarks: [] }),
  })
  const { code, err } = await call('approve', 'ktwrxp', '--hostname', 'node-1', '--image', 'noble', '--once')
  t.equal(code, 0)
  t.equal(err, 'M0000001 is approved: start it from the network.\nBut M0000001 is quarantined still.')
  t.strictSame(orders, [{ claim: 'ktwrxp', hostname: 'node-1', image: 'noble', once: true }])
  await call('approve', 'node-1', '--method', 'local', '--claim', 'KTW-RXP')
  t.strictSame(orders[1], { claim: 'KTW-RXP', method: 'local' })
  const json = await call('approve', 'node-1', '--output', 'json')
  t.match(JSON.parse(json.out), { machine: { id: 'M0000001' }, remarks: [/quarantined/] })
  t.match(await call('approve', 'node-1', '--image', 'gone'), { code: 1, err: /there is no image gone/ })
  t.match(await call('approve', 'node-1', '--method', 'tape'), { code: 1, err: /method/ })
  const node = ['--method', 'disk', '--disk', 'serial=A', '--wipe', '--cluster', 'lab', '--role', 'worker']
  const more = ['--label', 'rack=r1', '--label', 'fast=', '--taint', 'a:NoSchedule', '--zone', 'hall-2']
  orders.length = 0
  t.match(await call('approve', 'node-1', ...node, ...more), { code: 0 })
  t.match(await call('approve', 'node-1', '--keep'), { code: 0 })
  t.strictSame(orders, [
    {
      method: 'disk',
      disk: 'serial=A',
      wipe: true,
      cluster: 'lab',
      role: 'worker',
      labels: { rack: 'r1', fast: '' },
      taints: ['a:NoSchedule'],
      zone: 'hall-2',
    },
    { keep: true },
  ])
  t.match(await call('approve', 'node-1', '--label', 'rack'), {
    code: 2,
    err: /--label is written as rack=r1, and not as rack/,
  })
  t.match(await call('approve', 'nobody'), {
    code: 1,
    err: /no machine has .* nobody; `ironwake machines list` tells which there are/,
  })
  const { id } = summary.machine
  const slip = await (await anApi(t, { find: () => [], meant: () => id })).call('show', id.replace('1', '2'))
  t.match(slip, { code: 1, err: new RegExp(`; did you mean ${id}\\?$`) })
  t.match(await call('unapprove', 'node-1'), { code: 0, err: /is no longer approved by a person/ })
  t.match(
    (await call('show', 'node-1')).out,
    /^approval {3}by a person, 1970-01-01T00:00:05.000Z; image noble; once; done 1970-.*; not for 52:54:00:00:00:02$/m,
  )
})

t.test(
  'list and show tell the cluster of a machine, its disk, and that it is to be installed again',
  async (t) => {
    const install = { id: 'i', attempt: 'a', phase: 'installed', again: 'reinstall' } as const
    const refusal = 'clock-off'
    const way = { cluster: 'lab', role: 'worker', node: 'node-1', phase: 'refused', since: 0 } as const
    const machine = aMachine({ install, join: { ...way, refusal, because: 'its clock is a day behind' } })
    const joinRefused = { refusal, meaning: 'its clock is off', nextStep: 'Set the clock.' } as const
    const join = {
      cluster: 'lab',
      role: 'worker',
      labels: { rack: 'r1' },
      taints: [{ key: 'a', effect: 'NoExecute' }],
      zone: 'z',
    } as const
    const written = { serial: 'A', wwn: undefined, path: undefined, bytes: 20e9 }
    const full = { ...summary, machine, join, joinRefused, disk: { written, wanted: 'smallest' } }
    const asked: string[] = []
    const { call } = await anApi(t, {
      machines: () => [full],
      find: () => [full],
      reinstall: async ({ id }, { mode }) => {
        asked.push(`${id} ${mode}`)
        return await Promise.resolve({ kind: 'done', remarks: ['what its disk holds is written over then'] })
      },
    })
    t.match((await call('list')).out, / +CLUSTER +ROLE +DISK +BOOT .* lab +worker +serial=A /s)
    const { out } = await call('show', 'node-1')
    t.match(out, /^cluster {4}lab, as worker; label rack=r1; taint a:NoExecute; zone z$/m)
    t.match(
      out,
      /^join {7}refused \(clock-off\), as the node node-1: its clock is a day behind\nnext step {2}Set the clock\.$/m,
    )
    t.match(
      out,
      /^disk {7}serial=A \(installed\); to write: smallest; to be installed again at its next boot/m,
    )
    t.match(await call('reinstall', 'node-1'), {
      code: 0,
      err: /M0000001 is installed again at its next boot from the network\.\nBut what its disk holds/,
    })
    await call('reinstall', 'node-1', '--force')
    t.strictSame(asked, ['M0000001 orderly', 'M0000001 force'])
    t.match(await call('reinstall'), { code: 2 })
  },
)

t.test('show tells why a machine failed, and the next step', async (t) => {
  const failure = {
    cause: 'system-not-started',
    meaning: 'No system asked.',
    nextStep: 'Look at its console.',
  } as const
  const { call } = await anApi(t, { find: () => [{ ...summary, failure }] })
  const { out } = await call('show', 'node-1')
  t.match(out, /^cause {6}system-not-started: No system asked\.\nnext step {2}Look at its console\.$/m)
  t.notMatch((await (await anApi(t)).call('show', 'node-1')).out, /^(?:cause|next step) /m)
})

t.test('plan prints what would be served, and what of it has changed', async (t) => {
  const plan: BootPlan = {
    machine: 'M0000001',
    mac: macNumber(1),
    network: 'rack',
    identity: byMacAlone,
    language: 'ipxe',
    approved: true,
    because: 'the settings approve it',
    wishes: ['method ram, by the defaults of the settings', 'image noble, by its approval'],
    script: 'run-image',
    scriptBecause: 'it is approved',
    image: 'noble@2',
    files: [
      { file: 'script', text: '#!ipxe\nboot\n' },
      { file: 'user-data', refused: 'hostname: it is none' },
    ],
    since: {
      at: 5_000,
      attempt: 'a1',
      script: 'wait',
      changes: [{ file: 'script', lines: ['- sleep', '+ boot'] }],
    },
  }
  const planned = async (changes: Partial<BootPlan> = {}) =>
    await anApi(t, {
      plan: async () => await Promise.resolve({ kind: 'planned', plan: { ...plan, ...changes } }),
    })
  const { call } = await planned()
  t.equal(
    (await call('plan', 'node-1')).out,
    `machine    M0000001
asks by    52:54:00:00:00:01, on network rack, as iPXE
approved   yes: the settings approve it
identity   mac: no boot of it from the network has shown its board
to have    method ram, by the defaults of the settings
           image noble, by its approval
script     run-image: it is approved
image      noble@2

--- script
#!ipxe
boot

--- user-data cannot be made: hostname: it is none

Changed since its last script (wait, 1970-01-01T00:00:05.000Z):
--- script
- sleep
+ boot`,
  )
  t.strictSame(JSON.parse((await call('plan', 'node-1', '--output', 'json')).out), plan)
  const same = await planned({ since: { at: 5_000, attempt: 'a1', script: 'wait', changes: [] } })
  t.match((await same.call('plan', 'node-1')).out, /^Nothing has changed since its last script \(wait, /m)
  const { since: _, ...never } = plan
  const first = await anApi(t, { plan: async () => await Promise.resolve({ kind: 'planned', plan: never }) })
  t.match((await first.call('plan', 'node-1')).out, /^It was never served a script/m)
  t.match(await (await anApi(t)).call('plan', 'node-1'), { code: 1, err: /there is no plan/ })
})

t.test('list and show have the claim code, which the screen of the machine shows', async (t) => {
  const machine = aMachine({ claim: 'KTW-RXP' })
  const { call } = await anApi(t, {
    find: () => [{ ...summary, machine }],
    machines: () => [{ ...summary, machine }, summary],
  })
  const [heading, ...rows] = (await call('list')).out.split('\n')
  t.match(heading, /^ID +NAME +STATE +CLAIM +IDENTITY +MAC /)
  t.match(rows, [/ discovered +KTW-RXP +mac +52:54/, / discovered +- +mac +52:54/])
  t.match((await call('show', 'KTW-RXP')).out, /^claim {6}KTW-RXP$/m)
  const tooWeak = 'the network rack wants the identity tier claim, and it has mac'
  const weak = await anApi(t, { find: () => [{ ...summary, identity: { ...byMacAlone, tooWeak } }] })
  const { out } = await weak.call('show', 'node-1')
  t.match(out, /^identity {3}mac: no boot of it from the network has shown its board$/m)
  t.match(out, /^kept out {3}the network rack wants the identity tier claim, and it has mac$/m)
})

t.test('show tells what is learnt and wanted of a machine, and nothing of what is not', async (t) => {
  const shown = async (changes: Partial<MachineSummary['machine']>) => {
    const machine = aMachine(changes)
    const { call } = await anApi(t, { find: () => [{ ...summary, machine }] })
    return (await call('show', machine.id)).out
  }
  t.notMatch(await shown({}), /^(?:proxy|next boot) /m)
  const tried = { strategy: 'boot-server', worked: false, failures: 2 } as const
  t.match(
    await shown({ proxy: tried }),
    /^proxy {6}offer boot-server, being tried; 2 boots in a row fetched nothing$/m,
  )
  const kept = { strategy: 'with-43', worked: true, failures: 0 } as const
  t.match(await shown({ proxy: kept }), /^proxy {6}offer with-43, which has worked$/m)
  const next = { action: 'local', askedAt: 0 } as const
  t.match(
    await shown({ bootNext: next }),
    /^next boot {2}boots its own disk, once, wanted since 1970-01-01T00:00/m,
  )
  t.notMatch(await shown({ bootNext: { ...next, used: { attempt: 'a1' } } }), /^next boot/m)
  const hardware = {
    at: 5,
    firmware: 'uefi',
    firmwareVersion: 'Dell Inc. 2.18.1 08/09/2023',
    tpm: '2.0',
    processors: 32,
    processorModel: 'AMD EPYC 7302P',
    memoryBytes: 64 * 1024 ** 3,
    cards: [{ name: 'eno1', mac: macNumber(1) }],
  } as const
  const made = await shown({ hardware })
  const words =
    '32 processors \\(AMD EPYC 7302P\\), 64.0 GiB of memory, firmware Dell Inc. 2.18.1 08/09/2023, TPM 2.0'
  t.match(made, new RegExp(`^hardware {3}${words}$`, 'm'))
  t.match(made, /^cards {6}eno1 /m)
})

t.test('power tells what was asked of a machine, and what a person should know of it', async (t) => {
  const asked: object[] = []
  const { call } = await anApi(t, {
    power: {
      ...aDesk().power,
      turn: async (_machine, order) => {
        asked.push(order)
        return await Promise.resolve(
          order.action === 'off'
            ? { kind: 'refused', because: 'No BMC answers.' }
            : { kind: 'powered', way: 'redfish', state: 'on', remarks: ['it was on already'] },
        )
      },
    },
  })
  t.match(await call('power', 'node-1', 'cycle', '--boot', 'network'), {
    code: 0,
    err: /was told: cycle, by redfish; it is on\.\nBut it was on already\.$/,
  })
  t.strictSame(asked, [{ action: 'cycle', boot: 'network' }])
  t.match(await call('power', 'node-1', 'off'), { code: 1, err: /No BMC answers/ })
  t.match(await call('power', 'node-1', 'status'), { code: 0, out: / is on, by redfish$/ })
  t.equal(
    (JSON.parse((await call('power', 'node-1', 'on', '--output', 'json')).out) as { way: string }).way,
    'redfish',
  )
  for (const words of [
    ['up'],
    ['status', 'now'],
    ['off', '--boot', 'network'],
    ['on', '--boot', 'disk'],
    [],
  ]) {
    t.match(await call('power', 'node-1', ...words), { code: 2 }, words.join(' '))
  }
})
