import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { installWords, seedFiles } from '../../server/http/boot-app.ts'
import { boxWithDisk, image } from '../appliance/box-with-disk.ts'
import { arrival, type OneMachine } from '../appliance/one-machine.ts'

const program = fileURLToPath(new URL('../../cloud-init/disk/write-disk', import.meta.url))
const shells = [['dash'], ['busybox', 'sh']] as const
const mib = 1024 * 1024
const serial = 'IW-TEST'

/** An image with one partition, whose file system has the label of cloud images. */
function diskImage(t: Test): Buffer {
  const folder = t.testdir({ root: { etc: { cloud: {} }, var: { lib: {} } } })
  const path = join(folder, 'image.raw')
  execFileSync('truncate', ['--size=40M', path])
  execFileSync('sgdisk', ['--new=1:2048:+36M', path], { stdio: 'pipe' })
  const words = ['-q', '-F', '-t', 'ext4', '-L', 'cloudimg-rootfs', '-d', join(folder, 'root')]
  execFileSync('mke2fs', [...words, '-E', 'offset=1048576', path, '36M'], { stdio: 'pipe' })
  return readFileSync(path)
}

/** What becomes of the bytes of an image on their way: how many go out of those asked for, and as which. */
type Wire = (asked: { readonly count: number; readonly bytes: Buffer }) => Buffer

const whole: Wire = ({ bytes }) => bytes

/** The box at a port of the loopback, with the wire between it and the machine. */
async function served(t: Test, box: OneMachine, wire: Wire, said: (answer: string) => string) {
  const ranges: string[] = []
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, first = '', attempt = '', word = '', file = ''] = (request.url ?? '').split('/')
    if (first === 'images') {
      const name = `${first}/${attempt}/${word}`
      const found = box.images.file(attempt, word)
      if (found === undefined) throw new Error(name)
      const { path } = found
      const from = Number(/^bytes=([0-9]+)-$/.exec(request.headers.range ?? '')?.[1])
      ranges.push(request.headers.range ?? '')
      const bytes = readFileSync(path).subarray(from)
      const sent = wire({ count: ranges.length, bytes })
      response.writeHead(206, { 'content-length': bytes.length })
      response.write(sent, () => (sent.length === bytes.length ? response.end() : response.destroy()))
      return
    }
    const known = installWords.find((one) => one === word)
    const seed = seedFiles.find((one) => one === file)
    const outcome =
      seed === undefined
        ? await box.boot.install.word(arrival, attempt, known!, await text(request))
        : await box.boot.install.seed(arrival, attempt, seed)
    if (outcome.kind === 'text') response.end(said(outcome.text))
    else response.writeHead(outcome.kind === 'accepted' ? 204 : 409).end()
  }
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return { port, ranges }
}

/** Gives the disk and its partition to a room that they outlive, and takes them back. */
const plug = `
set -eu
room=$1 work=$2 disk=$3
shift 3
whole=$(losetup --find --show "$disk")
trap 'losetup --detach "$whole"' EXIT
part=$(losetup --find --show --offset ${mib} "$disk")
trap 'losetup --detach "$part"; losetup --detach "$whole"' EXIT
numbers() { stat --format='%Hr %Lr' "$1"; }
unshare --mount --propagation private sh -c "$room" room "$work" "$disk" "$(numbers "$whole")" "$(numbers "$part")" "$@"
`

/** A machine of its own, as far as the program sees: one disk with one partition, and nothing of this box's. */
const room = `
set -eu
work=$1 disk=$2 whole=$3 part=$4
shift 4
mount -t tmpfs dev /dev
mknod /dev/null c 1 3
mknod /dev/zero c 1 5
mknod /dev/vdz b $whole
mknod /dev/vdz1 b $part
mount -t tmpfs run /run
mount -t tmpfs block /sys/block
mkdir -p /sys/block/vdz/vdz1
echo $(($(stat --format=%s "$disk") / 512)) >/sys/block/vdz/size
echo ${serial} >/sys/block/vdz/serial
echo 1 >/sys/block/vdz/vdz1/partition
echo 73728 >/sys/block/vdz/vdz1/size
mkdir "$work/upper" "$work/inner"
cp "$work"/stand-ins/* "$work/upper"
mount -t overlay -o "lowerdir=/usr/sbin,upperdir=$work/upper,workdir=$work/inner" tools /usr/sbin
"$@"
`

