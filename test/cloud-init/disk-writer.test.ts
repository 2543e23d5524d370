import t from 'tap'
import { parse } from 'yaml'
import { readDiskMaterial, readRamVendorData } from '../../server/appliance/boot-material.ts'
import { diskWriterSeed } from '../../server/cloud-init/disk-writer.ts'

const url = 'http://10.0.0.1:8080/install/0123456789abcdef0123456789abcdef'
const common = readRamVendorData()
const { askBox, writeDisk: program } = readDiskMaterial()

t.test(
  'the seed carries the program, and the file it needs, to the letter, and runs it with its address',
  async (t) => {
    const seed = diskWriterSeed({ common, askBox, program, url })
    if (seed.kind === 'refused') throw new Error(seed.because)
    t.match(seed.text, /^#cloud-config\n/)
    const read: unknown = parse(seed.text, { version: '1.1' })
    const own: unknown = parse(common, { version: '1.1' })
    t.strictSame(read, {
      ...(own as object),
      write_files: [
        { path: '/run/ironwake/ask-box', permissions: '0700', content: askBox },
        { path: '/run/ironwake/write-disk', permissions: '0700', content: program },
      ],
      runcmd: [['sh', '/run/ironwake/write-disk', url]],
    })
  },
)

t.test('an address that could become more than one word is refused', async (t) => {
  for (const wrong of ['http://10.0.0.1:8080/install/x; reboot', 'file:///etc/shadow', '']) {
    t.match(
      diskWriterSeed({ common, askBox, program, url: wrong }),
      { kind: 'refused', because: /^url: / },
      wrong,
    )
  }
})

t.test('a program with bytes that do not survive YAML is refused', async (t) => {
  t.match(diskWriterSeed({ common, askBox, program: '#!/bin/sh\n\u0000', url }), { kind: 'refused' })
})
