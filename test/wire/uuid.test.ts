import * as fc from 'fast-check'
import t from 'tap'
import { byteSwapped, namesOneMachine, parseUuid, uuidOfBytes } from '../../server/wire/uuid.ts'

const uuid = fc.uuid({ version: [1, 4, 7] }).map((text) => parseUuid(text)!)

t.test('the bytes are read as they stand', (t) => {
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => i * 16 + i)
  t.equal(uuidOfBytes(bytes), '00112233-4455-6677-8899-aabbccddeeff')
  t.equal(uuidOfBytes(bytes.subarray(1)), undefined)
  t.equal(uuidOfBytes(new Uint8Array(17)), undefined)
  t.end()
})

t.test('text is read in either case and in no other form', (t) => {
  t.equal(parseUuid('4C4C4544-004D-3510-804A-B4C04F333532'), '4c4c4544-004d-3510-804a-b4c04f333532')
  for (const text of [
    '',
    '4c4c4544004d3510804ab4c04f333532',
    '{4c4c4544-004d-3510-804a-b4c04f333532}',
    '4c4c4544-004d-3510-804a-b4c04f33353',
    '4c4c4544-004d-3510-804a-b4c04f333532\n',
    '4c4c454g-004d-3510-804a-b4c04f333532',
  ]) {
    t.equal(parseUuid(text), undefined, JSON.stringify(text))
  }
  t.end()
})

t.test('swapping the first three groups twice changes nothing', (t) => {
  fc.assert(
    fc.property(
      uuid,
      (it) => byteSwapped(byteSwapped(it)) === it && byteSwapped(it).slice(19) === it.slice(19),
    ),
  )
  // What iPXE and OVMF sent for a machine of QEMU's -uuid 7f4c2a10-5b1e-4d6f-….
  t.equal(
    byteSwapped(parseUuid('102a4c7f-1e5b-6f4d-9a3b-0c1d2e3f4a5b')!),
    '7f4c2a10-5b1e-4d6f-9a3b-0c1d2e3f4a5b',
  )
  t.end()
})

t.test('a UUID that nobody set names no machine, in either byte order', (t) => {
  const names = (text: string) => namesOneMachine(parseUuid(text)!)
  t.equal(names('00000000-0000-0000-0000-000000000000'), false)
  t.equal(names('ffffffff-ffff-ffff-ffff-ffffffffffff'), false)
  t.equal(names('03000200-0400-0500-0006-000700080009'), false)
  t.equal(names('00020003-0004-0005-0006-000700080009'), false)
  t.equal(names('78563412-3412-7856-90ab-cddeefaabbcc'), false)
  t.equal(names('4c4c4544-004d-3510-804a-b4c04f333532'), true)
  t.end()
})
