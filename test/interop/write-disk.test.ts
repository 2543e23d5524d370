import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import type { MachineSettings } from '../../server/config/config.ts'
import { installWords, seedFiles } from '../../server/http/boot-app.ts'
import { boxWithDisk, image } from '../appliance/box-with-disk.ts'
import { arrival, type OneMachine } from '../appliance/one-machine.ts'
import { testFolder } from '../folder.ts'
import { apiFor, type ApiForMachine } from '../http/api-for-machine.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const program = join(root, 'cloud-init/disk/write-disk')
const node = ['enrolment', 'enrol-in-memory'].map((name) => join(root, 'cloud-init/node', name))
const shells = [['dash'], ['busybox', 'sh']] as const
const mib = 1024 * 1024
const serial = 'IW-TEST'

/** An image with one partition, whose file system has the label of cloud images. */
function diskImage(t: Test): Buffer {
  const folder = testFolder(t, { root: { etc: { cloud: {} }, var: { lib: {} } } })
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
async function served(
  t: Test,
  box: OneMachine,
  {
    wire,
    said,
    date,
  }: { readonly wire: Wire; readonly said: (answer: string) => string; readonly date: string | undefined },
) {
  const ranges: string[] = []
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, first = '', attempt = '', word = '', file = ''] = (request.url ?? '').split('/')
    if (date !== undefined) response.setHeader('date', date)
    if (first === 'authority.pem') {
      const authority = box.boot.authority()
      response.end(authority.kind === 'text' ? authority.text : '')
      return
    }
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
echo "$whole" | tr ' ' : >/sys/block/vdz/dev
echo "$part" | tr ' ' : >/sys/block/vdz/vdz1/dev
echo 1 >/sys/block/vdz/vdz1/partition
echo 73728 >/sys/block/vdz/vdz1/size
mkdir "$work/upper" "$work/inner"
cp "$work"/stand-ins/* "$work/upper"
mount -t overlay -o "lowerdir=/usr/sbin,upperdir=$work/upper,workdir=$work/inner" tools /usr/sbin
. "$work/more"
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
  date: 'case "$*" in *-s*) echo "$*" >/usr/sbin/clock ;; *) exec /usr/bin/date "$@" ;; esac',
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
    more = '',
    tools = {},
    settings = {},
    enrolling,
    date,
  }: {
    readonly wire?: Wire
    readonly said?: (answer: string, disk: string) => string
    /** Puts something onto the disk before. */
    readonly make?: (disk: string) => void
    /** What else is so on the machine: commands of a shell, with the numbers of the disk and its partition in `whole` and `part`. */
    readonly more?: string
    /** Programs in place of those of the machine. */
    readonly tools?: Readonly<Record<string, string>>
    readonly settings?: Partial<MachineSettings>
    /** Opens the API that its seed names: the machine is for a cluster. */
    readonly enrolling?: (box: OneMachine) => Promise<void>
    /** What the box's clock says, other than that of the machine. */
    readonly date?: string
  } = {},
): Promise<Written> {
  const bytes = diskImage(t)
  const box = await boxWithDisk(t, bytes, {
    ...settings,
    ...(enrolling === undefined ? {} : { cluster: 'lab' }),
  })
  await enrolling?.(box)
  if ((await box.boots()) !== 'install-disk') throw new Error('it is not to write its disk')
  const answered = (answer: string) =>
    said(answer.replace(/http:\/\/[^/]+\//, `http://127.0.0.1:${port}/`), disk)
  const { port, ranges } = await served(t, box, { wire, said: answered, date })
  const work = join(box.dataFolder, 'machine')
  const disk = join(box.dataFolder, 'disk.img')
  mkdirSync(join(work, 'stand-ins'), { recursive: true })
  writeFileSync(join(work, 'more'), more)
  for (const [name, body] of Object.entries({ ...standIns, ...tools })) {
    writeFileSync(join(work, 'stand-ins', name), `#!/bin/sh\n${body}\n`)
    chmodSync(join(work, 'stand-ins', name), 0o755)
  }
  execFileSync('truncate', ['--size=80M', disk])
  make(disk)
  const words = ['-c', plug, 'plug', room, work, disk, ...shell]
  const url = `http://127.0.0.1:${port}/install/${box.attempt.id}`
  const seed = await filesOfSeed(box, work)
  const child = spawn('sh', [...words, join(seed, 'write-disk'), url], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [console, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { box, console: console + errors, disk, ranges }
}

/** The files that cloud-init would write by the machine's seed, in a folder. */
async function filesOfSeed(box: OneMachine, work: string): Promise<string> {
  const outcome = await box.boot.seed(arrival, box.attempt.id, 'vendor-data')
  if (outcome.kind !== 'text') throw new Error(JSON.stringify(outcome))
  const { write_files: files } = parse(outcome.text, { version: '1.1' }) as {
    readonly write_files: readonly { readonly path: string; readonly content: string }[]
  }
  const folder = join(work, 'seed')
  mkdirSync(folder)
  for (const { path, content } of files) writeFileSync(join(folder, basename(path)), content)
  return folder
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
    t.match(box.machine.hardware, { processors: Number, tpm: /^(?:none|1\.2|2\.0|unknown)$/ })
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

t.test('a disk with sectors that the image is not made for is left as it is', async (t) => {
  const more = 'mkdir /sys/block/vdz/queue\necho 4096 >/sys/block/vdz/queue/logical_block_size'
  const make = (disk: string) => execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', disk], { stdio: 'pipe' })
  let before: Buffer | undefined
  const { box, disk } = await write(t, ['dash'], {
    more,
    make: (path) => {
      make(path)
      before = readFileSync(path)
    },
    settings: { wipe: true },
  })
  t.match(
    box.happened.findLast(({ kind }) => kind === 'install-failed'),
    {
      cause: 'image-unfit',
      because: /^vdz has sectors of 4096 bytes, and http\S+ has no table of partitions for those$/,
    },
  )
  t.equal(box.machine.state, 'failed')
  t.ok(before?.equals(readFileSync(disk)))
})

const folder = '/etc/ironwake/machine'

/** Lets a machine boot that is for a cluster; what its seed names is there. */
async function writeEnrolled(
  t: Test,
  shell: readonly string[],
  prepare: (box: OneMachine, api: ApiForMachine) => Promise<void> = async () => {},
  date?: string,
): Promise<Written & { readonly api: ApiForMachine }> {
  let api: ApiForMachine | undefined
  const enrolling = async (box: OneMachine): Promise<void> => {
    api = await apiFor(t, box)
    await prepare(box, api)
  }
  const written = await write(t, shell, { enrolling, ...(date === undefined ? {} : { date }) })
  if (api === undefined) throw new Error('no API')
  return { ...written, api }
}

for (const shell of shells) {
  t.test(
    `${shell.join(' ')}: a machine for a cluster enrols, and its disk has its credential alone`,
    async (t) => {
      const { box, console, disk, api } = await writeEnrolled(t, shell)
      t.match(console, /write-disk: vdz is written\nREBOOT -f\n$/)
      t.match(inRoot(disk, `stat ${folder}`), /Type: directory +Mode: +0700 /)
      const found = inRoot(disk, `ls -p ${folder}`)
        .match(/(?<=\/)[a-z.]+(?=\/[0-9]+\/\n)/g)
        ?.toSorted()
      t.strictSame(found, ['authorization', 'box.conf', 'box.pem', 'key.pem', 'until'])
      for (const file of found ?? []) {
        t.match(inRoot(disk, `stat ${folder}/${file}`), /Mode: +0600 [\s\S]*User: +0 +Group: +0 /, file)
      }
      const authorization = inRoot(disk, `cat ${folder}/authorization`)
      t.match(authorization, /^Authorization: Bearer iwm_[A-Za-z0-9_-]{43}\n$/)
      t.equal(inRoot(disk, `cat ${folder}/box.conf`), `BOX='${api.url}'\nMACHINE='${box.machine.id}'\n`)
      t.equal(inRoot(disk, `cat ${folder}/box.pem`), api.authority.certificatePem)
      t.match(inRoot(disk, `cat ${folder}/key.pem`), /^-----BEGIN PRIVATE KEY-----\n/)
      t.match(await api.asks(authorization.trim()), { status: 200, body: box.machine.id })
      t.equal(box.enrolments.openNonce(box.machine.id, box.attempt.id), undefined)
      const stored = JSON.stringify(await box.store.enrolments.all())
      const secret = authorization.trim().slice('Authorization: Bearer iwm_'.length)
      for (const text of [console, stored, JSON.stringify(box.happened)]) t.notMatch(text, secret)
      t.match(box.happened.filter(({ kind }) => kind === 'disk-note')[0], {
        note: `it enrolled as ${box.machine.id}`,
      })
    },
  )

  t.test(`${shell.join(' ')}: an answer that is lost is asked for again, with the same key`, async (t) => {
    const { box, api } = await writeEnrolled(t, shell, async (_box, { loseAnswers }) => {
      loseAnswers(2)
      await Promise.resolve()
    })
    t.equal(box.machine.install?.phase, 'written')
    t.equal(api.lost(), 2)
    t.equal(box.enrolments.of(box.machine.id)?.holder?.credentials.length, 3)
    t.equal(box.machine.state, 'installing')
  })

  t.test(
    `${shell.join(' ')}: a clock that is off is set before TLS is tried, and that is told`,
    async (t) => {
      const { box } = await writeEnrolled(t, shell, undefined, 'Sun, 06 Nov 1994 08:49:37 GMT')
      t.equal(readFileSync(join(box.dataFolder, 'machine/upper/clock'), 'utf8'), '-u -s @784111777\n')
      t.match(box.happened.filter(({ kind }) => kind === 'disk-note')[0], {
        note: /^its clock was off by [0-9]+ s and is set by that of the box$/,
      })
      t.equal(box.machine.install?.phase, 'written')
    },
  )
}

const refusals: readonly (readonly [
  string,
  (box: OneMachine, api: ApiForMachine) => Promise<void>,
  RegExp,
])[] = [
  [
    'the authority has another fingerprint than the seed says',
    async (box) => {
      const { place, authorityPem } = box.apiOfBox ?? {}
      if (place === undefined || authorityPem === undefined) return
      box.apiOfBox = { place: { ...place, fingerprint: 'f'.repeat(64) }, authorityPem }
      await Promise.resolve()
    },
    /has the fingerprint [0-9a-f]{64} in place of f{64}/,
  ],
  ['somebody else has used its nonce', async (_box, api) => api.isStolen(), /second key came with its nonce/],
  [
    'the API is not reached',
    async (_box, api) => await api.close(),
    /Failed to connect|Couldn't connect|refused/,
  ],
]
for (const [name, prepare, because] of refusals) {
  t.test(`where ${name} the machine does not enrol, and its disk is left as it is`, async (t) => {
    const { box, console, disk } = await writeEnrolled(t, ['dash'], prepare)
    t.match(
      box.happened.findLast(({ kind }) => kind === 'install-failed'),
      name.startsWith('somebody') ? undefined : { cause: 'not-enrolled', because },
    )
    t.match(console, because)
    t.match(console, /starts over in 60 seconds/)
    t.ok(isZero(readFileSync(disk)), 'not a byte of it was touched')
    t.equal(box.machine.state, name.startsWith('somebody') ? 'quarantined' : 'failed')
  })
}

const inMemory = `
set -eu
work=$1 boot=$2
shift 2
mount -t tmpfs up "$work/up"
mkdir "$work/up/etc" "$work/up/inner"
mount -t overlay -o "lowerdir=/etc,upperdir=$work/up/etc,workdir=$work/up/inner" etc /etc
"$@" "$work/seed/enrol-in-memory" "$boot"
stat --format='%n %a %u' /etc/ironwake/machine /etc/ironwake/machine/*
cp -r /etc/ironwake/machine "$work/machine"
`

for (const shell of shells) {
  t.test(
    `${shell.join(' ')}: a system in memory that is the node enrols, and renews its credential`,
    async (t) => {
      const box = await boxWithDisk(t, diskImage(t), { method: 'ram', image: 'debian', cluster: 'lab' })
      const api = await apiFor(t, box)
      t.equal(await box.boots(), 'run-image')
      const { port } = await served(t, box, { wire: whole, said: (text) => text, date: undefined })
      const work = join(box.dataFolder, 'machine')
      mkdirSync(join(work, 'up'), { recursive: true })
      await filesOfSeed(box, work)
      const words = ['--mount', '--propagation', 'private', 'sh', '-c', inMemory, 'room', work]
      const out = await run('unshare', [...words, `http://127.0.0.1:${port}`, ...shell])
      t.match(out, new RegExp(`enrol: it enrolled as ${box.machine.id}\n/etc/ironwake/machine 700 0\n`))
      t.match(out, /authorization 600 0\n.*box.conf 600 0\n.*box.pem 600 0\n.*key.pem 600 0\n/)
      const first = readFileSync(join(work, 'machine', 'authorization'), 'utf8').trim()
      t.match(await api.asks(first), { status: 200, body: box.machine.id })

      // The clock of the box is in 1970 here: the program signs with the time that it is told.
      const again = 'umask 077; . "$1/seed/enrolment"; renew "$1/machine"'
      await run(shell[0] ?? '', [...shell.slice(1), '-c', again, 'renew', work])
      const second = readFileSync(join(work, 'machine', 'authorization'), 'utf8').trim()
      t.not(second, first)
      t.match(await api.asks(second), { status: 200, body: box.machine.id })
      t.match(await api.asks(first), { status: 401 })
      t.strictSame(readdirSync(join(work, 'machine')).toSorted(), [
        'authorization',
        'box.conf',
        'box.pem',
        'key.pem',
        'until',
      ])
    },
  )
}

async function run(command: string, words: readonly string[]): Promise<string> {
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  return out + errors
}

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

const wiped = { settings: { wipe: true } }

/** The list of the kernel (mm/swapfile.c, `swap_show`), which fills up the name with spaces. */
const swaps = `Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority
/dev/vdz1                               partition\t36860\t\t0\t\t-2
`

const uses: readonly (readonly [string, string, RegExp])[] = [
  ['is mounted', 'mkdir /run/other && mount /dev/vdz1 /run/other', /vdz1 is mounted$/],
  [
    'is mounted by another name',
    'mknod /dev/other b $part && mkdir /run/other && mount /dev/other /run/other',
    /vdz1 is mounted$/,
  ],
  [
    'is swap',
    `printf '${swaps.replaceAll('\n', '\\n').replaceAll('\t', '\\t')}' >/run/swaps && mount --bind /run/swaps /proc/swaps`,
    /vdz1 is swap$/,
  ],
  ['has a part in an array', 'mkdir -p /sys/block/vdz/vdz1/holders/md127', /md127 on vdz1$/],
]
for (const [name, more, because] of uses) {
  t.test(`a disk that ${name} here is not written, though its data may go`, async (t) => {
    let before = Buffer.alloc(0)
    const { box, disk, ranges } = await write(t, ['dash'], {
      ...wiped,
      more,
      make(path) {
        fileSystem(path)
        before = readFileSync(path)
      },
    })
    t.match(
      box.happened.findLast(({ kind }) => kind === 'install-failed'),
      { cause: 'disk-refused', because },
    )
    t.ok(
      readFileSync(disk)
        .subarray(mib + 8192)
        .equals(before.subarray(mib + 8192)),
      'it was not written',
    )
    t.strictSame(ranges, [])
  })
}

const meanwhile: readonly (readonly [string, string, (disk: string) => void, string, RegExp])[] = [
  [
    'has data by now',
    'disk-changed',
    fileSystem,
    '',
    /is not as the box was told any more: holds ext2 on vdz1/,
  ],
  [
    'is another of the same serial by now',
    'disk-changed',
    () => {},
    'mkdir /sys/block/vdz/wwid.d; echo naa.5000c500a1b2c3d4 >/sys/block/vdz/wwid',
    /is not as the box was told any more: wwn naa\.6/,
  ],
]
for (const [name, cause, make, more, because] of meanwhile) {
  t.test(`a disk that ${name} is not written`, async (t) => {
    let left = Buffer.alloc(0)
    const { box, disk, ranges } = await write(t, ['dash'], {
      more,
      // The program asks again when the box has chosen.
      tools:
        more === ''
          ? {}
          : { curl: 'echo naa.6000c500a1b2c3d4 >/sys/block/vdz/wwid; exec /usr/bin/curl "$@"' },
      said(answer, path) {
        if (!answer.startsWith('write\n')) return answer
        make(path)
        left = readFileSync(path)
        return answer
      },
    })
    t.match(
      box.happened.findLast(({ kind }) => kind === 'install-failed'),
      { cause, because },
    )
    t.ok(readFileSync(disk).equals(left), 'not a byte of it was touched')
    t.strictSame(ranges, [])
  })
}

t.test('a disk that something has for itself alone is not written, though nothing says what', async (t) => {
  // As a pool of ZFS, a second disk of btrfs, or what a container has mounted: no list of this system names it.
  const more = `unshare --mount --propagation private sh -c 'mount /dev/vdz1 /mnt && echo >/run/held && exec busybox sleep 600' >/dev/null 2>&1 &
trap "kill $!" EXIT
until [ -e /run/held ]; do sleep; done`
  const { box, ranges } = await write(t, ['dash'], { ...wiped, more, make: fileSystem })
  t.match(
    box.happened.findLast(({ kind }) => kind === 'install-failed'),
    { cause: 'disk-refused', because: /^vdz1 is in use, or cannot be opened: .*busy/ },
  )
  t.strictSame(ranges, [])
})

for (const shell of shells) {
  t.test(
    `${shell.join(' ')}: a serial with spaces around it and strange bytes in it is the same the second time`,
    async (t) => {
      const more = String.raw`printf '  A\\033 \303\244\200\r  B  \n' >/sys/block/vdz/serial`
      const { box, console } = await write(t, shell, { more })
      t.equal(box.machine.install?.phase, 'written', console)
      t.equal(box.machine.install?.disk?.serial, String.raw`A\033 ??? B`)
      t.notOk(console.includes('\u001b'), 'nothing of it moves the cursor')
    },
  )
}

t.test('what is made of disks, and the flash of the firmware, is no disk', async (t) => {
  const more = `for name in bcache0 zd0 mtdblock0 md127 dm-0 sr0 mmcblk0boot1; do
mkdir /sys/block/$name && echo 99999999 >/sys/block/$name/size && mknod /dev/$name b $whole
done`
  const { box } = await write(t, ['dash'], { more })
  t.strictSame(
    box.machine.disks?.seen.map((one) => one.name),
    ['vdz'],
  )
})

/** A file system in the first partition. */
function fileSystem(disk: string): void {
  execFileSync('mke2fs', ['-q', '-F', '-E', 'offset=1048576', disk, '20M'], { stdio: 'pipe' })
}

t.test(
  'the program is for dash and BusyBox, and a reader of shell scripts has nothing against it',
  async (t) => {
    for (const shell of [...shells, ['sh']]) {
      const [command = '', ...words] = shell
      for (const one of [program, ...node]) {
        t.equal(execFileSync(command, [...words, '-n', one], { encoding: 'utf8' }), '', `${command} ${one}`)
      }
    }
    for (const one of [program, ...node]) {
      t.equal(execFileSync('shellcheck', ['-x', one], { encoding: 'utf8', cwd: root }), '', one)
    }
  },
)

/** One byte in the middle is another. */
function changed(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  const at = Math.floor(copy.length / 2)
  copy[at] = copy[at]! ^ 0xff
  return copy
}
