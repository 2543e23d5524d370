import { ramBoot } from './ram.ts'

// The card has iPXE in its ROM, so the first to ask is iPXE itself.
ramBoot({
  name: 'bios',
  firmware: 'bios',
  image: 'synced',
  begins: [
    { kind: 'machine-discovered' },
    { kind: 'attempt-started' },
    { kind: 'firmware-asked', client: 'iPXE', architecture: 'x86 BIOS' },
    { kind: 'address-offered' },
    { kind: 'boot-offered', program: 'http://10.78.0.1:8080/chain.ipxe' },
    { kind: 'address-leased', to: 'iPXE' },
  ],
  also: async (t, rig) => {
    t.match((await rig.record()).machine, { serial: 'TEST-1' }, 'iPXE told the serial number')
  },
})
