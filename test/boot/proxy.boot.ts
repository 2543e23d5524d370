import t from 'tap'
import { diskBootedText } from '../../server/demo/bootable-disk.ts'
import type { Firmware } from '../../server/demo/boards.ts'
import { startDnsmasq } from '../interop/foreign-servers.ts'
import { kernelOn, mac, missingStep, patience, startRig, type Step } from './rig.ts'

// dnsmasq gives the addresses and knows nothing of booting; the box says what to boot and knows no address.

const asked = 'the server 10.78.0.2'
const script = { kind: 'boot-offered', program: 'http://10.78.0.1:8080/chain.ipxe' } as const
const boots: readonly {
  readonly name: string
  readonly firmware: Firmware
  readonly machineWords?: readonly string[]
  readonly begins: readonly Step[]
}[] = [
  {
    name: 'bios',
    firmware: 'bios',
    begins: [
      { kind: 'firmware-asked', client: 'iPXE', architecture: 'x86 BIOS' },
      script,
      { kind: 'address-taken', from: asked },
    ],
  },
  {
    name: 'uefi',
    firmware: 'uefi',
    begins: [
      { kind: 'firmware-asked', client: 'PXE firmware', architecture: 'x64 UEFI' },
      { kind: 'boot-offered', program: 'snponly.efi' },
      { kind: 'address-taken', from: asked },
      { kind: 'program-not-sent', file: 'snponly.efi', expected: true },
      { kind: 'program-sent', file: 'snponly.efi' },
      { kind: 'firmware-asked', client: 'iPXE', architecture: 'x64 UEFI' },
      script,
      { kind: 'address-taken', from: asked },
    ],
  },
  {
    name: 'uefi-http',
    firmware: 'uefi',
    machineWords: ['-fw_cfg', 'name=opt/org.tianocore/IPv4PXESupport,string=no'],
    begins: [
      { kind: 'firmware-asked', client: 'HTTP boot firmware', architecture: 'x64 UEFI HTTP' },
      { kind: 'boot-offered', program: 'http://10.78.0.1:8080/programs/snponly.efi' },
      { kind: 'address-taken', from: asked },
      { kind: 'file-served', file: 'snponly.efi', complete: true },
      { kind: 'firmware-asked', client: 'iPXE', architecture: 'x64 UEFI' },
      script,
      { kind: 'address-taken', from: asked },
    ],
  },
]
const thenKernel: readonly Step[] = [
  { kind: 'script-served', script: 'run-image' },
  { kind: 'file-served', file: 'debian/vmlinuz', complete: true },
  { kind: 'file-served', file: 'debian/initrd', complete: true },
]

for (const { name, firmware, begins, ...rest } of boots) {
  void t.test(`${name}: a machine boots beside dnsmasq, which gives its address`, async (t) => {
    await using rig = await startRig({
      ...rest,
      name: `proxy-${name}`,
      firmware,
      disk: 'empty',
      network: 'mode: proxy',
      settings: [`approve: ["${mac}"]`, kernelOn(firmware), `machines: [{mac: "${mac}", hostname: node-1}]`],
      others: async (box) => {
        const plan = { address: '10.78.0.2/24', first: '10.78.0.100', last: '10.78.0.120' }
        return await startDnsmasq(await box.addNeighbour('lab'), { ...plan, ping: true })
      },
    })
    const kernelAfterMs = await rig.machine.waitForSerial('Linux version', patience)
    t.comment(`proxy-${name}: from power-on to the kernel ${(kernelAfterMs / 1_000).toFixed(1)} s`)
    // The system in memory takes its address from dnsmasq as well; it is told of by what it fetches.
    await rig.appliance.waitFor(
      'file-served',
      (event, { machine }) => event.file === 'debian/squashfs' && machine !== undefined,
      patience,
    )
    const { attempt, timeline } = await rig.record()
    const boot = timeline.filter((recorded) => recorded.attempt === attempt?.id)
    t.equal(missingStep(boot, [...begins, ...thenKernel]), undefined, 'each step follows the one before')
    t.notOk(timeline.some(({ event }) => event.kind === 'address-offered' || event.kind === 'address-leased'))
  })
}

for (const [first, ping] of [
  ['dnsmasq', false],
  ['the box', true],
] as const) {
  void t.test(
    `bios: iPXE boots by the box beside a boot file of dnsmasq, when ${first} answers first`,
    async (t) => {
      await using rig = await startRig({
        name: `proxy-race-${ping ? 'late' : 'early'}`,
        firmware: 'bios',
        disk: 'bootable',
        network: 'mode: proxy',
        settings: [`approve: ["${mac}"]`, 'defaults: {method: local}'],
        others: async (box) => {
          const plan = { address: '10.78.0.2/24', first: '10.78.0.100', last: '10.78.0.120' }
          return await startDnsmasq(await box.addNeighbour('lab'), { ...plan, ping, bootFile: 'other.0' })
        },
      })
      await rig.machine.waitForSerial(diskBootedText, patience)
      const steps = [{ kind: 'address-taken', to: 'iPXE', from: asked }, { kind: 'script-served' }] as const
      t.equal(missingStep(rig.appliance.happened, steps), undefined)
    },
  )
}

void t.test('uefi: firmware that hears of nothing to load asks on port 4011, and loads', async (t) => {
  await using rig = await startRig({
    name: 'proxy-boot-server',
    firmware: 'uefi',
    disk: 'empty',
    network: 'mode: proxy, proxy-offer: boot-server',
    settings: [`approve: ["${mac}"]`],
    others: async (box) => {
      const plan = { address: '10.78.0.2/24', first: '10.78.0.100', last: '10.78.0.120' }
      return await startDnsmasq(await box.addNeighbour('lab'), plan)
    },
  })
  await rig.appliance.waitFor('program-sent', (event) => event.file === 'snponly.efi', patience)
  const steps = [
    { kind: 'boot-offered', strategy: 'boot-server' },
    { kind: 'address-taken', to: 'PXE firmware', from: asked },
    { kind: 'boot-offered', strategy: 'boot-server' },
    { kind: 'program-sent', file: 'snponly.efi' },
  ] as const
  t.equal(missingStep(rig.appliance.happened, steps), undefined, 'the second answer is that on port 4011')
})
