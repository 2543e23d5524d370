import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import t, { type Test } from 'tap'
import { imageStoreName } from '../../server/appliance/image-shelf.ts'
import type { MachineSettings } from '../../server/config/config.ts'
import { parseDiskSelector } from '../../server/config/parse-disk-selector.ts'
import type { InstallWord } from '../../server/http/boot-app.ts'
import { installFailures } from '../../server/machines/install-failures.ts'
import { rawDisk } from '../images/some-images.ts'
import { arrival, mac, type OneMachine } from './one-machine.ts'
import { aRedfishService, password } from '../power/a-redfish-service.ts'
import { ram } from './a-config.ts'
import { boxWithDisk, image } from './box-with-disk.ts'

const orderly = { mode: 'orderly' } as const
const imageBytes = 4 * 1024 * 1024

async function aBox(t: Test, changes: Partial<MachineSettings> = {}): Promise<OneMachine> {
  return await boxWithDisk(t, rawDisk(imageBytes), changes)
}

/** Disks by their name, size, serial and what else is told of them. */
function inventory(...disks: readonly string[]): string {
  const told = disks.map((disk) => {
    const [name, bytes, serial, ...more] = disk.split(' ')
    return `disk ${name}\nbytes ${bytes}\nserial ${serial}\n${more.map((line) => `${line.replace('=', ' ')}\n`).join('')}`
  })
  return `ironwake-inventory 1\nfirmware bios\nprocessors 2\nmemory 1000000000\n${told.join('')}end\n`
}

const blank = inventory('vda 20000000000 A')
const used = inventory('vda 20000000000 A holds=gpt')

async function says(box: OneMachine, word: InstallWord, body: string, attempt = box.attempt.id) {
  const outcome = await box.boot.install.word(arrival, attempt, word, body)
  return outcome.kind === 'text'
    ? outcome.text
    : outcome.kind === 'refused'
      ? `${outcome.status}`
      : outcome.kind
}

async function reportsFromDisk(box: OneMachine, result: 'SUCCESS' | 'FAIL'): Promise<string> {
  const report = {
    name: 'modules-final',
    description: 'x',
    event_type: 'finish',
    origin: 'cloudinit',
    result,
  }
  const outcome = await box.boot.report(arrival, box.machine.install!.id, JSON.stringify(report))
  return outcome.kind
}

/** Boots, and has its disk written. */
async function writes(box: OneMachine, disks = blank): Promise<void> {
  if ((await box.boots()) !== 'install-disk') throw new Error('it is not to write its disk')
  const answer = await says(box, 'disks', disks)
  if (!answer.startsWith('write\n')) throw new Error(answer)
  const ended = await says(box, 'ended', 'written\n')
  if (ended !== 'accepted') throw new Error(ended)
}

t.test(
  'the box names the disk and the image, and nothing counts as installed before the disk reports',
  async (t) => {
    const box = await aBox(t)
    t.equal(await box.boots(), 'install-disk')
    t.equal(box.machine.state, 'installing')
    const answer = await says(box, 'disks', blank)
    t.match(
      answer,
      /^write\ndisk vda\nbytes 20000000000\nserial A\nurl http:\/\/10\.77\.0\.1:8081\/images\/noble@20260401\/disk\.raw\.zst\npacked-bytes [0-9]+\nsha256 [0-9a-f]{64}\nunpacked-bytes 4194304\n$/,
    )
    t.match(box.machine.install, { phase: 'writing', image, disk: { serial: 'A', bytes: 20e9 } })
    t.ok(
      readdirSync(join(box.dataFolder, imageStoreName, 'uses')).includes(`${box.attempt.id}-disk`),
      'no sweep takes the image away',
    )
    t.equal(await says(box, 'progress', '1048576\n'), 'accepted')
    t.match(box.happened.at(-1), { kind: 'disk-progress', byteCount: 1_048_576, of: imageBytes })
    t.equal(await says(box, 'ended', 'written\n'), 'accepted')
    t.match(box.machine, { state: 'installing', install: { phase: 'written' } })
    t.match(box.attempt, { result: 'written' })

    t.equal(await box.boots(), 'boot-local')
    t.match(box.machine, { state: 'installing' }, 'it was only sent to its disk')
    t.equal(await reportsFromDisk(box, 'SUCCESS'), 'accepted')
    t.match(box.machine, { state: 'installed', failures: 0, install: { phase: 'installed' } })
    t.equal(await box.boots(), 'boot-local', 'it is installed once, however often it boots')
    t.match(box.machine, { state: 'installed' })
  },
)

