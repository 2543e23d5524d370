import * as fc from 'fast-check'
import t from 'tap'
import { decodeTftp, type DecodedTftp } from '../../server/tftp/decode.ts'
import type { TftpPacket } from '../../server/tftp/packet.ts'
import { goldenBytes, goldenNames } from './golden.ts'

const read = (file: string, options: Record<string, string> = {}, mode = 'octet'): TftpPacket => ({
  kind: 'read-request',
  file,
  mode,
  options: new Map(Object.entries(options)),
})

const meanings: { readonly [name: string]: TftpPacket } = {
  'read-tftp-hpa': read('/ipxe.efi'),
  'read-tftp-hpa-netascii': read('notes.txt', {}, 'netascii'),
  'read-atftp': read('ipxe.efi', { tsize: '0', timeout: '2', blksize: '1428', windowsize: '16' }),
  'read-curl': read('ipxe.efi', { tsize: '0', blksize: '512', timeout: '6' }),
  'read-busybox': read('ipxe.efi', { blksize: '1428', tsize: '0' }),
  'read-ipxe': read('snponly.efi', { blksize: '1432', tsize: '0' }),
  'read-edk2-size': read('snponly.efi', { tsize: '0', blksize: '1468', windowsize: '4' }),
  'read-edk2': read('snponly.efi', { blksize: '1468', windowsize: '4' }),
  'error-edk2-size': { kind: 'error', code: 8, text: 'User aborted the transfer' },
  'acknowledgement-edk2': { kind: 'acknowledgement', block: 0 },
  'options-slirp': {
    kind: 'option-acknowledgement',
    options: new Map([
      ['tsize', '173792'],
      ['blksize', '1428'],
    ]),
  },
  'write-busybox': {
    kind: 'write-request',
    file: 'stolen',
    mode: 'octet',
    options: new Map([['tsize', '3']]),
  },
  'read-shouting': read('IPXE.EFI', { blksize: '1024', tsize: '0' }),
  'read-intel-filler': read('undionly.kpxe'),
  'read-option-twice': read('a', { blksize: '1024' }),
  'read-cut-option': read('a'),
}

t.test('every golden packet says what its client meant', (t) => {
  t.strictSame([...goldenNames], Object.keys(meanings).sort(), 'each has a meaning')
  for (const name of goldenNames) t.strictSame(decodeTftp(goldenBytes(name)), meanings[name], name)
  t.end()
})

t.test('what cannot be read says why', (t) => {
  const bytes = (...parts: readonly (string | number)[]) =>
    Uint8Array.from(
      Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.of(part)))),
    )
  const cases: readonly (readonly [Uint8Array, RegExp])[] = [
    [bytes(), /2 more bytes wanted at 0, 0 are left/],
    [bytes(0), /2 more bytes wanted at 0/],
    [bytes(0, 0), /operation 0 does not exist/],
    [bytes(0, 7), /operation 7 does not exist/],
    [bytes(255, 255), /operation 65535 does not exist/],
    [bytes(0, 1), /file name has no end/],
    [bytes(0, 1, 'ipxe.efi'), /file name has no end/],
    [bytes(0, 1, 'ipxe.efi', 0), /mode has no end/],
    [bytes(0, 1, 'ipxe.efi', 0, 'octet'), /mode has no end/],
    [bytes(0, 3, 1), /2 more bytes wanted at 2, 1 are left/],
    [bytes(0, 4), /2 more bytes wanted/],
    [bytes(0, 4, 1), /2 more bytes wanted/],
    [bytes(0, 5), /2 more bytes wanted/],
  ]
  for (const [packet, because] of cases) {
    t.match(decodeTftp(packet), { kind: 'malformed', because }, Buffer.from(packet).toString('hex'))
  }
  t.end()
})

t.test('an error without its text, or without the end of it, is an error', (t) => {
  t.strictSame(decodeTftp(Uint8Array.of(0, 5, 0, 1)), { kind: 'error', code: 1, text: '' })
  t.strictSame(decodeTftp(Uint8Array.of(0, 5, 0, 1, 0x6e, 0x6f)), { kind: 'error', code: 1, text: 'no' })
  t.end()
})

t.test('a request cannot make us keep many options', (t) => {
  const pairs = Array.from({ length: 300 }, (_, i) => `o${i}\0v\0`).join('')
  const packet = decodeTftp(Uint8Array.from(Buffer.from(`\0\u0001f\0octet\0${pairs}`)))
  t.ok(packet.kind === 'read-request' && packet.options.size === 16)
  t.end()
})

t.test('no bytes make it throw', (t) => {
  const kinds = new Set<DecodedTftp['kind']>()
  const golden = fc.constantFrom(...goldenNames.map(goldenBytes))
  const damaged = fc
    .tuple(golden, fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 4 }), fc.nat(60))
    .map(([packet, changes, length]) => {
      const copy = packet.slice(0, Math.max(1, length))
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value
      return copy
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), damaged), (bytes) => {
      kinds.add(decodeTftp(bytes).kind)
    }),
    { numRuns: 3_000 },
  )
  t.ok(kinds.size >= 5, `${[...kinds].join(', ')} were met`)
  t.end()
})
