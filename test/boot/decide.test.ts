import t from 'tap'
import { decide, loads, type BootSettings } from '../../server/boot/decide.ts'
import type { BootClient } from '../../server/boot/identify.ts'
import { architectureNumbered } from '../../server/dhcp/architectures.ts'
import { mostChained } from '../../server/machines/chained.ts'
import type { Loader } from '../../server/networks/network.ts'
import { aNetwork, macNumber } from '../networks/a-network.ts'
import { allPrograms } from './a-box.ts'

const settings = { httpPort: 8080, programs: allPrograms, mtu: 1500 }

function clientWith(changes: Partial<BootClient>): BootClient {
  return {
    mac: macNumber(1),
    kind: 'pxe',
    architecture: architectureNumbered(7),
    uuid: undefined,
    vendorClass: undefined,
    hostname: undefined,
    speaksHttp: true,
    ...changes,
  }
}

function decided(changes: Partial<BootClient>, loader?: Loader, box: BootSettings = settings) {
  return decide(clientWith(changes), aNetwork(), box, loader)
}

t.test('PXE firmware loads a program by TFTP', (t) => {
  t.strictSame(decided({}), {
    kind: 'load-program',
    file: 'snponly.efi',
    because: 'it is PXE firmware, x64 UEFI',
  })
  t.end()
})

t.test('HTTP boot firmware loads the same program by HTTP, at an address and not a name', (t) => {
  t.strictSame(decided({ kind: 'http', architecture: architectureNumbered(16) }), {
    kind: 'http-boot',
    url: 'http://10.0.0.1:8080/programs/snponly.efi',
    because: 'it is HTTP boot firmware, x64 UEFI HTTP',
  })
  t.end()
})

t.test('iPXE runs the script, also when it names no architecture', (t) => {
  const script = { kind: 'run-script', url: 'http://10.0.0.1:8080/chain.ipxe', because: 'it is iPXE' }
  t.strictSame(decided({ kind: 'ipxe' }), script)
  t.strictSame(decided({ kind: 'ipxe', architecture: undefined }), script)
  t.end()
})

t.test('iPXE without HTTP is given one that has it', (t) => {
  t.match(decided({ kind: 'ipxe', speaksHttp: false }), { kind: 'load-program', file: 'snponly.efi' })
  t.end()
})

t.test('a system is given an address and nothing to boot', (t) => {
  t.strictSame(decided({ kind: 'system' }), {
    kind: 'address-only',
    because: 'it does not boot from the network',
  })
  t.end()
})

t.test('who cannot be served hears why, whichever way it boots', (t) => {
  for (const kind of ['pxe', 'http'] as const) {
    const unknown = decided({ kind, architecture: undefined })
    t.strictSame(unknown, {
      kind: 'address-only',
      because: 'it names no architecture (options 93 and 60)',
    })
    const alpha = decided({ kind, architecture: architectureNumbered(3) })
    t.strictSame(alpha, { kind: 'address-only', because: 'no boot program is known for DEC Alpha' })
  }
  t.end()
})

t.test('what is loaded is told in one word', (t) => {
  t.equal(loads(decided({ kind: 'system' })), undefined)
  t.equal(loads(decided({})), 'snponly.efi')
  t.equal(loads(decided({ kind: 'ipxe' })), 'http://10.0.0.1:8080/chain.ipxe')
  t.equal(loads(decided({ kind: 'http' })), 'http://10.0.0.1:8080/programs/snponly.efi')
  t.end()
})

t.test('with loader shim-grub UEFI loads shim, and iPXE that runs already goes on as iPXE', (t) => {
  const because = 'it is PXE firmware, x64 UEFI, and gets the signed loaders (loader: shim-grub)'
  t.strictSame(decided({}, 'shim-grub'), { kind: 'load-program', file: 'shimx64.efi', because })
  t.match(decided({ kind: 'http', architecture: architectureNumbered(16) }, 'shim-grub'), {
    kind: 'http-boot',
    url: 'http://10.0.0.1:8080/programs/shimx64.efi',
  })
  t.match(decided({ architecture: architectureNumbered(0) }, 'shim-grub'), {
    file: 'undionly.kpxe',
    because: /^it is PXE firmware, x86 BIOS$/,
  })
  t.match(decided({ kind: 'ipxe' }, 'shim-grub'), { kind: 'run-script' })
  t.match(decided({ architecture: architectureNumbered(11) }, 'shim-grub'), {
    kind: 'address-only',
    because: /no shimaa64\.efi, no grubaa64\.efi/,
  })
  t.end()
})

t.test('iPXE that comes back without HTTP from every program is given no more of them', (t) => {
  const decidedAt = (count: number) =>
    decide(clientWith({ kind: 'ipxe', speaksHttp: false }), aNetwork(), settings, 'ipxe', {
      xid: 7,
      count,
      latest: 0,
    })
  t.match(decidedAt(mostChained), { kind: 'load-program', file: 'snponly.efi' })
  t.match(decidedAt(mostChained + 1), {
    kind: 'address-only',
    because: /given iPXE 3 times and came back without HTTP/,
  })
  t.end()
})

t.test('with loader shim-ipxe UEFI loads the shim of iPXE, by TFTP and by HTTP', (t) => {
  const folder = 'ipxe-signed/x64'
  const own = [`${folder}/snponly-shimx64.efi`, `${folder}/snponly.efi`]
  const signed = { ...settings, programs: new Set([...allPrograms, ...own]) }
  t.strictSame(decided({}, 'shim-ipxe', signed), {
    kind: 'load-program',
    file: own[0],
    because: 'it is PXE firmware, x64 UEFI, and gets the signed loaders (loader: shim-ipxe)',
  })
  t.match(decided({ kind: 'http', architecture: architectureNumbered(16) }, 'shim-ipxe', signed), {
    kind: 'http-boot',
    url: `http://10.0.0.1:8080/programs/${own[0]}`,
  })
  t.match(decided({ kind: 'ipxe' }, 'shim-ipxe', signed), { kind: 'run-script' })
  t.match(decided({}, 'shim-ipxe'), {
    kind: 'address-only',
    because: /with a signed snponly\.efi beside it/,
  })
  t.end()
})

t.test(
  'where the box has no iPXE for a processor, its signed loaders are offered, and the reason says so',
  (t) => {
    const programs = new Set(['snponly.efi', 'shimaa64.efi', 'grubaa64.efi'])
    t.strictSame(decided({ architecture: architectureNumbered(11) }, 'ipxe', { ...settings, programs }), {
      kind: 'load-program',
      file: 'shimaa64.efi',
      because:
        'it is PXE firmware, ARM 64-bit UEFI, and gets the signed loaders, as this box has no iPXE for it',
    })
    t.end()
  },
)