/** The kernel learns of no partition here, no udev names anything, and nobody wants to wait. */
const standIns: Readonly<Record<string, string>> = {
  // Whenever somebody has written, udev reads the disk first, and holds its partitions open for a moment.
  blockdev: `
[ "$1" = --rereadpt ] || exit 0
tries=$(cat /run/busy 2>/dev/null || echo 0)
echo $(((tries + 1) % 3)) >/run/busy
[ "$tries" = 2 ] && exit 0
echo 'blockdev: ioctl error on BLKRRPART: Device or resource busy' >&2
exit 1`,
  udevadm: 'exit 1',
  sleep: 'exec busybox sleep 0.1',
  reboot: 'echo "REBOOT $*"',
}

type Written = {
  readonly box: OneMachine
  readonly console: string
  readonly disk: string
  readonly ranges: readonly string[]
}

/** Boots a machine that is to write its disk, and runs the program on it. */
async function write(
  t: Test,
  shell: readonly string[],
  {
    wire = whole,
    said = (answer) => answer,
    make = () => {},
  }: {
    readonly wire?: Wire
    readonly said?: (answer: string) => string
    /** Puts something onto the disk before. */
    readonly make?: (disk: string) => void
  } = {},
): Promise<Written> {
  const bytes = diskImage(t)
  const box = await boxWithDisk(t, bytes)
  if ((await box.boots()) !== 'install-disk') throw new Error('it is not to write its disk')
  const { port, ranges } = await served(t, box, wire, (answer) =>
    said(answer.replace(/http:\/\/[^/]+\//, `http://127.0.0.1:${port}/`)),
  )
  const work = join(box.dataFolder, 'machine')
  const disk = join(box.dataFolder, 'disk.img')
  mkdirSync(join(work, 'stand-ins'), { recursive: true })
  for (const [name, body] of Object.entries(standIns)) {
    writeFileSync(join(work, 'stand-ins', name), `#!/bin/sh\n${body}\n`)
    chmodSync(join(work, 'stand-ins', name), 0o755)
  }
  execFileSync('truncate', ['--size=80M', disk])
  make(disk)
  const words = ['-c', plug, 'plug', room, work, disk, ...shell]
  const url = `http://127.0.0.1:${port}/install/${box.attempt.id}`
  const child = spawn('sh', [...words, program, url], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [console, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { box, console: console + errors, disk, ranges }
}

function inRoot(disk: string, command: string): string {
  return execFileSync('debugfs', ['-R', command, `${disk}?offset=${mib}`], {
    encoding: 'utf8',
    stdio: 'pipe',
  })
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0)
}

for (const shell of shells) {
  t.test(`${shell.join(' ')}: a blank disk gets the image, its seed, and all the room it has`, async (t) => {
    const { box, console, disk, ranges } = await write(t, shell)
    t.match(console, /write-disk: vdz is written\nREBOOT -f\n$/)
    t.match(box.machine.install, { phase: 'written', image, disk: { serial, bytes: 80 * mib } })
    t.strictSame(ranges, ['bytes=0-'], 'it came in one piece')
    const table = execFileSync('sgdisk', ['--verify', '--print', disk], { encoding: 'utf8' })
    t.match(table, /No problems found/)
    t.match(table, /\n +1 +2048 +1638[0-9]{2} +79\.[0-9] MiB/, 'the partition ends where the disk does')
    const notes = box.happened.flatMap((event) => (event.kind === 'disk-note' ? event.note : []))
    t.match(notes.at(-1), /^the partition vdz1 has [0-9]+ MiB now$/, 'the kernel was asked until it knew')
    t.match(inRoot(disk, 'stat /var/lib/cloud/seed/nocloud'), /Mode: +0700/)
    for (const file of seedFiles) {
      t.match(inRoot(disk, `stat /var/lib/cloud/seed/nocloud/${file}`), /Mode: +0600/, file)
    }
    t.match(inRoot(disk, 'cat /var/lib/cloud/seed/nocloud/user-data'), new RegExp(box.machine.install!.id))
  })

  t.test(`${shell.join(' ')}: a connection that breaks is taken up where it broke`, async (t) => {
    const wire: Wire = ({ count, bytes }) => (count <= 3 ? bytes.subarray(0, 1_000) : bytes)
    const { box, ranges } = await write(t, shell, { wire })
    t.strictSame(ranges, ['bytes=0-', 'bytes=1000-', 'bytes=2000-', 'bytes=3000-'])
    t.equal(box.machine.install!.phase, 'written')
  })
}

t.test('bytes that are not the image’s are found, and the disk is written once more', async (t) => {
  const wire: Wire = ({ count, bytes }) => (count === 1 ? changed(bytes) : bytes)
  const { box, ranges } = await write(t, ['dash'], { wire })
  t.strictSame(ranges, ['bytes=0-', 'bytes=0-'])
  t.equal(box.machine.install!.phase, 'written')
  t.match(
    box.happened.filter(({ kind }) => kind === 'disk-note'),
    [{ note: /what came has the SHA-256 [0-9a-f]{64} in place of .* it is written once more/ }],
  )
})

t.test('an image that is damaged twice is a failure, and its disk has nothing to start from', async (t) => {
  const { box, console, disk } = await write(t, ['dash'], { wire: ({ bytes }) => changed(bytes) })
  t.match(
    box.happened.findLast(({ kind }) => kind === 'install-failed'),
    { cause: 'image-damaged' },
  )
  t.equal(box.machine.state, 'failed')
  t.ok(isZero(readFileSync(disk).subarray(0, mib)), 'its first MiB is empty')
  t.match(console, /starts over in 60 seconds\.\nREBOOT -f/)
})

t.test('an image that never comes whole is a failure after many tries', async (t) => {
  const wire: Wire = ({ count, bytes }) => bytes.subarray(0, count === 1 ? 1_000 : 0)
  const { box, ranges } = await write(t, ['dash'], { wire })
  t.match(
    box.happened.findLast(({ kind }) => kind === 'install-failed'),
    { cause: 'image-not-fetched' },
  )
  t.ok(ranges.length > 10, `${ranges.length} tries`)
  t.equal(ranges.at(-1), 'bytes=1000-')
})

const data: readonly (readonly [string, (disk: string) => void, RegExp])[] = [
  [
    'a partition table',
    (disk) => void execFileSync('sgdisk', ['--new=1:2048:+20M', disk], { stdio: 'pipe' }),
    /gpt on vdz/,
  ],
  [
    'a file system in a partition',
    (disk) =>
      void execFileSync('mke2fs', ['-q', '-F', '-E', 'offset=1048576', disk, '20M'], { stdio: 'pipe' }),
    /ext2 on vdz1/,
  ],
  ['swap', (disk) => void execFileSync('mkswap', [disk], { stdio: 'pipe' }), /swap on vdz/],
  [
    'bytes of no known kind',
    (disk) =>
      void execFileSync(
        'dd',
        ['if=/dev/urandom', `of=${disk}`, 'bs=1k', 'seek=700', 'count=1', 'conv=notrunc'],
        { stdio: 'pipe' },
      ),
    /bytes of no known kind on vdz/,
  ],
]
for (const [name, make, found] of data) {
  t.test(`a disk with ${name} is left as it is, and the timeline says why`, async (t) => {
    let before = Buffer.alloc(0)
    const { box, disk, ranges } = await write(t, ['dash'], {
      make(path) {
        make(path)
        before = readFileSync(path)
      },
    })
    t.match(
      box.happened.findLast(({ kind }) => kind === 'install-failed'),
      {
        cause: 'disk-refused',
        because: found,
      },
    )
    t.ok(readFileSync(disk).equals(before), 'not a byte of it was touched')
    t.strictSame(ranges, [], 'nothing was fetched')
  })
}

t.test('a disk that is another than the one chosen is not written', async (t) => {
  const said = (answer: string) => answer.replace(`serial ${serial}`, 'serial OTHER')
  const { box, disk, ranges } = await write(t, ['dash'], { said })
  t.match(
    box.happened.findLast(({ kind }) => kind === 'install-failed'),
    { cause: 'disk-changed' },
  )
  t.ok(isZero(readFileSync(disk)))
  t.strictSame(ranges, [])
})

t.test(
  'the program is for dash and BusyBox, and a reader of shell scripts has nothing against it',
  async (t) => {
    for (const shell of [...shells, ['sh']]) {
      const [command = '', ...words] = shell
      t.equal(execFileSync(command, [...words, '-n', program], { encoding: 'utf8' }), '', command)
    }
    t.equal(execFileSync('shellcheck', ['--external-sources', program], { encoding: 'utf8' }), '')
  },
)

/** One byte in the middle is another. */
function changed(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  const at = Math.floor(copy.length / 2)
  copy[at] = copy[at]! ^ 0xff
  return copy
}
