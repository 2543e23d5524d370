import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { bootApp, seedFiles } from '../../server/http/boot-app.ts'
import { boxWithInstaller } from '../appliance/box-with-installer.ts'
import type { OneMachine } from '../appliance/one-machine.ts'
import type { MachineSettings } from '../../server/config/config.ts'
import { whyNotFact, type Fact } from '../cloud-init/facts-of-autoinstall.ts'

const sources = fileURLToPath(new URL('../../cloud-init/', import.meta.url))
const shells = [['dash'], ['busybox', 'sh']] as const
const mib = 1024 * 1024
const facts = JSON.parse(
  readFileSync(new URL('../fixtures/autoinstall/keys.json', import.meta.url), 'utf8'),
) as Fact

/**
 * The system of an installer, as far as the program sees: one disk, and a target with a system on it. What is written there
 * lies in memory, and is brought out at the end.
 */
const room = `
set -eu
work=$1
shift
whole=$(losetup --find --show "$work/disk.img")
trap 'losetup --detach "$whole"' EXIT
unshare --mount --propagation private sh -c '
  set -eu
  work=$1 numbers=$2
  shift 2
  mount -t tmpfs memory "$work/memory"
  root=$work/memory/root
  mkdir "$root" "$work/memory/upper" "$work/memory/inner"
  mount -t overlay -o "lowerdir=/,upperdir=$work/memory/upper,workdir=$work/memory/inner" root "$root"
  mount -t proc proc "$root/proc"
  for place in dev sys run; do mount -t tmpfs "$place" "$root/$place"; done
  mknod "$root/dev/null" c 1 3
  mknod "$root/dev/zero" c 1 5
  mknod "$root/dev/vdz" b $numbers
  mkdir -p "$root/sys/block/vdz" "$root/sys/class/net" "$root/run/ironwake" "$root/target/etc/cloud/cloud.cfg.d"
  echo $(($(stat --format=%s "$work/disk.img") / 512)) >"$root/sys/block/vdz/size"
  cp "$work"/programs/* "$root/run/ironwake"
  cp "$work"/stand-ins/* "$root/usr/sbin"
  cp -R "$work/before/." "$root"
  code=0
  chroot "$root" "$@" || code=$?
  mkdir "$work/after"
  for made in autoinstall.yaml target; do [ ! -e "$root/$made" ] || cp -a "$root/$made" "$work/after"; done
  exit "$code"
' room "$work" "$(stat --format='%Hr %Lr' "$whole")" "$@"
`

/** udev names the disk, nobody wants to wait, and this box does not restart. */
const standIns: Readonly<Record<string, string>> = {
  udevadm: 'printf "ID_SERIAL=Acme_Disk_IW-TEST\\nID_SERIAL_SHORT=IW-TEST\\nID_PATH=pci-0000:00:05.0\\n"',
  sleep: 'exec busybox sleep 0.1',
  reboot: 'echo "REBOOT $*"',
}

/** What Subiquity leaves on the disk beside the system. */
const left = {
  'target/etc/cloud/cloud.cfg.d/99-installer.cfg': 'datasource_list: [None]\n',
  'target/etc/cloud/cloud-init.disabled': '',
  'autoinstall.yaml': 'version: 1\nstorage: {layout: {name: direct, match: {serial: nothing}}}\n',
}

type Led = {
  readonly code: number | null
  readonly console: string
  readonly after: (path: string) => string | undefined
  readonly path: (path: string) => string
}

