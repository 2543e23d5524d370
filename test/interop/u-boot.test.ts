import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import t from 'tap'
import { openBox, until, type Box } from './a-box.ts'
import { needs } from './needs.ts'

// Boards with U-Boot, which is told `dhcp` on its console: it takes an address, and loads the file that it is told.

t.setTimeout(600_000)
const boards = {
  arm64: {
    qemu: 'qemu-system-aarch64',
    words: ['-machine', 'virt', '-cpu', 'cortex-a53'],
    program: '/usr/lib/u-boot/qemu_arm64/u-boot.bin',
    architecture: 'ARM 64-bit U-Boot',
  },
  arm: {
    qemu: 'qemu-system-arm',
    words: ['-machine', 'virt'],
    program: '/usr/lib/u-boot/qemu_arm/u-boot.bin',
    architecture: 'ARM 32-bit U-Boot',
  },
} as const
type Board = keyof typeof boards

/** What nothing here runs; that it arrives as it is, is what counts. */
const bytes = randomBytes(300_007)

async function boxWith(settings: string, ...files: readonly string[]): Promise<Box> {
  const network = 'networks: [{interface: lab, mode: full, pool: 10.91.0.100-10.91.0.120}]'
  const box = await openBox({
    networks: [{ name: 'lab', addresses: ['10.91.0.1/24'] }],
    settings: `${network}\nboot-programs: [./programs]\n${settings}`,
  })
  await box.stop()
  mkdirSync(join(box.folder, 'programs'))
  for (const file of files) writeFileSync(join(box.folder, 'programs', file), bytes)
  await box.start()
  return box
}

/** Powers a board on, stops it before it boots by itself, types the commands, and gives what it said to the last. */
async function typed(box: Box, board: Board, ...commands: readonly string[]): Promise<string> {
  const { device } = await box.namespace.addTap('lab')
  const { qemu, words, program } = boards[board]
  const net = ['-netdev', `tap,id=n,ifname=${device},script=no,downscript=no`]
  const card = ['-device', 'virtio-net-pci,netdev=n,romfile=']
  const common = ['-accel', 'tcg', '-m', '256', '-nographic', '-bios', program]
  const child = box.namespace.start([qemu, ...words, ...common, ...net, ...card], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  let said = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text))
  const saying = async (text: string, withinMs: number) =>
    await until(`${text} on the console of ${board}`, () => said.includes(text), withinMs)
  try {
    await saying('stop autoboot', 180_000)
    child.stdin?.write('\n')
    await saying('=> ', 180_000)
    for (const command of commands) {
      said = ''
      child.stdin?.write(`${command}\n`)
      await saying('\n=> ', 180_000)
    }
    return said
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

for (const [board, settings, file] of [
  ['arm64', '', 'snponly-arm64.efi'],
  ['arm', 'boot-files: {21: boot.scr}\n', 'boot.scr'],
] as const) {
  const { qemu, program, architecture } = boards[board]
  t.test(`U-Boot of ${board} takes an address and loads ${file} whole`, needs(qemu, program), async (t) => {
    await using box = await boxWith(settings, file)
    const said = await typed(box, board, 'dhcp', 'crc32 ${loadaddr} ${filesize}')
    t.match(said, crc32(bytes).toString(16).padStart(8, '0'), 'its own checksum of what it loaded')
    const [asked] = await box.events('firmware-asked')
    t.match(asked?.event, { client: 'PXE firmware', architecture, vendorClass: /^U-Boot\.armv[78]$/ })
    t.match((await box.events('boot-offered'))[0]?.event, { program: file })
    await until(
      'the box has heard the last acknowledgement',
      async () => (await box.events('program-sent')).length > 0,
    )
    t.match((await box.events('program-sent'))[0]?.event, { file, byteCount: bytes.length })
    t.match((await box.events('address-leased'))[0]?.event, { seconds: 120, to: 'PXE firmware' })
    t.same(await box.events('firmware-without-program'), [])
  })
}

t.test(
  'a board that the box has nothing for is told of',
  needs(boards.arm.qemu, boards.arm.program),
  async (t) => {
    await using box = await boxWith('')
    const said = await typed(box, 'arm', 'dhcp')
    t.match(said, /DHCP client bound to address 10\.91\.0\.1/)
    const [told] = await box.events('firmware-without-program')
    t.match(told, {
      machine: /./,
      event: { number: 21, because: /this box has none of snponly-arm32\.efi, ipxe-arm32\.efi/ },
    })
    const { stdout } = await box.cli('machines', 'show', told?.machine ?? '', '--output', 'json')
    t.match(JSON.parse(stdout), { diagnosis: { verdict: 'no-boot-program', nextStep: /boot-files/ } })
  },
)
