import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { entryOf } from '../../server/boot/diagnoses.ts'
import type { Diagnosis } from '../../server/boot/doctor.ts'
import { readPcap } from '../wire/read-pcap.ts'
import { sharedBox, until } from './a-box.ts'
import { udhcpc } from './dhcp-clients.ts'
import { needs } from './needs.ts'
import { sniff } from './sniff.ts'

// The boot doctor and the frames, asked of an appliance as a user starts it, while a client we did not write boots by it.

const needed = needs('udhcpc', 'curl')
const pxe = ['-V', 'PXEClient:Arch:00007:UNDI:003000', '-x', '0x5d:0007']

const theBox = sharedBox(t, {
  networks: [{ name: 'lab', addresses: ['10.77.0.1/24'] }],
  settings: 'networks: [{name: lab, interface: lab, mode: full, pool: 10.77.0.100-10.77.0.120}]\n',
})

t.test('the file of frames holds what was on the wire, byte for byte', needed, async (t) => {
  const box = await theBox()
  const mac = '52:54:00:00:00:21'
  await using neighbour = await box.addNeighbour('lab', { mac })
  using toClient = sniff(neighbour.name)
  using toBox = sniff(box.namespace.name, 'lab')
  // It asks once, however long the box takes.
  await using client = await udhcpc(neighbour, [...pxe, '-T', '20'])
  await client.next(['bound'])
  client.signal('SIGUSR1')
  await client.next(['renew'])
  await until('the last reply is on the wire', () => toClient.dhcp('ack').length === 2)

  const file = join(box.folder, 'frames.pcap')
  const { code, stderr } = await box.cli('machines', 'capture', mac, '--out', file)
  t.equal(code, 0, stderr)
  const frames = readPcap(readFileSync(file))
  t.equal(frames.length, 6, 'DISCOVER, OFFER, REQUEST, ACK, and the renewal')
  const inTheFile = (port: number) =>
    frames
      .filter(({ to }) => to.port === port)
      .map(({ from, to, bytes }) => `${from.address}:${from.port} ${to.address} ${hex(bytes)}`)
  const onTheWire = (heard: typeof toBox, port: number) =>
    heard
      .dhcp()
      .filter(({ toPort }) => toPort === port)
      .map(({ from, fromPort, to, bytes }) => `${from}:${fromPort} ${to} ${hex(bytes)}`)
  t.strictSame(inTheFile(67), onTheWire(toBox, 67), 'what came in')
  t.strictSame(inTheFile(68), onTheWire(toClient, 68), 'what went out')
  const times = frames.map(({ at }) => at)
  t.strictSame(
    times,
    times.toSorted((a, b) => a - b),
  )
  t.ok(Math.abs(Date.now() - (times[0] ?? 0)) < 60_000)

  const nobody = await box.cli('machines', 'capture', '52:54:00:00:00:99', '--out', file)
  t.equal(nobody.code, 1)
  t.match(nobody.stderr, /no machine has/)
})

t.test('the doctor follows a boot, and says what is missing', needed, async (t) => {
  const box = await theBox()
  const mac = '52:54:00:00:00:22'
  await using neighbour = await box.addNeighbour('lab', { mac })
  await using client = await udhcpc(neighbour, [...pxe, '-O', 'bootfile'])
  const told = await client.next(['bound'])
  const diagnosis = async () => (await box.ask(`/api/v1/machines/${mac}/diagnosis`)) as Diagnosis
  t.match(await diagnosis(), {
    verdict: 'under-way',
    because: /leased to PXE firmware .* boot program by TFTP$/,
  })

  const wants = (file: string) => neighbour.inside(['curl', '-s', `tftp://10.77.0.1/${file}`])
  const [program, ...words] = wants('pxelinux.0')
  t.throws(() => execFileSync(program, words, { stdio: 'ignore' }))
  await until('the refusal is told', async () => (await diagnosis()).verdict === 'other-file-asked')

  const file = told['boot_file'] ?? ''
  const [again, ...more] = wants(file)
  t.ok(execFileSync(again, more, { maxBuffer: 16 * 1024 * 1024 }).length > 10_000)
  await until('the transfer is told', async () => (await diagnosis()).verdict === 'under-way')
  t.match(await diagnosis(), { because: new RegExp(`${file} sent by TFTP.* iPXE asks for an address$`) })

  // The same firmware again, which never started what it fetched.
  client.signal('SIGUSR2')
  await client.next(['deconfig'])
  client.signal('SIGUSR1')
  await client.next(['bound'])
  await until('its return is told', async () => (await diagnosis()).verdict === 'program-refused')
  const { code, stdout } = await box.cli('machines', 'show', mac)
  t.equal(code, 0)
  t.match(
    stdout,
    /^verdict: FAULT \(program-refused\), last sign [0-9]+ s ago\n {2}The boot program was sent whole/m,
  )
  t.match(stdout, `\n  next step: ${entryOf('program-refused').nextStep}\n`)
})

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
