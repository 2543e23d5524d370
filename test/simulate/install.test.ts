import { readFileSync } from 'node:fs'
import t from 'tap'
import { autoinstallFile, autoinstallFor, installerPrograms } from '../../server/cloud-init/autoinstall.ts'
import { diskWriterSeed } from '../../server/cloud-init/disk-writer.ts'
import { parseReport } from '../../server/cloud-init/parse-report.ts'
import { seedFor, type SeedIntent } from '../../server/cloud-init/seed.ts'
import { parseInventory } from '../../server/machines/parse-inventory.ts'
import { diskOf, inventoryOf } from '../../server/simulate/ask-box.ts'
import type { Deed, Found } from '../../server/simulate/course.ts'
import { rackOf, type RackMachine, type SimulatedFirmware } from '../../server/simulate/rack.ts'
import { runOwnSystem, runSystem, type SystemEnd } from '../../server/simulate/run-system.ts'
import { Box, captured } from '../boot/a-box.ts'
import { walk } from './walk.ts'

const base = 'http://10.77.0.1:8080'
const install = `${base}/install/abc`
const image = 'http://10.77.0.1:8081/images/noble@1/disk.raw.zst'
const iso = 'http://10.77.0.1:8081/images/noble@1/installer.iso'
const programs = {
  common: '#cloud-config\nssh_pwauth: false\n',
  askBox: '#!/bin/sh\n',
  program: '#!/bin/sh\n',
}

const memory = {
  disk: ['root=squash:http://10.77.0.1:8081/images/rack/squashfs', 'ip=::::node-1:BOOTIF:dhcp'],
  autoinstall: [`iso-url=${iso}`, 'ip=dhcp', 'autoinstall'],
}

function machineWith(firmware: SimulatedFirmware = 'uefi'): RackMachine {
  const [machine] = rackOf({ machines: 1, mix: [{ firmware, share: 1 }], methods: [], faults: [] })
  if (machine === undefined) throw new Error('an empty rack')
  return machine
}

type Answers = {
  readonly vendorData: string
  readonly autoinstall?: SeedIntent['autoinstall']
  readonly disks: string
  readonly imageBytes?: number
}

/** What the appliance answers to a system in memory; its seeds and configurations are the real ones. */
function played(
  machine: RackMachine,
  method: keyof typeof memory,
  { vendorData, autoinstall, disks, imageBytes = 1_000 }: Answers,
) {
  const box = new Box(captured)
  const said: string[] = []
  const bodies = new Map<string, string[]>()
  const answer = (deed: Deed): Found => {
    if (deed.kind === 'ask') {
      box.now += 100
      const { reply } = box.ask(deed.message)
      return reply === undefined
        ? { kind: 'failed', because: 'no answer' }
        : { kind: 'reply', message: reply.message }
    }
    if (deed.kind !== 'fetch-http') return { kind: 'done' }
    const path = deed.url.replace(base, '')
    said.push(`${deed.method} ${path}`)
    if (deed.body !== undefined) bodies.set(path, [...(bodies.get(path) ?? []), deed.body])
    if (path === '/install/abc/disks') return response(disks)
    if (deed.method === 'POST') return response('', 204)
    if (deed.url === image) return { ...response(''), byteCount: imageBytes, announced: imageBytes }
    const made = seedFor({
      instanceId: 'i-1',
      hostname: 'node-1',
      mac: machine.mac,
      reportUrl: `${base}/report/${path.startsWith('/install') ? 'disk' : 'abc'}`,
      phoneHomeUrl: `${base}/phone-home/abc`,
      sshAuthorizedKeys: [],
      vendorData: path.startsWith('/install') ? '#cloud-config\n{}\n' : vendorData,
      ...(autoinstall === undefined ? {} : { autoinstall }),
    })
    if (made.kind === 'refused') throw new Error(made.because)
    const { metaData, userData, networkConfig, vendorData: vendor } = made.seed
    const texts = new Map([
      ['meta-data', metaData],
      ['user-data', userData],
      ['vendor-data', vendor],
      ['network-config', networkConfig],
    ])
    return response(texts.get(path.split('/').at(-1) ?? '') ?? '')
  }
  const commandLine = [...memory[method], `ds=nocloud;s=${base}/seed/abc/`]
  const boot = (): SystemEnd =>
    walk(
      runSystem(machine, commandLine, () => 0.5),
      answer,
    ).result
  return { boot, said, bodies, answer }
}

