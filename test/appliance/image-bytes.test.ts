import { writeFileSync } from 'node:fs'
import t from 'tap'
import { imageBytes } from '../../server/appliance/image-bytes.ts'
import { fileInFolder, type FindImageFile } from '../../server/http/image-files.ts'
import { testFolder } from '../folder.ts'

t.test('kernels and initrds are read, whole; a squashfs and everything else is refused', async (t) => {
  const folder = testFolder(t, {
    vmlinuz: 'kernel',
    initrd: 'initrd',
    squashfs: 'root',
    'manifest.json': '{}',
  })
  const read = imageBytes(nobleIn(folder))
  const textOf = async (file: string) => {
    const found = await read('noble', file)
    return found.kind === 'bytes' ? Buffer.from(found.bytes).toString() : found.kind
  }
  t.equal(await textOf('vmlinuz'), 'kernel')
  t.equal(await textOf('initrd'), 'initrd')
  for (const file of ['squashfs', 'manifest.json', '..', '', 'constructor']) {
    t.equal(await textOf(file), 'refused', file)
  }
  t.match(await read('fedora', 'vmlinuz'), { kind: 'refused', because: /fedora\/vmlinuz/ })
})

t.test('many that ask at once share one copy, and a file that changed is read anew', async (t) => {
  const folder = testFolder(t, { vmlinuz: 'one' })
  const read = imageBytes(nobleIn(folder))
  const [first, second] = await Promise.all([read('noble', 'vmlinuz'), read('noble', 'vmlinuz')])
  t.equal(first, second)
  const third = await read('noble', 'vmlinuz')
  t.ok(first.kind === 'bytes' && third.kind === 'bytes' && first.bytes === third.bytes, 'while it is held')
  writeFileSync(`${folder}/vmlinuz`, 'another')
  const later = await read('noble', 'vmlinuz')
  t.equal(later.kind === 'bytes' && Buffer.from(later.bytes).toString(), 'another')
})

t.test('a file that cannot be read is refused with the reason', async (t) => {
  const read = imageBytes(nobleIn(testFolder(t)))
  t.match(await read('noble', 'initrd'), {
    kind: 'refused',
    because: /initrd cannot be read: it is not there/,
  })
})

function nobleIn(folder: string): FindImageFile {
  return (image, file) => (image === 'noble' ? fileInFolder(folder, file) : undefined)
}
