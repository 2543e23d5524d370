import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import t from 'tap'
import { parse } from 'yaml'
import {
  autoinstallFile,
  autoinstallFor,
  installerPrograms,
  type AutoinstallIntent,
} from '../../server/cloud-init/autoinstall.ts'
import { enrolmentParts } from '../../server/cloud-init/enrolment-parts.ts'
import { parseMac } from '../../server/wire/mac.ts'
import { whyNotFact, type Fact } from './facts-of-autoinstall.ts'

const facts = JSON.parse(
  readFileSync(new URL('../fixtures/autoinstall/keys.json', import.meta.url), 'utf8'),
) as Fact

const intent: AutoinstallIntent = {
  mac: parseMac('52:54:00:12:34:56')!,
  reportUrl: 'http://10.0.0.1:8080/report/5f0c11aa',
  installUrl: 'http://10.0.0.1:8080/install/5f0c11aa',
}
const disk = {
  name: 'nvme0n1',
  udevSerial: 'Samsung_SSD_990_S6Z2NJ0W',
  path: 'pci-0000:03:00.0-nvme-1',
}

function valueOf(changes: Partial<AutoinstallIntent> = {}): Record<string, unknown> {
  const made = autoinstallFor({ ...intent, ...changes })
  if (made.kind === 'refused') throw new Error(made.because)
  return made.value as Record<string, unknown>
}

function matchOf(value: Record<string, unknown>): unknown {
  return (value['storage'] as { layout: { match: unknown } }).layout.match
}

t.test('every key is one that the installer knows, of its type', async (t) => {
  t.equal(whyNotFact(facts, valueOf()), undefined)
  t.equal(whyNotFact(facts, valueOf({ disk })), undefined)
  t.match(
    whyNotFact(facts, { ...valueOf(), version: 2 }),
    /version/,
    'the reader of the facts sees what is wrong',
  )
  t.match(whyNotFact(facts, { ...valueOf(), versions: 1 }), /versions/)
  t.match(whyNotFact(facts, { ...valueOf(), storage: { layout: { name: 'direct' } } }), /match/)
})

t.test('before a disk is chosen none fits', async (t) => {
  t.strictSame(matchOf(valueOf()), { serial: 'ironwake has not chosen a disk' })
})

t.test('a disk is matched by what udev calls it and where it is, and never by a name alone', async (t) => {
  t.strictSame(matchOf(valueOf({ disk })), {
    serial: 'Samsung_SSD_990_S6Z2NJ0W',
    id_path: 'pci-0000:03:00.0-nvme-1',
    path: '/dev/nvme0n1',
  })
  const nameless = { name: 'cciss!c0d0', udevSerial: undefined, path: 'pci-1' }
  t.strictSame(matchOf(valueOf({ disk: nameless })), { id_path: 'pci-1', path: '/dev/cciss/c0d0' })
  const unknown = autoinstallFor({ ...intent, disk: { name: 'sda', udevSerial: undefined, path: undefined } })
  t.match(unknown, { kind: 'refused', because: /^sda has neither a serial number nor a place/ })
})

t.test('a serial number with the letters of a pattern fits itself alone', async (t) => {
  const odd = { ...disk, udevSerial: 'A*B?[0-9]]', path: undefined }
  t.match(matchOf(valueOf({ disk: odd })), { serial: 'A[*]B[?][[]0-9]]' })
})

t.test('nobody gets a password, and no question is asked', async (t) => {
  const text = JSON.stringify(valueOf())
  t.notMatch(text, /"(?:password|identity|interactive-sections)"/)
  t.match(valueOf(), { ssh: { 'allow-pw': false }, 'user-data': { ssh_pwauth: false } })
})

t.test('the file of a running installer has no key around it, and survives any serial number', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 40 }), (udevSerial) => {
      const written = autoinstallFile({ ...intent, disk: { ...disk, udevSerial } })
      if (written.kind === 'refused') throw new Error(written.because)
      const read = parse(written.text, { version: '1.1' }) as Record<string, unknown>
      return read['version'] === 1 && whyNotFact(facts, read) === undefined
    }),
  )
})

t.test('an address that could become more than one word is refused', async (t) => {
  for (const wrong of ['http://10.0.0.1/x; reboot', 'file:///etc/shadow', '']) {
    t.match(autoinstallFor({ ...intent, reportUrl: wrong }), { kind: 'refused', because: /^reportUrl: / })
    t.match(autoinstallFor({ ...intent, installUrl: wrong }), { kind: 'refused', because: /^installUrl: / })
  }
})

t.test('an installer whose machine is for a cluster has what it enrols by beside its program', async (t) => {
  const place = { api: 'https://10.0.0.1:8443', fingerprint: 'ab'.repeat(32), nonce: 'cd'.repeat(16) }
  const material = { functions: 'enrol() { :; }\n', inMemory: '#!/bin/sh\n' }
  const enrolment = enrolmentParts(place, material, 'http://10.0.0.1:8080')
  const parts = { common: '#cloud-config\n', askBox: 'ask', program: 'lead' }
  const invited = installerPrograms({ ...parts, enrolment })
  t.match(invited, { text: /\/run\/ironwake\/enrolment"[^]*\/run\/ironwake\/invitation"[^]*NONCE='cdcd/ })
  t.notMatch(JSON.stringify(invited), /runcmd/, 'the installer runs its program by itself')
  const own = installerPrograms(parts)
  t.notMatch(JSON.stringify(own), /invitation/)
  const refused = { kind: 'refused', because: 'api: no' } as const
  t.strictSame(installerPrograms({ ...parts, enrolment: refused }), refused)
})