function response(text: string, status = 200): Found & { kind: 'response' } {
  const byteCount = text.length
  const retryAfterSeconds = undefined
  return { kind: 'response', status, byteCount, announced: byteCount, checksum: 1, text, retryAfterSeconds }
}

function vendorDataOf(made: ReturnType<typeof diskWriterSeed>): string {
  if (made.kind === 'refused') throw new Error(made.because)
  return made.text
}

const writer = vendorDataOf(diskWriterSeed({ ...programs, url: install }))
const toWrite = (machine: RackMachine, more: readonly string[]): string => {
  const { name, bytes, serial } = diskOf(machine)
  return `${['write', `disk ${name}`, `bytes ${bytes}`, `serial ${serial}`, ...more].join('\n')}\n`
}
const theImage = [`url ${image}`, 'packed-bytes 1000', `sha256 ${'0'.repeat(64)}`, 'unpacked-bytes 4000']

t.test(
  'the inventory of every machine is one that the box reads, with one blank disk of its own',
  async (t) => {
    const serials = new Set<string>()
    const mix = [
      { firmware: 'bios', share: 1 },
      { firmware: 'http', share: 1 },
    ] as const
    for (const machine of rackOf({ machines: 200, mix, methods: [], faults: [] })) {
      const parsed = parseInventory(inventoryOf(machine))
      if (parsed.kind === 'refused') return t.fail(parsed.because)
      const { disks, firmware, cards } = parsed.inventory
      t.equal(firmware, machine.firmware === 'bios' ? 'bios' : 'uefi')
      t.match(cards, [{ mac: machine.mac }])
      t.match(disks, [{ ...diskOf(machine), holds: [], usedBy: [] }])
      serials.add(diskOf(machine).serial)
    }
    t.equal(serials.size, 200)
  },
)

t.test('a machine whose disk is written says and fetches what the program on real ones does', async (t) => {
  for (const firmware of ['bios', 'uefi'] as const) {
    const machine = machineWith(firmware)
    const world = played(machine, 'disk', { vendorData: writer, disks: toWrite(machine, theImage) })
    const ended = world.boot()
    t.match(ended, { kind: 'written', by: 'disk' })
    const boot = firmware === 'uefi' ? ['POST /install/abc/note'] : []
    t.strictSame(world.said.slice(world.said.indexOf('POST /install/abc/disks') - 1), [
      'POST /report/abc',
      'POST /install/abc/disks',
      `GET ${image}`,
      'POST /install/abc/note',
      'POST /install/abc/note',
      'GET /install/abc/seed/meta-data',
      'GET /install/abc/seed/user-data',
      'GET /install/abc/seed/vendor-data',
      'GET /install/abc/seed/network-config',
      ...boot,
      'POST /install/abc/ended',
    ])
    t.strictSame(world.bodies.get('/install/abc/ended'), ['written\n'])
    const reports = world.bodies.get('/report/abc')?.map(parseReport)
    t.match(
      reports?.at(-1),
      { report: { kind: 'start', name: 'modules-final' } },
      'it restarts in the middle',
    )
    t.notOk(world.bodies.has('/phone-home/abc'))
    if (ended.kind !== 'written') return
    walk(
      runOwnSystem(machine, ended.seed, () => 0.5),
      world.answer,
    )
    t.equal(
      world.bodies.get('/report/disk')?.length,
      8,
      'its own system reports where the seed on the disk says',
    )
    t.match(world.bodies.get('/phone-home/abc'), [/hostname=node-1/])
  }
})

t.test('the program on real machines goes on in the order that is played', async (t) => {
  const script = readFileSync(new URL('../../cloud-init/disk/write-disk', import.meta.url), 'utf8')
  const places = [
    '\nask_which_disk\n',
    'fail not-enrolled',
    '\n  write_image\n',
    'MiB were written',
    'note "the partition $root has',
    'for file in meta-data user-data vendor-data network-config',
    'note "the boot order has the disk behind the network',
    '\ntell_written\n',
    '\nreboot -f',
  ].map((words) => script.indexOf(words))
  t.notOk(places.includes(-1), 'each is there')
  t.strictSame(
    places.toSorted((a, b) => a - b),
    places,
  )
})

