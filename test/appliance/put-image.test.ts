import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ImageShelf } from '../../server/appliance/image-shelf.ts'
import { putImage } from '../../server/appliance/put-image.ts'

t.test('files that are put into the store are an image at once, and a version never changes', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-put-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const dataFolder = join(folder, 'data')
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const disk = { path: file('disk', 'packed'), form: 'raw-zstd', unpackedByteCount: 400 } as const
  const put = async (name: string, files: Parameters<typeof putImage>[1]['files']): Promise<void> =>
    await putImage(dataFolder, { name, version: '1', files, now: () => 5 })
  await put('on-disk', { disk })
  await put('by-iso', {
    kernel: { path: file('vmlinuz', 'k'), form: 'plain' },
    initrd: { path: file('initrd', 'i'), form: 'plain' },
    iso: { path: file('iso', 'whole'), form: 'iso' },
  })
  const shelf = new ImageShelf({ images: [], dataFolder })
  await shelf.look()
  t.strictSame(shelf.chooseDisk('on-disk'), { kind: 'image', name: 'on-disk@1' })
  t.match(shelf.disk('on-disk@1'), { byteCount: 6, unpackedByteCount: 400 })
  t.strictSame(shelf.chooseInstaller('by-iso'), { kind: 'image', name: 'by-iso@1' })
  t.equal(shelf.isoBytes('by-iso@1'), 5)
  await put('on-disk', { disk })
  const other = { ...disk, path: file('other', 'something else') }
  await t.rejects(put('on-disk', { disk: other }), { name: 'ImageFault', message: /is there already/ })
})