/** The box at a port of the loopback, by the routes that machines see. */
async function served(t: Test, box: OneMachine): Promise<string> {
  const server = createServer(bootApp(box.boot))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/install/${box.attempt.id}`
}

let rooms = 0

async function lead(
  box: OneMachine,
  shell: readonly string[],
  words: readonly string[],
  more: { readonly before?: Readonly<Record<string, string>>; readonly disk?: Buffer } = {},
): Promise<Led> {
  const work = join(box.dataFolder, `room-${rooms++}`)
  for (const folder of ['memory', 'programs', 'stand-ins', 'before'])
    mkdirSync(join(work, folder), { recursive: true })
  for (const name of ['disk/ask-box', 'autoinstall/lead-installer'])
    execFileSync('cp', [join(sources, name), join(work, 'programs')])
  for (const [name, body] of Object.entries(standIns)) {
    writeFileSync(join(work, 'stand-ins', name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  }
  for (const [name, content] of Object.entries({ ...left, ...more.before })) {
    mkdirSync(join(work, 'before', name, '..'), { recursive: true })
    writeFileSync(join(work, 'before', name), content)
  }
  writeFileSync(join(work, 'disk.img'), more.disk ?? '')
  execFileSync('truncate', ['--size=8G', join(work, 'disk.img')])
  const child = spawn('sh', ['-c', room, 'room', work, ...shell, '/run/ironwake/lead-installer', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const over = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [console, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  const path = (name: string) => join(work, 'after', name)
  const after = (name: string) => (existsSync(path(name)) ? readFileSync(path(name), 'utf8') : undefined)
  return { code: await over, console: console + errors, after, path }
}

async function aBox(t: Test, changes: Partial<MachineSettings> = {}): Promise<OneMachine> {
  const box = await boxWithInstaller(t, changes)
  if ((await box.boots()) !== 'run-installer') throw new Error('no installer is to run')
  return box
}

/** Reads as the installer does. */
function readByPyYaml(file: string): Record<string, unknown> {
  const words = ['-c', 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)']
  return JSON.parse(execFileSync('python3', words, { input: file, encoding: 'utf8' })) as Record<
    string,
    unknown
  >
}

for (const shell of shells) {
  const name = shell.join(' ')
  t.test(
    `${name}: the installer is told the disk that the box chose, and its system leads back to the box`,
    async (t) => {
      const box = await aBox(t)
      const url = await served(t, box)
      const chosen = await lead(box, shell, [url, 'choose'])
      t.equal(chosen.code, 0, chosen.console)
      const told = readByPyYaml(chosen.after('autoinstall.yaml') ?? '')
      t.equal(whyNotFact(facts, told), undefined)
      t.match(told, {
        storage: {
          layout: { match: { serial: 'Acme_Disk_IW-TEST', id_path: 'pci-0000:00:05.0', path: '/dev/vdz' } },
        },
      })
      t.match(box.machine.install, { phase: 'writing', disk: { serial: 'IW-TEST', bytes: 8 * 1024 * mib } })

      const seeded = await lead(box, shell, [url, 'seed'])
      t.equal(seeded.code, 0, seeded.console)
      const folder = 'target/var/lib/cloud/seed/nocloud'
      t.equal(statSync(seeded.path(folder)).mode & 0o777, 0o700)
      for (const file of seedFiles) {
        t.equal(statSync(seeded.path(`${folder}/${file}`)).mode & 0o777, 0o600, file)
      }
      t.match(seeded.after(`${folder}/user-data`), new RegExp(`/report/${box.machine.install!.id}"`))
      t.equal(seeded.after('target/etc/cloud/cloud.cfg.d/99-installer.cfg'), undefined)
      t.equal(seeded.after('target/etc/cloud/cloud-init.disabled'), undefined)
      const named = seeded.after('target/etc/cloud/cloud.cfg.d/99-z-ironwake.cfg') ?? ''
      t.strictSame(readByPyYaml(named), { datasource_list: ['NoCloud', 'None'] })
      t.match(box.machine.install, { phase: 'written' })
      t.match(box.attempt, { result: 'written' })
    },
  )

  t.test(`${name}: a disk with data on it is left alone, and the installer is told nothing`, async (t) => {
    const box = await aBox(t)
    const table = join(box.dataFolder, 'table.img')
    execFileSync('truncate', ['--size=8G', table])
    execFileSync('sgdisk', ['--new=1:2048:+36M', table], { stdio: 'pipe' })
    const disk = execFileSync('head', ['-c', String(mib), table], { maxBuffer: 2 * mib })
    const led = await lead(box, shell, [await served(t, box), 'choose'], { disk })
    t.equal(led.code, 1)
    t.match(
      led.console,
      /the box refuses: vdz with 8\.6 GB, serial IW-TEST holds data: (?:gpt|PMBR)[^]*REBOOT -f/,
    )
    t.equal(led.after('autoinstall.yaml'), left['autoinstall.yaml'])
    t.match(box.machine, { state: 'failed' })
    t.equal(box.machine.install?.disk, undefined)
  })
}

t.test('an installer that fails tells the last error of its log', async (t) => {
  const box = await aBox(t)
  const url = await served(t, box)
  await lead(box, ['dash'], [url, 'choose'])
  const log =
    'DEBUG starting\nTraceback (most recent call last):\nsubprocess.CalledProcessError: grub-install returned 1\nDEBUG over\n'
  const led = await lead(box, ['dash'], [url, 'failed'], {
    before: { 'var/log/installer/subiquity-server-debug.log': log },
  })
  t.match(led.console, /REBOOT -f/)
  t.match(
    box.happened.find(({ kind }) => kind === 'install-failed'),
    { cause: 'installer-failed', because: 'subprocess.CalledProcessError: grub-install returned 1' },
  )
})

t.test('a target without a system is told of, and nothing counts as written', async (t) => {
  const box = await aBox(t)
  const url = await served(t, box)
  await lead(box, ['dash'], [url, 'choose'])
  const led = await lead(box, ['sh', '-c', 'rm -r /target/etc/cloud; exec dash "$@"', 'sh'], [url, 'seed'])
  t.equal(led.code, 1)
  t.match(
    box.happened.find(({ kind }) => kind === 'install-failed'),
    { cause: 'no-root', because: /\/etc\/cloud/ },
  )
  t.equal(box.machine.install?.phase, 'writing')
})

t.test('cloud-init has nothing against the configuration around the installer’s', async (t) => {
  const box = await aBox(t)
  for (const file of ['user-data', 'vendor-data'] as const) {
    const outcome = await box.boot.seed({ from: '10.77.0.100', to: '10.77.0.1' }, box.attempt.id, file)
    if (outcome.kind !== 'text') throw new Error(outcome.kind)
    const path = join(box.dataFolder, file)
    writeFileSync(path, outcome.text)
    const { status, stdout, stderr } = spawnSync('cloud-init', ['schema', '--config-file', path], {
      encoding: 'utf8',
    })
    t.equal(status, 0, stdout + stderr)
    const read = readByPyYaml(outcome.text)
    if (file === 'user-data') t.equal(whyNotFact(facts, read['autoinstall']), undefined)
  }
})

t.test('a reader of shell scripts has nothing against the program', async (t) => {
  const path = join(sources, 'autoinstall/lead-installer')
  const words = ['--external-sources', `--source-path=${join(sources, '..')}`, path]
  t.equal(execFileSync('shellcheck', words, { encoding: 'utf8' }), '')
})
