import { httpRequests, type HttpRequests } from './http-requests.ts'
import { ramBoot } from './ram.ts'

let requests: HttpRequests | undefined

// OVMF without PXE goes to its next entry, HTTP: it asks DHCP as HTTPClient, asks for the length by HEAD, then for iPXE.
ramBoot({
  name: 'uefi-http',
  firmware: 'uefi',
  machineWords: ['-fw_cfg', 'name=opt/org.tianocore/IPv4PXESupport,string=no'],
  others: async (box) => await Promise.resolve((requests = httpRequests(box, 'lab'))),
  begins: [
    { kind: 'machine-discovered' },
    { kind: 'attempt-started' },
    { kind: 'firmware-asked', client: 'HTTP boot firmware', architecture: 'x64 UEFI HTTP' },
    { kind: 'address-offered' },
    { kind: 'boot-offered', program: 'http://10.78.0.1:8080/programs/snponly.efi' },
    { kind: 'address-leased', to: 'HTTP boot firmware' },
    { kind: 'file-served', file: 'snponly.efi', complete: true },
    { kind: 'firmware-asked', client: 'iPXE', architecture: 'x64 UEFI' },
    { kind: 'boot-offered', program: 'http://10.78.0.1:8080/chain.ipxe' },
    { kind: 'address-leased', to: 'iPXE' },
  ],
  also: async (t, rig) => {
    const kinds = rig.appliance.happened.map(({ event }) => event.kind)
    t.notOk(kinds.includes('program-sent'), 'nothing went by TFTP')
    t.ok(kinds.includes('file-served'))
    t.strictSame(
      requests?.lines.slice(0, 3),
      ['HEAD /programs/snponly.efi', 'GET /programs/snponly.efi', 'GET /chain.ipxe'],
      'the firmware asked for the length first',
    )
    await Promise.resolve()
  },
})
