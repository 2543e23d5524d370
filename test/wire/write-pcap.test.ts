import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import * as fc from 'fast-check'
import t from 'tap'
import { ipv4OfNumber } from '../../server/wire/ipv4.ts'
import { writePcap, type Frame } from '../../server/wire/write-pcap.ts'
import { goldenBytes } from '../dhcp/golden.ts'
import { testFolder } from '../folder.ts'
import { ip } from '../networks/a-network.ts'
import { readPcap } from './read-pcap.ts'

const asked: Frame = {
  at: 1_795_377_717_528,
  from: { address: ip('0.0.0.0'), port: 68 },
  to: { address: ip('255.255.255.255'), port: 67 },
  bytes: goldenBytes('discover-uefi-pxe'),
}
const answered: Frame = {
  at: 1_795_377_717_530,
  from: { address: ip('10.77.0.1'), port: 67 },
  to: { address: ip('255.255.255.255'), port: 68 },
  bytes: goldenBytes('ack-dnsmasq-pxe'),
}

t.test('what is written is read back by a reader that knows nothing of the writer', (t) => {
  t.strictSame(readPcap(writePcap([asked, answered])), [
    { ...asked, bytes: new Uint8Array(asked.bytes) },
    { ...answered, bytes: new Uint8Array(answered.bytes) },
  ])
  t.strictSame(readPcap(writePcap([])), [])
  t.end()
})

const plain = { noNullPrototype: true }
const endpoint = fc.record({ address: fc.nat(0xffff_ffff).map(ipv4OfNumber), port: fc.nat(65_535) }, plain)
const frame = fc.record(
  {
    at: fc.nat(4_294_967_295_999),
    from: endpoint,
    to: endpoint,
    bytes: fc.uint8Array({ maxLength: 1_500 }),
  },
  plain,
)

t.test('any datagram comes back whole', (t) => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 5 }), (frames) => {
      t.strictSame(readPcap(writePcap(frames)), frames)
    }),
    { numRuns: 50 },
  )
  t.end()
})

t.test('a payload that no datagram can carry is cut', (t) => {
  const [read] = readPcap(writePcap([{ ...asked, bytes: new Uint8Array(70_000).fill(7) }]))
  t.equal(read?.bytes.length, 65_507)
  t.end()
})

t.test(
  'tcpdump reads the file, and finds DHCP and no fault in the headers',
  { skip: missingTcpdump() },
  (t) => {
    const file = join(
      testFolder(t, { 'frames.pcap': Buffer.from(writePcap([asked, answered])) }),
      'frames.pcap',
    )
    const said = execFileSync('tcpdump', ['-Z', 'root', '-vvnttr', file], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    t.match(said, /1795377717\.528000 IP .*0\.0\.0\.0\.68 > 255\.255\.255\.255\.67: .*BOOTP\/DHCP, Request/s)
    t.match(said, /10\.77\.0\.1\.67 > 255\.255\.255\.255\.68: .*BOOTP\/DHCP, Reply/)
    t.match(said, /PXEClient:Arch:00007/)
    t.notMatch(said, /bad cksum|truncated|malformed/)
    t.end()
  },
)

function missingTcpdump(): string | false {
  try {
    execFileSync('tcpdump', ['--version'], { stdio: 'ignore' })
    return false
  } catch {
    return 'tcpdump is not installed (Debian: tcpdump)'
  }
}
