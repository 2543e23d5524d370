import * as fc from 'fast-check'
import t from 'tap'
import { parseBootQuery } from '../../server/ipxe-scripts/parse-boot-query.ts'

t.test('a query as iPXE of 2019 sends it is read whole', async (t) => {
  // Received from Debian 12's ipxe.lkrn in QEMU, the board's strings set by -smbios.
  const query =
    '?mac=52-54-00-12-34-56&ip=10.0.2.15&uuid=12345678-9ABC-def0-1122-334455667788&arch=i386&platform=pcbios' +
    '&version=1.0.0+git-20190125.36a4c85-5.1&serial=S/N;1&asset=&manufacturer=QEMU&product=Standard%20PC%20(i440FX%20+%20PIIX,%201996)'
  t.strictSame(parseBootQuery(query), {
    mac: '52:54:00:12:34:56',
    ip: '10.0.2.15',
    uuid: '12345678-9abc-def0-1122-334455667788',
    arch: 'i386',
    platform: 'pcbios',
    version: '1.0.0+git-20190125.36a4c85-5.1',
    serial: 'S/N;1',
    asset: undefined,
    manufacturer: 'QEMU',
    product: 'Standard PC (i440FX + PIIX, 1996)',
  })
})

t.test('a board cannot name another machine', async (t) => {
  // The maker string was `A&mac=52-54-00-00-00-01+x`; iPXE of 2019 sends its & as it stands.
  const query = 'mac=52-54-00-12-34-56&uuid=&manufacturer=A&mac=52-54-00-00-00-01+x&product=P'
  t.match(parseBootQuery(query), {
    mac: '52:54:00:12:34:56',
    uuid: undefined,
    manufacturer: 'A',
    product: 'P',
  })
})

t.test('what cannot be read is absent, and nothing throws', async (t) => {
  t.match(parseBootQuery('mac=zz&ip=300.1.1.1&uuid=1&serial=%00%1b[2J&product=%ff%fe'), {
    mac: undefined,
    ip: undefined,
    uuid: undefined,
    serial: '\u{fffd}\u{fffd}[2J',
    product: '\u{fffd}\u{fffd}',
  })
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((text) => `mac=${text}&serial=${text}`),
      ),
      (query) => {
        const { serial } = parseBootQuery(query)
        return serial === undefined || (serial.length > 0 && serial.length <= 128)
      },
    ),
  )
  t.equal(parseBootQuery(`serial=${'x'.repeat(100_000)}`).serial?.length, 128)
})
