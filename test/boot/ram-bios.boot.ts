import { ramBoot } from './ram.ts'

// The card has iPXE in its ROM, so the first to ask is iPXE itself.
ramBoot('bios', [
  { kind: 'machine-discovered' },
  { kind: 'attempt-started' },
  { kind: 'firmware-asked', client: 'iPXE', architecture: 'x86 BIOS' },
  { kind: 'address-offered' },
  { kind: 'boot-offered', program: 'http://10.78.0.1:8080/chain.ipxe' },
  { kind: 'address-leased', to: 'iPXE' },
])
