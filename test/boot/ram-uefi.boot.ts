import { ramBoot } from './ram.ts'

// OVMF asks by TFTP for the size first and breaks off, then fetches iPXE, which asks again.
ramBoot({
  name: 'uefi',
  firmware: 'uefi',
  begins: [
    { kind: 'machine-discovered' },
    { kind: 'attempt-started' },
    { kind: 'firmware-asked', client: 'PXE firmware', architecture: 'x64 UEFI' },
    { kind: 'address-offered' },
    { kind: 'boot-offered', program: 'snponly.efi' },
    { kind: 'address-leased', to: 'PXE firmware' },
    { kind: 'program-not-sent', file: 'snponly.efi', expected: true },
    { kind: 'program-sent', file: 'snponly.efi' },
    { kind: 'firmware-asked', client: 'iPXE', architecture: 'x64 UEFI' },
    { kind: 'boot-offered', program: 'http://10.78.0.1:8080/chain.ipxe' },
    { kind: 'address-leased', to: 'iPXE' },
  ],
  also: async (t, rig) => {
    t.match((await rig.record()).machine, { serial: 'TEST-1' }, 'iPXE told the serial number')
  },
})
