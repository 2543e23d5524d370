import t from 'tap'
import { parse } from 'yaml'
import { readEnrolmentMaterial, readRamVendorData } from '../../server/appliance/boot-material.ts'
import { diskWriterSeed } from '../../server/cloud-init/disk-writer.ts'
import { enrolmentParts } from '../../server/cloud-init/enrolment-parts.ts'
import { ramVendorData } from '../../server/cloud-init/ram-vendor-data.ts'

const material = readEnrolmentMaterial()
const boot = 'http://10.0.0.1:8080'
const fingerprint = '0123456789abcdef'.repeat(4)
const nonce = '0123456789abcdef'.repeat(2)
const invitation = { api: 'https://10.0.0.1:8443', fingerprint, nonce }
const common = readRamVendorData()

t.test(
  'a system that is the node enrols by a program; one that writes a disk has the same functions',
  async (t) => {
    const parts = enrolmentParts(invitation, material, boot)
    const told = `API='https://10.0.0.1:8443'\nFINGERPRINT='${fingerprint}'\nNONCE='${nonce}'\n`
    const files = [
      { path: '/run/ironwake/enrolment', permissions: '0700', content: material.functions },
      { path: '/run/ironwake/invitation', permissions: '0700', content: told },
      { path: '/run/ironwake/enrol-in-memory', permissions: '0700', content: material.inMemory },
    ]
    const ram = ramVendorData(common, parts, [])
    if (ram.kind === 'refused') throw new Error(ram.because)
    t.strictSame(parse(ram.text, { version: '1.1' }), {
      ...(parse(common, { version: '1.1' }) as object),
      swap: { size: 0 },
      write_files: files,
      runcmd: [['sh', '/run/ironwake/enrol-in-memory', boot]],
    })
    const disk = diskWriterSeed({
      common,
      askBox: 'x\n',
      program: '#!/bin/sh\n',
      url: `${boot}/install/x`,
      enrolment: parts,
    })
    if (disk.kind === 'refused') throw new Error(disk.because)
    const { write_files: written, runcmd } = parse(disk.text, { version: '1.1' }) as {
      readonly write_files: readonly object[]
      readonly runcmd: unknown
    }
    t.strictSame(written.slice(2), files)
    t.strictSame(runcmd, [['sh', '/run/ironwake/write-disk', `${boot}/install/x`]])
    t.strictSame(ramVendorData(common, undefined, [{ kind: 'parts', files: [], commands: [['true']] }]), {
      kind: 'vendor-data',
      text: common,
    })
  },
)

t.test('a nonce that is used up stands in no seed', async (t) => {
  const { api } = invitation
  t.match(enrolmentParts({ api, fingerprint }, material, boot), {
    programs: { invitation: /^NONCE='none'$/m },
  })
})

t.test('what could become more than a word of a shell is refused', async (t) => {
  for (const wrong of [
    { api: 'http://10.0.0.1:8443' },
    { api: "https://10.0.0.1'; reboot" },
    { api: 'https://10.0.0.1\nX=1' },
    { fingerprint: `${fingerprint.slice(1)}'` },
    { fingerprint: '' },
    { nonce: "'$(reboot)'" },
    { nonce: `${nonce}\n` },
  ]) {
    const parts = enrolmentParts({ ...invitation, ...wrong }, material, boot)
    t.match(parts, { kind: 'refused' }, JSON.stringify(wrong))
    t.match(ramVendorData(common, parts, []), { kind: 'refused' })
    t.match(diskWriterSeed({ common, askBox: '', program: '', url: boot, enrolment: parts }), {
      kind: 'refused',
    })
  }
  t.match(enrolmentParts(invitation, material, "http://10.0.0.1'"), { kind: 'refused' })
})
