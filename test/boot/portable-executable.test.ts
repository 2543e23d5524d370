import t from 'tap'
import { readPortableExecutable } from '../../server/boot/portable-executable.ts'
import { bootableDisk } from '../../server/demo/bootable-disk.ts'
import { aPortableExecutable } from './a-portable-executable.ts'

t.test('the header tells the processor, and whether a signature is carried', async (t) => {
  for (const cpu of ['x86_64', 'arm64'] as const) {
    for (const signature of ['carried', 'none'] as const) {
      t.strictSame(readPortableExecutable(aPortableExecutable({ cpu, signature })), { cpu, signature })
    }
  }
})

t.test('the programs of our own disk are read', async (t) => {
  const disk = bootableDisk()
  const at = [disk.indexOf('MZ'), disk.lastIndexOf('MZ')]
  t.strictSame(
    at.map((start) => readPortableExecutable(disk.subarray(start))),
    [
      { cpu: 'x86_64', signature: 'none' },
      { cpu: 'arm64', signature: 'none' },
    ],
  )
})

t.test('a signature that would lie behind the end is none', async (t) => {
  const bytes = aPortableExecutable({ cpu: 'x86_64', signature: 'carried' })
  t.match(readPortableExecutable(bytes.subarray(0, 0x3ff)), { signature: 'none' })
})

t.test(
  'what is cut short, or something else, is no program, and nothing is read behind its end',
  async (t) => {
    const whole = aPortableExecutable({ cpu: 'x86_64', signature: 'carried' })
    for (let length = 0; length < 0x80 + 26; length++) {
      t.equal(readPortableExecutable(whole.subarray(0, length)), undefined, String(length))
    }
    t.equal(readPortableExecutable(Buffer.from('#!ipxe\n')), undefined)
    const farAway = Buffer.alloc(0x40, 0xff)
    t.equal(readPortableExecutable(farAway), undefined)
  },
)
