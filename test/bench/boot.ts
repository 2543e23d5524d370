// The same virtual machine booted by dnsmasq with nginx and by Ironwake in turn: from power-on to the first line of the
// kernel. By hand, as root: node test/bench/boot.ts [rounds, 5] [firmware ..., bios uefi]
// Needs Debian's packages dnsmasq-base and nginx-light, and those of ./setup --tests.

import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Firmware } from '../../server/demo/boards.ts'
import { debianImage, type DebianImage } from '../../server/demo/debian-image.ts'
import { openNetworkNamespace, type NetworkNamespace } from '../../server/demo/network-namespace.ts'
import { serveIn, settingsFileIn } from '../../server/demo/served-appliance.ts'
import { powerOn } from '../../server/demo/virtual-machine.ts'
import { imageCache, mac, patience } from '../boot/rig.ts'

const rounds = Number(process.argv[2] ?? 5)
const firmwares = (process.argv.length > 3 ? process.argv.slice(3) : ['bios', 'uefi']) as Firmware[]
const address = '10.78.0.1'
const pool = ['10.78.0.100', '10.78.0.120'] as const
/** Both have long been up when a machine is switched on: what they do at their start is not what is compared. */
const settleMs = 3_000

type Box = { readonly box: NetworkNamespace; readonly folder: string; readonly image: DebianImage }
type Server = { readonly name: string; readonly start: (on: Box) => Promise<AsyncDisposable> }

const servers: readonly Server[] = [
  {
    name: 'ironwake',
    async start({ box, folder, image }) {
      const settings = [
        'data: ./data',
        `networks: [{name: lab, interface: lab, mode: full, pool: ${pool.join('-')}}]`,
        `images: [{name: debian, folder: ${JSON.stringify(image.folder)}}]`,
        'approve: all',
        'defaults: {kernel-parameters: ["console=ttyS0,115200"]}',
      ]
      writeFileSync(settingsFileIn(folder), settings.join('\n'))
      return await serveIn(box, settingsFileIn(folder))
    },
  },
  { name: 'dnsmasq', start: async (on) => await startPeers(on, []) },
  // Without this word iPXE waits for two seconds whether there is a ProxyDHCP server as well (option 175.176).
  { name: 'dnsmasq+', start: async (on) => await startPeers(on, ['--dhcp-option=encap:175,176,1b']) },
]

async function startPeers({ box, folder, image }: Box, more: readonly string[]): Promise<AsyncDisposable> {
  await using started = new AsyncDisposableStack()
  const base = `http://${address}:8090`
  writeFileSync(join(folder, 'boot.ipxe'), bootScript(base))
  writeFileSync(join(folder, 'nginx.conf'), nginxConf(folder, image.folder))
  started.use(stopping(box.start(['nginx', '-c', join(folder, 'nginx.conf'), '-e', '/dev/null'])))
  const words = [
    'dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --port=0 --interface=lab --user=root',
    // It would ask each new address for three seconds whether it is in use.
    `--no-ping --dhcp-authoritative --pid-file=${folder}/pid --dhcp-leasefile=${folder}/leases`,
    `--dhcp-range=${pool.join(',')},255.255.255.0,1h --enable-tftp --tftp-root=/usr/lib/ipxe`,
    '--dhcp-userclass=set:ipxe,iPXE --dhcp-match=set:uefi,option:client-arch,7',
    `--dhcp-boot=tag:ipxe,${base}/boot.ipxe --dhcp-boot=tag:!ipxe,tag:uefi,snponly.efi`,
    '--dhcp-boot=tag:!ipxe,tag:!uefi,undionly.kpxe',
    ...more,
  ]
  started.use(stopping(box.start(words.join(' ').split(' '))))
  return started.move()
}

/** What Ironwake tells a machine to run, but for what comes after the kernel's first line. */
function bootScript(base: string): string {
  const root = `root=squash:${base}/debian/squashfs ip=::::node:BOOTIF:dhcp ip6=off ro overlayroot=tmpfs`
  const more = 'overlayroot_cfgdisk=disabled cloud-config-url=/dev/null BOOTIF=01-${netX/mac:hexhyp}'
  return [
    '#!ipxe',
    `kernel --name vmlinuz ${base}/debian/vmlinuz initrd=initrd ${root} ${more} console=ttyS0,115200`,
    `initrd --name initrd ${base}/debian/initrd`,
    'boot',
    '',
  ].join('\n')
}

function nginxConf(folder: string, images: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ')
  return [
    'user root; daemon off; worker_processes 1; error_log /dev/null; events { worker_connections 1024; }',
    `pid ${folder}/nginx.pid;`,
    `http { access_log off; sendfile on; tcp_nopush on; ${temporary}`,
    `server { listen ${address}:8090; root ${folder}; location /debian/ { alias ${images}/; } } }`,
  ].join('\n')
}

function stopping(child: ChildProcess): AsyncDisposable {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  return {
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await ended
    },
  }
}

const image = await debianImage({ cacheFolder: imageCache })
const took = new Map<string, number[]>()
for (let round = 0; round < rounds; round++) {
  for (const firmware of firmwares) {
    // Who begins changes, so that what warms up favours neither.
    for (const server of round % 2 === 0 ? servers : servers.toReversed()) {
      const seconds = await boot(server, firmware)
      const key = `${firmware} ${server.name}`
      took.set(key, [...(took.get(key) ?? []), seconds])
      console.error(`round ${round + 1}: ${key} ${seconds.toFixed(1)} s`)
    }
  }
}

console.log(`power-on to \`Linux version\`, ${rounds} rounds in turn\n`)
console.log('firmware  server    median s  least s  most s  median of the ratios to dnsmasq and nginx')
for (const firmware of firmwares) {
  for (const { name } of servers) {
    const [own, peer] = [took.get(`${firmware} ${name}`) ?? [], took.get(`${firmware} dnsmasq`) ?? []]
    const cells = [
      firmware.padEnd(8),
      name.padEnd(8),
      median(own).toFixed(1).padStart(8),
      Math.min(...own)
        .toFixed(1)
        .padStart(7),
      Math.max(...own)
        .toFixed(1)
        .padStart(6),
      median(own.map((seconds, index) => seconds / (peer[index] ?? 1)))
        .toFixed(2)
        .padStart(6),
    ]
    console.log(cells.join('  '))
  }
}

/** Seconds from power-on to the kernel. */
async function boot(server: Server, firmware: Firmware): Promise<number> {
  await using started = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-bench-'))
  started.defer(() => rmSync(folder, { recursive: true, force: true }))
  const box = started.use(await openNetworkNamespace([{ name: 'lab', addresses: [`${address}/24`] }]))
  started.use(await server.start({ box, folder, image }))
  const { device } = await box.addTap('lab')
  await pause(settleMs)
  await using machine = await powerOn({
    folder: join(folder, 'machine'),
    firmware,
    mac,
    tap: device,
    inside: box.inside,
    uuid: randomUUID(),
    serialNumber: 'BENCH-1',
  })
  return (await machine.waitForSerial('Linux version', patience)) / 1_000
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  const [low, high] = [sorted[sorted.length - 1 - half] ?? 0, sorted[half] ?? 0]
  return (low + high) / 2
}