t.test('the system on the disk has a seed with addresses of its own', async (t) => {
  const box = await aBox(t)
  await box.boots()
  await says(box, 'disks', blank)
  const seed = async (file: 'user-data' | 'vendor-data' | 'meta-data') => {
    const outcome = await box.boot.install.seed(arrival, box.attempt.id, file)
    return outcome.kind === 'text' ? outcome.text : outcome.kind
  }
  const { id } = box.machine.install!
  t.not(id, box.attempt.id)
  t.match(await seed('user-data'), new RegExp(`/report/${id}"[^]*/phone-home/${id}"`))
  t.match(await seed('meta-data'), new RegExp(`${box.machine.id}-${id.slice(0, 8)}`))
  t.match(await seed('vendor-data'), /^#cloud-config\n[^]*resize_rootfs: true/)
  t.match(box.happened.at(-1), { kind: 'seed-served', file: 'vendor-data', attempt: box.attempt.id })
  const inMemory = await box.boot.seed(arrival, box.attempt.id, 'vendor-data')
  t.match(inMemory, {
    kind: 'text',
    text: new RegExp(`/run/ironwake/write-disk[^]*/install/${box.attempt.id}"`),
  })
  await says(box, 'ended', 'written\n')
  t.equal(await seed('user-data'), 'refused', 'once the disk is written there is no seed any more')
})

t.test('a box that went down before it answered hears once more that the disk is written', async (t) => {
  const box = await aBox(t)
  await writes(box)
  await box.restart()
  t.equal(await says(box, 'ended', 'written\n'), 'accepted')
  t.match(box.machine, { state: 'installing', install: { phase: 'written' } })
  t.equal(box.happened.filter(({ kind }) => kind === 'disk-written').length, 1, 'it is one event')
  t.equal(await says(box, 'ended', 'failed write-failed\nx\n'), '404', 'nothing else is heard any more')
  t.equal(await box.boots(), 'boot-local')
  t.equal(await says(box, 'ended', 'written\n'), '404', 'nor anything of a boot that runs')
})

t.test('a disk with data stops the install, and three such boots are enough', async (t) => {
  const box = await aBox(t)
  await box.boots()
  t.equal(
    await says(box, 'disks', used),
    'refused disk-refused\nvda with 20.0 GB, serial A holds data: gpt\n',
  )
  t.match(box.machine, { state: 'failed', failures: 1, install: { phase: 'begun', disk: undefined } })
  t.match(
    box.happened.filter(({ kind }) => kind === 'install-failed'),
    [{ cause: 'disk-refused' }],
  )
  t.equal(await says(box, 'disks', blank), '404', 'a boot that has ended is told nothing')
  for (const _ of [2, 3]) {
    t.equal(await box.boots(), 'install-disk')
    await says(box, 'disks', used)
  }
  t.equal(box.machine.state, 'quarantined')
  t.equal(await box.boots(), 'wait')
})

t.test('with `wipe` a disk with data is written', async (t) => {
  const box = await aBox(t, { wipe: true })
  await box.boots()
  t.match(await says(box, 'disks', used), /^write\n/)
  t.match(
    box.happened.findLast(({ kind }) => kind === 'disk-chosen'),
    { because: /may go \(wipe\): gpt/ },
  )
})

t.test(
  'a machine that was killed while it wrote writes again, on the same disk, and on no other',
  async (t) => {
    const box = await aBox(t)
    await box.boots()
    await says(box, 'disks', blank)
    await box.restart()
    t.equal(await box.boots(), 'install-disk')
    t.match(box.machine, { state: 'installing', failures: 1 })
    t.equal(box.machine.install!.attempt, box.attempt.id)
    t.match(await says(box, 'disks', used), /^write\n/, 'what it holds is what was begun')
    t.match(
      box.happened.findLast(({ kind }) => kind === 'disk-chosen'),
      { because: /did not come to its end/ },
    )

    await box.boots()
    const other = inventory('vda 20000000000 B holds=gpt')
    t.match(await says(box, 'disks', other), /^refused disk-refused\n/)
  },
)

t.test('an installed machine that is to be written again needs `wipe`', async (t) => {
  for (const wipe of [false, true]) {
    await t.test(`wipe: ${wipe}`, async (t) => {
      const box = await aBox(t, { wipe })
      await writes(box)
      await reportsFromDisk(box, 'SUCCESS')
      box.roster.bootNext(box.machine.id, 'image', box.now)
      t.equal(await box.boots(), 'install-disk')
      t.match(await says(box, 'disks', used), wipe ? /^write\n/ : /^refused disk-refused\n/)
    })
  }
})

/** Has it installed, and its system on the disk report so. */
async function installs(box: OneMachine, disks = blank): Promise<void> {
  await writes(box, disks)
  await reportsFromDisk(box, 'SUCCESS')
}

t.test('a new approval of an installed machine says what becomes of its disk, or is refused', async (t) => {
  const box = await aBox(t, { wipe: true })
  await installs(box)
  const before = box.machine
  t.match(await box.api.approve(box.machine, { hostname: 'node-2' }), {
    kind: 'refused',
    because:
      /is installed, and another approval is another install, which would write over its disk \(serial A, 20.0 GB\)\. Say --wipe .*--disk .*--keep .*reinstall/,
  })
  t.match(await box.api.approve(box.machine, { disk: 'serial=A' }), { kind: 'refused' })
  t.match(await box.api.approve(box.machine, { disk: 'smallest' }), { kind: 'refused' })
  t.match(await box.api.approve(box.machine, { keep: true, wipe: true }), {
    kind: 'refused',
    because: /cannot both be kept \(--keep\) and be written over/,
  })
  t.equal(box.machine, before, 'nothing has changed')
  t.equal(await box.boots(), 'boot-local')
})

t.test('with `wipe` a new approval is one install more, and no third one', async (t) => {
  const box = await aBox(t)
  box.comesBy()
  await box.api.approve(box.machine, {})
  await installs(box)
  const { id } = box.machine.install!
  t.match(await box.api.approve(box.machine, { wipe: true }), {
    kind: 'done',
    remarks: ['at its next boot from the network its disk (serial A, 20.0 GB) is written over'],
  })
  t.match(box.machine, { state: 'installed', install: { phase: 'installed', again: 'approved' } })
  await box.restart()
  t.equal(await box.boots(60), 'install-disk')
  t.match(
    box.happened.findLast(({ kind }) => kind === 'script-served'),
    { because: /a person has approved it anew/ },
  )
  t.not(box.machine.install?.id, id)
  await box.boots(60)
  t.match(await says(box, 'disks', used), /^write\n/, 'a boot that was cut off is made good')
  await says(box, 'ended', 'written\n')
  t.equal(await box.boots(60), 'boot-local')
  await reportsFromDisk(box, 'SUCCESS')
  t.match(box.machine, { state: 'installed', approval: { wipe: true, doneAt: box.now } })
  t.equal(await box.boots(60), 'boot-local', 'however often it boots')
  box.roster.bootNext(box.machine.id, 'image', box.now)
  t.equal(await box.boots(60), 'install-disk')
  t.match(await says(box, 'disks', used), /^refused disk-refused\n/, 'that data may go was for one install')
})

t.test('a new approval for another disk leaves the one alone that was written', async (t) => {
  const box = await aBox(t)
  await installs(box)
  t.match(await box.api.approve(box.machine, { disk: 'serial=B' }), {
    remarks: [
      'at its next boot from the network the disk serial=B is written',
      /^by what it last told of its disks none would be written: .*serial=B is not there/,
    ],
  })
  t.equal(await box.boots(), 'install-disk')
  const both = inventory('vda 20000000000 A holds=gpt', 'vdb 20000000000 B')
  t.match(await says(box, 'disks', both), /\ndisk vdb\n/)
  t.match(
    box.happened.findLast(({ kind }) => kind === 'disk-chosen'),
    { because: 'its approval says serial=B, and it is blank' },
  )
})

t.test('who approves is told what of the approval before holds no more', async (t) => {
  const box = await aBox(t)
  box.comesBy()
  await box.api.approve(box.machine, { hostname: 'node-1', disk: 'serial=A', wipe: true })
  t.match(await box.api.approve(box.machine, { disk: 'serial=A' }), {
    remarks: [
      'what the approval before said holds no more: name node-1; say it again where it is still meant',
    ],
  })
  t.strictSame(await box.api.approve(box.machine, { hostname: 'node-1', disk: 'serial=B' }), {
    kind: 'done',
    remarks: [],
  })
})

t.test('a new approval that keeps the disk changes what else is said, and installs nothing', async (t) => {
  const box = await aBox(t)
  box.comesBy()
  t.match(await box.api.approve(box.machine, { keep: true }), {
    kind: 'refused',
    because: /this box has written no disk of .* that could be kept/,
  })
  await installs(box)
  t.match(await box.api.approve(box.machine, { keep: true, hostname: 'node-2' }), {
    kind: 'done',
    remarks: [],
  })
  t.match(box.machine, { hostname: 'node-2', approval: { doneAt: box.now }, install: { again: undefined } })
  t.match(
    box.happened.findLast(({ kind }) => kind === 'machine-approved'),
    { keep: true },
  )
  t.equal(await box.boots(), 'boot-local')
})

t.test('a node of a cluster is not installed anew by an approval, whatever that says', async (t) => {
  const box = await aBox(t)
  await installs(box)
  for (const [trigger, state] of [
    ['join-asked', 'joining'],
    ['node-ready', 'active'],
  ] as const) {
    box.roster.move(box.machine.id, trigger, 'it said so', box.now)
    t.equal(box.machine.state, state)
    t.match(await box.api.approve(box.machine, { wipe: true }), {
      kind: 'refused',
      because: /as a node of its cluster it starts from its disk, .* Release it first/,
    })
    t.match(await box.api.approve(box.machine, { keep: true }), { kind: 'done' })
    t.equal(await box.boots(), 'boot-local')
  }
})

t.test('what is written under an older approval is written once more under the new one', async (t) => {
  const box = await aBox(t)
  await box.boots()
  await says(box, 'disks', blank)
  t.match(await box.api.approve(box.machine, { hostname: 'node-2' }), {
    kind: 'done',
    remarks: [/^an install of .* is under way .* holds data, .* say --wipe if it may go$/],
  })
  await says(box, 'ended', 'written\n')
  await reportsFromDisk(box, 'SUCCESS')
  t.match(box.machine.approval, { hostname: 'node-2', doneAt: undefined }, 'that was the install before')
  t.equal(await box.boots(), 'install-disk')
  t.match(await says(box, 'disks', used), /^refused disk-refused\n/, 'what was up is data')
  t.match(await box.api.approve(box.machine, { hostname: 'node-2', wipe: true }), {
    kind: 'done',
    remarks: [],
  })
  t.equal(await box.boots(), 'install-disk')
  t.match(await says(box, 'disks', used), /^write\n/)
})

t.test('a new approval that is taken back before the machine boots costs it nothing', async (t) => {
  const box = await aBox(t)
  await installs(box)
  await box.api.approve(box.machine, { wipe: true })
  await box.api.unapprove(box.machine)
  t.equal(await box.boots(), 'boot-local', 'the rule that it was installed by still counts')
})

t.test('a machine that is let go while the images are looked at is not installed anew', async (t) => {
  const box = await aBox(t)
  await installs(box)
  const asked = box.api.reinstall(box.machine, orderly)
  box.roster.move(box.machine.id, 'release-asked', 'a person lets it go', 9)
  t.match(await asked, { kind: 'refused', because: /is being released/ })
  t.notOk(box.machine.install?.again)
})

t.test('reinstall writes the disk once more that was written before, and no other', async (t) => {
  const box = await aBox(t)
  await installs(box)
  const { approval } = box.machine
  t.match(await box.api.reinstall(box.machine, orderly), {
    kind: 'done',
    remarks: [
      'what its disk (serial A, 20.0 GB) holds is written over then',
      /can only wake it.*restart it from the network by hand/,
    ],
  })
  t.match(box.machine, { state: 'approved', approval, install: { phase: 'installed', again: 'reinstall' } })
  t.equal(box.count('reinstall-asked'), 1)
  t.match(await box.api.reinstall(box.machine, orderly), { kind: 'done' }, 'to ask twice is to ask once')
  await box.restart()
  t.equal(await box.boots(60), 'install-disk')
  t.match(
    box.happened.findLast(({ kind }) => kind === 'script-served'),
    { because: /a person wants it installed again/ },
  )
  t.match(await says(box, 'disks', inventory('vda 20000000000 B holds=gpt')), /^refused disk-refused\n/)
  t.equal(await box.boots(60), 'install-disk')
  const both = inventory('vda 30000000000 B holds=gpt', 'vdb 20000000000 A holds=gpt')
  t.match(await says(box, 'disks', both), /^refused disk-unclear\n/, 'no disk is named, and there are two')
  await box.api.retry(box.machine.id)
  t.equal(await box.boots(60), 'install-disk')
  t.match(await says(box, 'disks', used), /^write\n/)
  t.equal(await box.boots(60), 'install-disk', 'it was cut off')
  t.match(await says(box, 'disks', used), /^write\n/)
  await says(box, 'ended', 'written\n')
  await reportsFromDisk(box, 'SUCCESS')
  t.match(box.machine, { state: 'installed', install: { phase: 'installed', again: undefined } })
  t.equal(await box.boots(60), 'boot-local', 'once')
})

t.test(
  'reinstall starts a machine from the network by its BMC, and says when that does not answer',
  async (t) => {
    const service = await aRedfishService(t)
    process.env['IRONWAKE_TEST_REINSTALL'] = password
    t.teardown(() => delete process.env['IRONWAKE_TEST_REINSTALL'])
    const power = {
      kind: 'redfish' as const,
      url: service.url,
      user: 'ops',
      password: { kind: 'environment' as const, name: 'IRONWAKE_TEST_REINSTALL' },
      trust: { kind: 'fingerprint' as const, sha256: service.sha256 },
      system: undefined,
    }
    const box = await aBox(t)
    await installs(box)
    const settings = {
      ...ram,
      method: 'disk' as const,
      image: 'noble',
      ephemeral: 'debian',
      hostname: undefined,
    }
    await box.restart({ machines: [{ ...settings, mac, power }] })
    t.match(await box.api.reinstall(box.machine, orderly), {
      kind: 'done',
      remarks: [/written over/, 'it is being started from the network now, by redfish (it is on)'],
    })
    t.match(service.state.boot, { BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once' })
    t.ok(service.asked.some((one) => one.startsWith('POST') && one.endsWith('ComputerSystem.Reset')))

    await box.restart({ machines: [{ ...settings, mac, power: { ...power, url: 'https://127.0.0.1:1' } }] })
    t.match(await box.api.reinstall(box.machine, orderly), {
      kind: 'done',
      remarks: [
        /written over/,
        /its power did not start it.*nobody answers there\. Start it from there by hand/,
      ],
    })
    t.equal(await box.boots(60), 'install-disk', 'it is wanted all the same')
  },
)

t.test('a node whose system asks to join once more is installed again all the same', async (t) => {
  const box = await aBox(t)
  await installs(box)
  box.roster.move(box.machine.id, 'join-asked', 'its system asks', box.now)
  box.roster.move(box.machine.id, 'node-ready', 'its Node is Ready', box.now)
  t.match(await box.api.reinstall(box.machine, orderly), {
    remarks: [/written over/, /machines release .* moves its pods/, /can only wake it/],
  })
  box.roster.move(box.machine.id, 'join-asked', 'its system asks', box.now)
  t.equal(await box.boots(60), 'install-disk')
})

t.test('a control plane that others need is not installed again, unless by force', async (t) => {
  const box = await aBox(t)
  await installs(box)
  box.needed = 'it is the only control plane of lab'
  t.match(await box.api.reinstall(box.machine, orderly), {
    kind: 'refused',
    because: /is not installed again: it is the only control plane of lab$/,
  })
  t.match(box.machine, { state: 'installed', install: { again: undefined } }, 'nothing has changed')
  t.equal(box.count('reinstall-asked'), 0)
  t.match(await box.api.reinstall(box.machine, { mode: 'force' }), { kind: 'done' })
  t.match(box.machine, { state: 'approved', install: { again: 'reinstall' } })
})

t.test('what cannot be installed again is told at once, and why', async (t) => {
  const box = await aBox(t)
  box.comesBy()
  const refused = async (because: RegExp) =>
    t.match(await box.api.reinstall(box.machine, orderly), { kind: 'refused', because }, String(because))
  await refused(/has written no disk of .* yet/)
  await box.boots(60)
  await says(box, 'disks', blank)
  await refused(/has begun and not come to its end/)
  await says(box, 'ended', 'written\n')
  await reportsFromDisk(box, 'SUCCESS')
  await box.restart({ approve: { kind: 'these', macs: new Set() } })
  await refused(/is not approved: ironwake machines approve/)
  await box.restart({
    approve: { kind: 'all' },
    defaults: { ...box.config.defaults, method: 'ram', image: 'debian' },
  })
  await refused(/runs from memory/)
  await box.restart({ defaults: { ...box.config.defaults, method: 'local' } })
  await refused(/boots its own disk/)
  await box.restart({ defaults: { ...box.config.defaults, method: 'disk', image: 'gone' } })
  await refused(/has no image: there is no image gone/)
  await box.restart({ defaults: { ...box.config.defaults, method: 'disk', image: 'noble' } })
  await box.api.approve(box.machine, { wipe: true })
  await refused(/to be installed again already, by its newest approval/)
  box.roster.move(box.machine.id, 'release-asked', 'a person lets it go', box.now)
  await refused(/is being released/)
})

t.test('plan shows which disk would be written by what was last told of them, and why', async (t) => {
  const box = await aBox(t)
  box.comesBy()
  const planned = async () => {
    const found = await box.api.plan(box.machine)
    if (found.kind === 'refused') throw new Error(found.because)
    return found.plan
  }
  t.match((await planned()).disk, { kind: 'none', because: /has told of its disks yet/, at: undefined })
  await box.boots(60)
  await says(box, 'disks', used)
  const told = box.now
  t.match(box.machine.disks, { at: told, seen: [{ name: 'vda', serial: 'A', holds: ['gpt'] }] })
  await box.restart()
  t.match(
    (await planned()).disk,
    { kind: 'none', because: 'vda with 20.0 GB, serial A holds data: gpt', at: told },
    'it stays after a restart',
  )
  await box.api.approve(box.machine, { wipe: true })
  const disk = {
    kind: 'disk',
    disk: 'vda with 20.0 GB, serial A',
    because: /it is the only disk, .*wipe.*gpt/,
  }
  t.match((await planned()).disk, disk)
  const before = box.machine
  await planned()
  t.equal(box.machine, before, 'nothing changes by asking')
  await installs(box, used)
  t.equal((await planned()).disk, undefined, 'none is to be written')
  await box.api.reinstall(box.machine, orderly)
  t.match((await planned()).disk, { kind: 'disk', because: /what this box wrote/ })
})

t.test('the disk of an approval counts before that of the settings, and so does its `wipe`', async (t) => {
  const box = await aBox(t, { disk: selector('serial=A'), wipe: true })
  const both = inventory('vda 20000000000 A', 'vdb 20000000000 B holds=ext4')
  box.comesBy()
  await box.api.approve(box.machine, { disk: 'serial=B', wipe: false })
  await box.boots()
  t.match(await says(box, 'disks', both), /^refused disk-refused\nvdb /)
  await box.api.approve(box.machine, { disk: 'serial=B', wipe: true })
  await box.boots()
  t.match(await says(box, 'disks', both), /^write\ndisk vdb\n/)
})

t.test(
  'cloud-init that fails on the disk fails the machine, which is not written again by itself',
  async (t) => {
    const box = await aBox(t)
    await writes(box)
    await box.boots()
    await reportsFromDisk(box, 'FAIL')
    t.match(box.machine, { state: 'failed', install: { phase: 'written' } })
    t.equal(await box.boots(), 'boot-local')
    t.match(box.machine, { state: 'failed' }, 'nor does a boot from there make it installed')
    await box.api.retry(box.machine.id)
    t.equal(await box.boots(), 'install-disk', 'a person wants it once more')
  },
)

t.test('a system on a disk that is up after its time counts all the same', async (t) => {
  const box = await aBox(t)
  await writes(box)
  await box.boots()
  box.now += 40 * 60_000
  box.roster.passTimeLimits(box.now)
  t.equal(box.machine.state, 'failed')
  await reportsFromDisk(box, 'SUCCESS')
  t.match(box.machine, { state: 'installed', failures: 0 })
})

t.test('a system in memory that ends without writing is no installed machine', async (t) => {
  const box = await aBox(t)
  await box.boots()
  await box.runs()
  t.match(box.machine, { state: 'failed', stateBecause: /the disk is not written/ })
  t.match(
    box.happened.findLast(({ kind }) => kind === 'install-failed'),
    { cause: 'stopped-early' },
  )
})

t.test('what the program reports as its failure is the cause', async (t) => {
  const causes = Object.keys(installFailures)
  t.ok(causes.length > 10)
  for (const cause of causes) {
    await t.test(cause, async (t) => {
      const box = await aBox(t)
      await box.boots()
      await says(box, 'disks', blank)
      t.equal(
        await says(box, 'ended', `failed ${cause}\nthe disk said so\n`),
        `refused ${cause}\nthe disk said so\n`,
      )
      t.match(box.machine, { state: 'failed', stateBecause: /: the disk said so$/ })
      t.match(box.attempt, { result: 'failed' })
    })
  }
})

t.test('a disk that stands still is called failed at its time, whatever is told of it', async (t) => {
  const box = await aBox(t)
  await box.boots()
  await says(box, 'disks', blank)
  for (let minutes = 0; minutes < 40; minutes += 10) {
    box.now += 10 * 60_000
    await says(box, 'progress', `${1_000 * (minutes + 1)}`)
    box.roster.passTimeLimits(box.now)
  }
  t.equal(box.machine.state, 'installing', 'a slow one goes on')
  for (let minutes = 0; minutes < 40; minutes += 10) {
    box.now += 10 * 60_000
    await says(box, 'progress', '31000')
    box.roster.passTimeLimits(box.now)
  }
  t.equal(box.machine.state, 'failed')
})

const refusals: readonly (readonly [string, Partial<MachineSettings>, string, string])[] = [
  ['no disk fits', { disk: selector('serial=B') }, blank, 'disk-unclear'],
  ['two disks fit', {}, inventory('vda 20000000000 A', 'vdb 20000000000 B'), 'disk-unclear'],
  ['the disk is too small', {}, inventory('vda 1000000 A'), 'disk-unclear'],
  ['nothing can be read', {}, 'what a day', 'inventory-refused'],
]
for (const [name, settings, body, cause] of refusals) {
  t.test(`refused where ${name}: ${cause}`, async (t) => {
    const box = await aBox(t, settings)
    await box.boots()
    t.match(await says(box, 'disks', body), new RegExp(`^refused ${cause}\n`))
    t.equal(box.machine.state, 'failed')
  })
}

t.test('what a person takes back while the images are looked at is taken back', async (t) => {
  const takesBack: readonly (readonly [string, (box: OneMachine) => void, string])[] = [
    ['the approval', (box) => box.roster.unapprove(box.machine.id, box.now), 'refused not-allowed'],
    ['that data may go', (box) => box.roster.approve(box.machine.id, {}, box.now), 'refused disk-refused'],
    [
      'the disk',
      (box) => box.roster.approve(box.machine.id, { disk: 'serial=B' }, box.now),
      'refused disk-unclear',
    ],
  ]
  for (const [what, takeBack, answer] of takesBack) {
    await t.test(what, async (t) => {
      const box = await aBox(t)
      await box.restart({ approve: { kind: 'these', macs: new Set() } })
      box.comesBy()
      await box.api.approve(box.machine, { wipe: true })
      t.equal(await box.boots(), 'install-disk')
      const asked = says(box, 'disks', used)
      takeBack(box)
      t.match(await asked, new RegExp(`^${answer}\n`))
      t.equal(box.machine.install?.disk, undefined)
    })
  }
})

t.test('that data may go ends with its install, whatever the machine has come to meanwhile', async (t) => {
  const meanwhile: readonly (readonly [string, (box: OneMachine) => void])[] = [
    ['installing', () => {}],
    [
      'joining',
      (box) => {
        box.now += 40 * 60_000
        box.roster.passTimeLimits(box.now)
        box.roster.move(box.machine.id, 'join-asked', 'its system asks', box.now)
      },
    ],
    ['quarantined', (box) => box.roster.move(box.machine.id, 'two-claim-it', 'two claim it', box.now)],
  ]
  for (const [state, comes] of meanwhile) {
    await t.test(state, async (t) => {
      const box = await aBox(t)
      box.comesBy()
      await box.api.approve(box.machine, { wipe: true })
      await writes(box, used)
      await box.boots()
      comes(box)
      t.equal(box.machine.state, state)
      await reportsFromDisk(box, 'SUCCESS')
      t.match(box.machine, { install: { phase: 'installed' }, approval: { doneAt: box.now } })
      await box.restart()
      t.equal(box.plans.intentFor(mac, box.machine).disk?.wipe, 'forbidden')
    })
  }
})

t.test(
  'what lies on the disk of a machine that was retired is nobody’s to write over without a word',
  async (t) => {
    const box = await aBox(t)
    await installs(box)
    box.roster.move(box.machine.id, 'release-asked', 'a person lets it go', box.now)
    box.roster.move(box.machine.id, 'retired', 'it is released for good', box.now)
    t.equal(await box.boots(60), 'boot-local')
    await box.api.retry(box.machine.id)
    t.equal(await box.boots(60), 'install-disk')
    t.match(await says(box, 'disks', used), /^refused disk-refused\n/)
    t.match(await box.api.approve(box.machine, { wipe: true }), { kind: 'done' })
    t.equal(await box.boots(60), 'install-disk')
    t.match(await says(box, 'disks', used), /^write\n/)
  },
)

t.test('two disks with one serial: what one of them was begun with says nothing of the other', async (t) => {
  const box = await aBox(t, { disk: selector('by-path=pci-1') })
  const pair = (holds: string) =>
    inventory('vda 20000000000 A path=pci-1', `vdb 20000000000 A path=pci-2 holds=${holds}`)
  await box.boots()
  t.match(await says(box, 'disks', pair('ext4')), /^write\ndisk vda\n/)
  await box.restart({ defaults: { ...box.config.defaults, disk: selector('by-path=pci-2') } })
  t.equal(await box.boots(), 'install-disk')
  t.equal(
    await says(box, 'disks', pair('ext4')),
    'refused disk-refused\nvdb with 20.0 GB, serial A holds data: ext4\n',
  )
})

t.test('a disk that is slower than any is heard of when it is written', async (t) => {
  const box = await aBox(t)
  await box.boots()
  await says(box, 'disks', blank)
  let last = ''
  for (let told = 0; told < 2_100; told++) last = await says(box, 'progress', `${told}`)
  t.equal(last, '429', 'enough was said')
  t.equal(await says(box, 'ended', 'written\n'), 'accepted')
  t.match(box.machine, { install: { phase: 'written' } })
})

t.test('of two disks whose names swap, the one with the serial is written', async (t) => {
  const box = await aBox(t, { disk: selector('serial=B') })
  await box.boots()
  t.match(await says(box, 'disks', inventory('vda 20000000000 A', 'vdb 20000000000 B')), /\ndisk vdb\n/)
  await box.boots()
  t.match(await says(box, 'disks', inventory('vda 20000000000 B', 'vdb 20000000000 A')), /\ndisk vda\n/)
})

t.test('a machine without an image for its disk waits, and is told so', async (t) => {
  const box = await aBox(t, { image: 'jammy' })
  t.equal(await box.boots(), 'wait')
  t.match((await box.asksForScript()).text, /there is no image jammy in the store/)
})

t.test('who is no boot that writes a disk is told nothing', async (t) => {
  const box = await aBox(t, { method: 'ram', image: 'debian' })
  t.equal(await box.boots(), 'run-image')
  t.equal(await says(box, 'disks', blank), '404', 'a boot of method ram')
  t.equal(await says(box, 'disks', blank, '0'.repeat(32)), '404', 'a number that nobody has')
  t.match(await box.boot.install.seed(arrival, box.attempt.id, 'user-data'), { kind: 'refused', status: 404 })
  t.equal(box.machine.install, undefined)
})

t.test(
  'whatever is posted in whatever order, no disk is written that holds data, and none without approval',
  async (t) => {
    const word = fc.constantFrom<InstallWord>('disks', 'progress', 'note', 'ended')
    const body = fc.oneof(
      fc.constantFrom(used, 'written\n', 'failed write-failed\nx', '12', '', 'failed\n'),
      fc.string({ unit: 'binary', maxLength: 40 }),
    )
    const box = await aBox(t)
    let answers = 0
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(word, body), { maxLength: 8 }), async (said) => {
        await box.boots()
        await box.api.retry(box.machine.id)
        await box.boots()
        for (const [what, text] of said) {
          answers++
          if ((await says(box, what, text)).startsWith('write')) return false
        }
        return box.machine.install?.phase !== 'written' && box.machine.state !== 'installed'
      }),
      { numRuns: 60 },
    )
    t.ok(answers > 50, `${answers} words`)
  },
)

function selector(text: string) {
  const read = parseDiskSelector(text)
  if (read.kind === 'refused') throw new Error(read.because)
  return read.selector
}
