import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { DhcpMessage } from '../../server/dhcp/message.ts'
import type { Ipv4 } from '../../server/wire/ipv4.ts'
import type { Mac } from '../../server/wire/mac.ts'
import { aPortableExecutable } from '../boot/a-portable-executable.ts'
import { testFolder } from '../folder.ts'
import { openBox } from './a-box.ts'
import { needs } from './needs.ts'
import { startFirmware } from './pxe-firmware.ts'
import { askInside } from './tcp-inside.ts'

// The signed iPXE on a box that has the unsigned one of the distribution as well. Both are put there as headers only, so what
// they would do is played: shim asks for what its name says beside itself, iPXE for autoexec.ipxe and for its script.

t.setTimeout(600_000)
const box = '10.87.0.1' as Ipv4
const http = { address: box, port: 8080 }
const unsigned = aPortableExecutable({ cpu: 'x86_64', signature: 'none' })
const ofRelease = (cpu: 'x86_64' | 'arm64', mark: string) => {
  const signed = aPortableExecutable({ cpu, signature: 'carried' })
  const files = { 'snponly.efi': Buffer.concat([signed, Buffer.from(`snponly ${mark}`)]) }
  return { ...files, 'snponly-shim.efi': Buffer.concat([signed, Buffer.from(`shim ${mark}`)]) }
}

t.test(
  'the signed iPXE is offered, fetched by TFTP and by HTTP, and told to use shim',
  needs('tftp', 'curl'),
  async (t) => {
    const folder = testFolder(t, {
      signed: {
        ipxeboot: { 'x86_64-sb': ofRelease('x86_64', 'x64'), 'arm64-sb': ofRelease('arm64', 'aa64') },
      },
      distribution: { 'snponly.efi': unsigned, 'undionly.kpxe': 'bios', 'shimx64.efi.signed': 'its shim' },
      image: { vmlinuz: 'k', initrd: 'i', squashfs: 's' },
      fetched: {},
    })
    await using started = await openBox({
      networks: [{ name: 'lab', addresses: [`${box}/24`] }],
      settings: `
approve: all
boot-programs: ["${folder}/distribution", "${folder}/signed"]
images: [{name: noble, folder: "${folder}/image"}]
networks: [{interface: lab, mode: full, pool: 10.87.0.100-10.87.0.150, loader: shim-ipxe}]
`,
    })
    const mac = '52:54:00:87:00:01' as Mac
    const machine = await started.addNeighbour('lab', { mac })
    const { offers } = await startFirmware(machine, mac)
    const shim = 'ipxe-signed/x64/snponly-shimx64.efi'
    t.equal(offers[0]?.file, shim, 'the field that shim reads holds the whole path')
    t.equal(bootFileOf(offers[0]), shim)

    const beside = (name: string) => join('ipxe-signed/x64', name)
    for (const [asked, contains] of [
      [shim, 'shim x64'],
      [beside('snponly.efi'), 'snponly x64'],
      ['ipxe-signed/aa64/snponly.efi', 'snponly aa64'],
      [beside('autoexec.ipxe'), 'boot.ipxe'],
    ] as const) {
      const local = join(folder, 'fetched', 'file')
      await machine.run(['tftp', '-m', 'binary', box, '-c', 'get', asked, local])
      t.ok((await readFile(local)).includes(contains), `${asked} by TFTP`)
      // Two slashes, as shim writes them.
      const url = `http://${box}:8080/programs/${asked.replace(/\/([^/]*)$/, '//$1')}`
      await machine.run(['curl', '--silent', '--fail', '-o', local, url])
      t.ok((await readFile(local)).includes(contains), `${asked} by HTTP`)
    }
    const plain = await askInside(machine.name, http, { path: '/programs/snponly.efi' })
    t.strictSame(plain.body, unsigned, 'the unsigned one keeps its own place')

    const script = async (query: string) =>
      (
        await askInside(machine.name, http, {
          path: `/boot.ipxe?mac=${mac.replaceAll(':', '-')}&${query}`,
        })
      ).body.toString()
    const efi = await script('arch=x86_64&platform=efi')
    t.match(efi, /^shim --timeout [0-9]+ http:\/\/10\.87\.0\.1:8080\/programs\/shimx64\.efi \|\|$/m)
    t.match(await script('arch=arm64&platform=efi'), /\/programs\/shimaa64\.efi \|\|$/m)
    t.notMatch(await script('arch=i386&platform=pcbios'), /^shim/m, 'BIOS has no Secure Boot')
    const theirs = await askInside(machine.name, http, { path: '/programs/shimx64.efi' })
    t.equal(theirs.body.toString(), 'its shim', "the kernel's own shim, not that of iPXE")
  },
)

t.test(
  'where an unsigned iPXE lies beside the shim, nothing is offered, and the box says why',
  needs(),
  async (t) => {
    const signed = aPortableExecutable({ cpu: 'x86_64', signature: 'carried' })
    const folder = testFolder(t, { 'snponly-shimx64.efi': signed, 'snponly.efi': unsigned })
    await using started = await openBox({
      networks: [{ name: 'lab', addresses: [`${box}/24`] }],
      settings: `
approve: all
boot-programs: ["${folder}"]
networks: [{interface: lab, mode: full, pool: 10.87.0.100-10.87.0.150, loader: shim-ipxe}]
`,
    })
    const mac = '52:54:00:87:00:02' as Mac
    const machine = await started.addNeighbour('lab', { mac })
    const { offers } = await startFirmware(machine, mac)
    t.equal(bootFileOf(offers[0]), undefined)
    const [told] = await started.events('boot-offered')
    t.match(told?.event, {
      program: 'nothing',
      because: /no snponly-shimx64\.efi with a signed snponly\.efi beside/,
    })
    const checked = await started.cli('check')
    t.match(checked.stdout, /snponly\.efi is not signed, and snponly-shimx64\.efi beside it would refuse it/)
    t.match(checked.stdout, /no shimx64\.efi, by which iPXE starts a signed kernel/)
  },
)

function bootFileOf(offer: DhcpMessage | undefined): string | undefined {
  const bytes = offer?.options.get(67)
  return bytes === undefined ? undefined : Buffer.from(bytes).toString().replace(/\0$/, '')
}
