import t, { type Test } from 'tap'
import { parse } from 'yaml'
import type { MachineSettings } from '../../server/config/config.ts'
import { parseDiskSelector } from '../../server/config/parse-disk-selector.ts'
import type { InstallWord } from '../../server/http/boot-app.ts'
import { boxWithInstaller, installer } from './box-with-installer.ts'
import { arrival, mac, type OneMachine } from './one-machine.ts'

async function aBox(t: Test, changes: Partial<MachineSettings> = {}): Promise<OneMachine> {
  return await boxWithInstaller(t, changes)
}

function inventory(...disks: readonly string[]): string {
  return `ironwake-inventory 1\nfirmware uefi\nprocessors 2\nmemory 16000000000\n${disks.join('')}end\n`
}

function aDisk(name: string, serial: string, ...more: readonly string[]): string {
  const lines = [
    `disk ${name}`,
    'bytes 480000000000',
    `serial ${serial}`,
    `udev-serial Acme_${serial}`,
    ...more,
  ]
  return `${lines.join('\n')}\n`
}

const blank = inventory(aDisk('sda', 'A', 'path pci-1'))

async function says(box: OneMachine, word: InstallWord, body: string, attempt = box.attempt.id) {
  const outcome = await box.boot.install.word(arrival, attempt, word, body)
  if (outcome.kind === 'text') return outcome.text
  return outcome.kind === 'refused' ? `${outcome.status}` : outcome.kind
}

async function reports(box: OneMachine, id: string, changes: object = {}): Promise<string> {
  const report = {
    name: 'modules-final',
    description: 'x',
    event_type: 'finish',
    origin: 'cloudinit',
    result: 'SUCCESS',
    ...changes,
  }
  return (await box.boot.report(arrival, id, JSON.stringify(report))).kind
}

function step(name: string, changes: object = {}): object {
  return { origin: 'curtin', name: `subiquity/${name}`, level: 'INFO', ...changes }
}

async function userDataOf(box: OneMachine): Promise<Record<string, unknown>> {
  const outcome = await box.boot.seed(arrival, box.attempt.id, 'user-data')
  if (outcome.kind !== 'text') throw new Error(outcome.kind)
  return parse(outcome.text, { version: '1.1' }) as Record<string, unknown>
}