t.test('the image is asked for by ranges, and told of each ten seconds in bytes of the disk', async (t) => {
  const machine = machineWith()
  const world = played(machine, 'disk', { vendorData: writer, disks: toWrite(machine, theImage) })
  const commandLine = [...memory.disk, `ds=nocloud;s=${base}/seed/abc/`]
  const { deeds } = walk(
    runSystem(machine, commandLine, () => 0.5),
    world.answer,
  )
  t.match(
    deeds.find((deed) => deed.kind === 'fetch-http' && deed.url === image),
    { from: { byte: 0 }, progress: { url: `${install}/progress`, everyMs: 10_000, unpacks: 4 } },
  )
})

t.test(
  'a machine that the installer writes is told its disk, and reports as the installer does',
  async (t) => {
    const machine = machineWith()
    const intent = { mac: machine.mac, reportUrl: `${base}/report/abc`, installUrl: install }
    const whole = autoinstallFor(intent)
    if (whole.kind === 'refused') throw new Error(whole.because)
    const file = autoinstallFile({ ...intent, disk: diskOf(machine) })
    if (file.kind === 'refused') throw new Error(file.because)
    const vendorData = vendorDataOf(installerPrograms(programs))
    const disks = toWrite(machine, ['configuration', file.text])
    const world = played(machine, 'autoinstall', { vendorData, autoinstall: whole.value, disks })
    t.match(world.boot(), { kind: 'written', by: 'autoinstall' })
    t.ok(world.said.includes(`GET ${iso}`))
    t.ok(
      world.said.indexOf('POST /phone-home/abc') < world.said.indexOf('POST /install/abc/disks'),
      'the installer waits for cloud-init',
    )
    t.strictSame(world.said.slice(-8, -2), [
      'POST /report/abc',
      'GET /install/abc/seed/meta-data',
      'GET /install/abc/seed/user-data',
      'GET /install/abc/seed/vendor-data',
      'GET /install/abc/seed/network-config',
      'POST /install/abc/ended',
    ])
    const reports = world.bodies.get('/report/abc')?.map(parseReport)
    t.match(reports?.at(-1), { report: { origin: 'curtin', kind: 'start', name: 'subiquity/Shutdown' } })
    t.ok(reports?.every(({ kind }) => kind === 'report'))

    const other = autoinstallFile({ ...intent, disk: { ...diskOf(machine), udevSerial: 'another' } })
    if (other.kind === 'refused') throw new Error(other.because)
    const wrong = toWrite(machine, ['configuration', other.text])
    t.throws(played(machine, 'autoinstall', { vendorData, autoinstall: whole.value, disks: wrong }).boot, {
      name: 'Lost',
      message: /means another disk than sda/,
    })
  },
)

t.test(
  'an install that comes to nothing is told to the box by its cause, and the machine is lost',
  async (t) => {
    const machine = machineWith()
    const seed = writer
    const invited = writer.replace('/run/ironwake/ask-box', '/run/ironwake/invitation')
    t.not(invited, writer)
    const cases: readonly (readonly [Answers, string | undefined, RegExp])[] = [
      [
        { vendorData: seed, disks: 'refused disk-refused\nsda holds data: gpt\n' },
        undefined,
        /disk-refused: sda holds data: gpt/,
      ],
      [
        { vendorData: seed, disks: 'write\ndisk sdb\nbytes 5\nserial X\n' },
        'disk-changed',
        /sdb is not the one with serial/,
      ],
      [{ vendorData: seed, disks: toWrite(machine, []) }, 'image-not-fetched', /names no image/],
      [
        { vendorData: seed, disks: toWrite(machine, theImage), imageBytes: 999 },
        'image-damaged',
        /999 bytes came in place of 1000/,
      ],
      [{ vendorData: invited, disks: toWrite(machine, theImage) }, 'not-enrolled', /no key to enrol by/],
    ]
    for (const [answers, cause, message] of cases) {
      const world = played(machine, 'disk', answers)
      t.throws(world.boot, { name: 'Lost', message })
      const ended = world.bodies.get('/install/abc/ended')
      if (cause === undefined) t.equal(ended, undefined, 'the box knows already')
      else t.match(ended, [new RegExp(`^failed ${cause}\n`)])
    }
  },
)
