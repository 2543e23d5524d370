// How long an install takes to write its image, beside `curl | dd` of the raw image and `curl | zstd -d | dd` in the same virtual machine: node test/bench/disk.ts [RATE]
// RATE limits the link of the machine, in the words of tc, for example 100mbit; without it the link has no limit. As root; a few minutes. The system in memory is the one of the boot tests, with a unit that measures before cloud-init's end.

import { execFileSync } from 'node:child_process'
import {
  closeSync,
  cpSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { debianDisk } from '../../server/demo/debian-disk.ts'
import { debianImage } from '../../server/demo/debian-image.ts'
import { imported, stockDiskImage } from '../boot/disk-image.ts'
import { imageCache, kernelOn, mac, patience, startRig } from '../boot/rig.ts'

const rounds = 6
/** The link of a card is slow beside a processor; an emulated processor is slow beside a link that has no limit. */
const rate = process.argv[2]
const url = `http://10.78.0.1:8081/images/${imported.name}@${imported.version}/disk.raw.zst`

/** The functions of the program that writes disks, as they stand there, from the one that fetches to the one that writes. */
const program = readFileSync(new URL('../../cloud-init/disk/write-disk', import.meta.url), 'utf8')
const writing = /^fetch\(\) \{$[^]*?^write_image\(\) \{$[^]*?^\}$/m.exec(program)?.[0]
if (writing === undefined) throw new Error('write-disk has no write_image any more')

/** The same image as it lies on a disk, from a plain HTTP server. */
const rawPort = 8090
const rawUrl = `http://10.78.0.1:${rawPort}/disk.raw`

const ways = {
  'curl | dd': `curl -fsS ${rawUrl} | dd of=$device $how`,
  'curl | zstd -d | dd': `curl -fsS $url | zstd -dcq | dd of=$device $how`,
  'write-disk': 'write_image',
  'with the SHA-256 of the unpacked bytes': `curl -fsS $url | zstd -dcq | tee $work/for-digest | dd of=$device $how`,
} as const

const measure = `#!/bin/sh
mib=1048576 work=/run/bench device=/dev/vda url=${url}
how='bs=4M iflag=fullblock oflag=direct conv=fsync,notrunc status=none'
mkdir -p $work
packed=$(curl -fsSI $url | tr -d '\\r' | sed -n 's/^Content-Length: //ip')
post() { curl -fsS --max-time 5 --data-binary @$2 http://10.78.0.1:8080/install/0/progress; }
say() { echo "$@"; }
${writing}
now() { cut -d ' ' -f 1 /proc/uptime | tr -d .; }
raw() { ${ways['curl | dd']}; }
plain() { ${ways['curl | zstd -d | dd']}; }
unpacked() {
  rm -f $work/for-digest; mkfifo $work/for-digest
  sha256_of <$work/for-digest >$work/digest & digesting=$!
  ${ways['with the SHA-256 of the unpacked bytes']}
  wait $digesting
}
for round in $(seq ${rounds}); do
  for way in raw plain write_image unpacked; do
    began=$(now)
    $way
    echo "BENCH $way $(($(now) - began))" >/dev/ttyS0
  done
done
echo BENCH over >/dev/ttyS0
`

const unit = `[Unit]
After=cloud-config.service
Before=cloud-final.service

[Service]
Type=oneshot
TimeoutStartSec=900
ExecStart=/bin/sh /usr/local/bin/measure
`

const folder = mkdtempSync(join(tmpdir(), 'ironwake-bench-disk-'))
try {
  const image = await debianImage({ cacheFolder: imageCache })
  const root = join(folder, 'root')
  execFileSync('unsquashfs', ['-quiet', '-no-progress', '-dest', root, image.squashfs], { stdio: 'pipe' })
  writeFileSync(join(root, 'usr/local/bin/measure'), measure)
  const units = join(root, 'etc/systemd/system')
  writeFileSync(join(units, 'measure.service'), unit)
  symlinkSync('../measure.service', join(units, 'cloud-init.target.wants/measure.service'))
  for (const name of ['vmlinuz', 'initrd']) cpSync(join(image.folder, name), join(folder, name))
  execFileSync('mksquashfs', [
    root,
    join(folder, 'squashfs'),
    '-comp',
    'lz4',
    '-noappend',
    '-quiet',
    '-no-progress',
  ])
  rmSync(root, { recursive: true })
  const disk = join(folder, 'disk.img')
  const file = openSync(disk, 'w')
  ftruncateSync(file, 2 * 1024 ** 3)
  closeSync(file)
  let limitLink: (() => Promise<void>) | undefined
  await using rig = await startRig({
    name: 'bench-disk',
    firmware: 'bios',
    disk: 'empty',
    imageFolder: folder,
    stock: stockDiskImage,
    others: async (box) => {
      limitLink = async () => {
        if (rate === undefined) return
        await box.run([
          'tc',
          'qdisc',
          'add',
          'dev',
          'tap0',
          'root',
          'tbf',
          'rate',
          rate,
          'burst',
          '64kb',
          'limit',
          '1500000',
        ])
      }
      const raw = dirname(await debianDisk({ cacheFolder: imageCache }))
      const words = ['-m', 'http.server', String(rawPort), '--bind', '10.78.0.1', '--directory', raw]
      // It ends with the namespace.
      box.start(['python3', ...words], { stdio: 'ignore' })
      return { [Symbol.asyncDispose]: async () => await Promise.resolve() }
    },
    settings: [
      `approve: ["${mac}"]`,
      kernelOn('bios'),
      `machines: [{mac: "${mac}", method: disk, image: ${imported.name}, ephemeral: debian}]`,
    ],
    machineWords: [
      '-drive',
      `if=none,id=disk0,format=raw,cache=unsafe,file=${disk}`,
      '-device',
      'virtio-blk-pci,drive=disk0,serial=IW-BENCH',
    ],
  })
  await limitLink?.()
  await rig.machine.waitForSerial('BENCH over', patience)
  const text = await rig.machine.serialText()
  const seconds = (way: string) =>
    [...text.matchAll(new RegExp(`BENCH ${way} ([0-9]+)`, 'g'))].map(
      ([, hundredths]) => Number(hundredths) / 100,
    )
  const [raw, plain] = [seconds('raw'), seconds('plain')]
  for (const [index, way] of ['raw', 'plain', 'write_image', 'unpacked'].entries()) {
    const took = seconds(way)
    const against = (peer: readonly number[]) =>
      median(took.map((one, round) => (peer[round] ?? Number.NaN) / one)).toFixed(2)
    const times = took.map((one) => one.toFixed(1)).join(', ')
    console.log(
      `${Object.keys(ways)[index]}: ${times} s; median ${median(took).toFixed(1)} s; round by round ${against(raw)} of the speed of the first, ${against(plain)} of the second`,
    )
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