t.test(
  'the installer is told one disk, its steps are in the timeline, and the disk reports the end',
  async (t) => {
    const box = await aBox(t)
    t.equal(await box.boots(), 'run-installer')
    t.match(box.machine, { state: 'installing', install: { by: 'installer', phase: 'begun' } })

    const { id } = box.attempt
    const seed = await userDataOf(box)
    t.match(seed, {
      autoinstall: {
        'early-commands': [
          ['sh', '/run/ironwake/lead-installer', `http://10.77.0.1:8080/install/${id}`, 'choose'],
        ],
        reporting: { ironwake: { endpoint: `http://10.77.0.1:8080/report/${id}` } },
        storage: { layout: { match: { serial: 'ironwake has not chosen a disk' } } },
      },
    })
    const vendor = await box.boot.seed(arrival, id, 'vendor-data')
    t.match(vendor, { kind: 'text', text: /\/run\/ironwake\/ask-box[^]*\/run\/ironwake\/lead-installer/ })
    t.notMatch(vendor.kind === 'text' ? vendor.text : '', /runcmd|write-disk"/)

    t.equal(await reports(box, id), 'accepted', 'cloud-init of the installer’s own system ends')
    t.match(box.machine, { state: 'installing' }, 'and that is no end of the install')

    const answer = await says(box, 'disks', blank)
    const [head = '', file = ''] = answer.split('configuration\n')
    t.equal(head, 'write\ndisk sda\nbytes 480000000000\nserial A\n')
    t.match(parse(file, { version: '1.1' }), {
      version: 1,
      storage: { layout: { match: { serial: 'Acme_A', id_path: 'pci-1', path: '/dev/sda' } } },
    })
    t.match(box.machine.install, { phase: 'writing', image: installer, disk: { serial: 'A' } })

    t.equal(await reports(box, id, step('Install/install', { event_type: 'start' })), 'accepted')
    t.match(box.happened.at(-1), { kind: 'installer-began', attempt: id, step: 'subiquity/Install/install' })
    await reports(box, id, step('Install/install'))
    t.match(box.happened.at(-1), { kind: 'installer-finished', result: 'SUCCESS' })
    await reports(box, id, step('Mirror', { event_type: 'warning', description: 'no mirror' }))
    t.match(box.happened.at(-1), { kind: 'installer-said', level: 'warning', description: 'no mirror' })

    const onDisk = await box.boot.install.seed(arrival, id, 'user-data')
    t.match(onDisk, { kind: 'text', text: new RegExp(`/report/${box.machine.install!.id}"`) })
    t.notMatch(onDisk.kind === 'text' ? onDisk.text : '', /autoinstall/)
    t.equal(await says(box, 'ended', 'written\n'), 'accepted')
    t.match(box.attempt, { result: 'written' })

    t.equal(await box.boots(), 'boot-local')
    t.equal(await reports(box, box.machine.install!.id), 'accepted')
    t.match(box.machine, { state: 'installed', install: { phase: 'installed' } })
    t.equal(await box.boots(), 'boot-local', 'it is installed once, however often it boots')
    const local = await box.asksForScript()
    t.match(local.text, /method: autoinstall/)
  },
)

t.test('a disk that holds data is left alone, unless it may be wiped', async (t) => {
  const used = inventory(aDisk('sda', 'A', 'holds gpt on sda'))
  const box = await aBox(t)
  await box.boots()
  t.match(await says(box, 'disks', used), /^refused disk-refused\n.*holds data: gpt/)
  t.match(box.machine, { state: 'failed', failure: 'disk-not-written' })
  t.match(box.attempt, { result: 'failed' })
  t.equal(await says(box, 'ended', 'written\n'), '404', 'the installer cannot talk itself out of it')

  const wiped = await aBox(t, { wipe: true })
  await wiped.boots()
  t.match(await says(wiped, 'disks', used), /^write\ndisk sda\n/)
})

t.test('of two disks the one that the selector means is told, whatever it is called', async (t) => {
  const selected = parseDiskSelector('serial=B')
  if (selected.kind === 'refused') throw new Error(selected.because)
  const box = await aBox(t, { disk: selected.selector })
  await box.boots()
  const answer = await says(
    box,
    'disks',
    inventory(aDisk('sda', 'A', 'path pci-1'), aDisk('sdb', 'B', 'path pci-2')),
  )
  t.match(answer, /^write\ndisk sdb\n[^]*serial: "Acme_B"\n +id_path: "pci-2"\n +path: "\/dev\/sdb"/)

  const unclear = await aBox(t)
  await unclear.boots()
  t.match(
    await says(unclear, 'disks', inventory(aDisk('sda', 'A'), aDisk('sdb', 'B'))),
    /^refused disk-unclear\nthe only disk is not clear/,
  )
})

t.test('a disk by which the installer could find nothing is not written', async (t) => {
  const box = await aBox(t)
  await box.boots()
  const nameless = inventory('disk vda\nbytes 480000000000\n')
  t.match(
    await says(box, 'disks', nameless),
    /^refused disk-unclear\nvda has neither a serial number nor a place/,
  )
  t.match(box.machine, { state: 'failed' })
  t.equal(box.machine.install?.disk, undefined)
})

t.test('without approval nothing is told, and no image is named', async (t) => {
  const box = await boxWithInstaller(t, {}, { approve: { kind: 'these', macs: new Set() } })
  t.equal(await box.boots(), 'wait')
  t.equal(await says(box, 'disks', blank), '404')
})

t.test('an approval that is taken back while the installer starts stops it before the disk', async (t) => {
  const box = await aBox(t)
  await box.boots()
  const { id } = box.attempt
  await box.restart({ approve: { kind: 'these', macs: new Set() } })
  t.match(await says(box, 'disks', blank, id), /^refused not-allowed\nthe machine is not approved/)
})

t.test('a method that was changed meanwhile writes nothing', async (t) => {
  const box = await aBox(t)
  await box.boots()
  await box.restart({
    defaults: {
      method: 'disk',
      image: 'noble',
      kernelParameters: [],
      sshAuthorizedKeys: [],
      ephemeral: 'debian',
    },
  })
  t.match(await says(box, 'disks', blank), /^refused not-allowed\n/)
})

t.test(
  'an installer that fails tells why, and the machine tries again until it is quarantined',
  async (t) => {
    const box = await aBox(t)
    for (const state of ['failed', 'failed', 'quarantined']) {
      t.equal(await box.boots(), 'run-installer')
      await says(box, 'disks', blank)
      await reports(box, box.attempt.id, step('Install/install', { result: 'FAIL', description: 'no grub' }))
      t.equal(
        (await says(box, 'ended', 'failed installer-failed\nCurtinInstallError: no grub\n')).split('\n')[0],
        'refused installer-failed',
      )
      t.match(box.machine, { state, failure: 'disk-not-written', stateBecause: /no grub/ })
    }
    t.equal(await box.boots(), 'wait')
    t.match(box.happened.filter(({ kind }) => kind === 'installer-finished').at(-1), {
      result: 'FAIL',
      description: 'no grub',
    })
  },
)

t.test('what an install of its own had begun to write is no reason to stop', async (t) => {
  const box = await aBox(t)
  await box.boots()
  await says(box, 'disks', blank)
  t.equal(await box.boots(), 'run-installer', 'its power was cut')
  const half = inventory(aDisk('sdc', 'A', 'path pci-1', 'holds gpt on sdc'))
  t.match(await says(box, 'disks', half), /^write\ndisk sdc\n/)
})

t.test('each step of the installer begins the time limit anew', async (t) => {
  const box = await aBox(t)
  await box.boots()
  await says(box, 'disks', blank)
  for (let minutes = 0; minutes < 60; minutes += 20) {
    box.now += 20 * 60_000
    await reports(box, box.attempt.id, step(`Install/at-${minutes}`))
    box.roster.passTimeLimits(box.now)
    t.equal(box.machine.state, 'installing')
  }
  box.now += 31 * 60_000
  box.roster.passTimeLimits(box.now)
  t.match(box.machine, { state: 'failed' })
})

t.test('an image without an ISO leaves the machine waiting, and says what it lacks', async (t) => {
  const box = await aBox(t, { image: 'debian' })
  t.equal(await box.boots(), 'wait')
  t.match((await box.asksForScript()).text, /no image debian in the store, and a folder has no ISO/)
})

t.test('the plan says which disk, and how much memory the ISO takes', async (t) => {
  const box = await aBox(t)
  await box.boots()
  const planned = await box.api.plan(box.machine)
  if (planned.kind !== 'planned') throw new Error(JSON.stringify(planned))
  t.match(planned.plan, { mac, script: 'run-installer', image: installer })
  t.ok(
    planned.plan.wishes.includes(
      "installed by Ubuntu's installer on the only disk, if it holds no data; the machine needs 1.0 GiB of memory for the ISO",
    ),
    planned.plan.wishes.join('\n'),
  )
})
