import t, { type Test } from 'tap'
import { diagnoses, entryOf, verdicts, type Verdict } from '../../server/boot/diagnoses.ts'
import { bootsInLoop, diagnose, type Boot, type Diagnosis } from '../../server/boot/doctor.ts'
import { optionCodes } from '../../server/dhcp/option-codes.ts'
import type { RecordedEvent } from '../../server/events/event.ts'
import type { Attempt, AttemptStage, Machine } from '../../server/machines/machine.ts'
import { bytesOfIpv4 } from '../../server/wire/ipv4.ts'
import { roundsUntilStop } from '../../server/machines/rounds.ts'
import type { Mac } from '../../server/wire/mac.ts'
import { ip, macNumber } from '../networks/a-network.ts'
import { Clinic, patientMac, recordedBoot } from './a-clinic.ts'

const seen = new Set<Verdict>()

function says(t: Test, diagnosis: Diagnosis, verdict: Verdict, because: RegExp = /./): void {
  seen.add(diagnosis.verdict)
  t.equal(diagnosis.verdict, verdict, diagnosis.because)
  t.match(diagnosis.because, because)
  const { outlook, nextStep } = entryOf(verdict)
  t.equal(diagnosis.outlook, outlook)
  t.equal(diagnosis.nextStep, nextStep)
}

/** Shortly after the last sign the boot is under way; after `seconds` of silence it has the fault. */
function turnsInto(t: Test, clinic: Clinic, seconds: number, verdict: Verdict, because?: RegExp): void {
  says(t, clinic.after(0), 'under-way')
  says(t, clinic.after(seconds - 1), 'under-way', /^last came, .*; expected next, within /)
  says(t, clinic.after(seconds), verdict, because)
}

function sent(
  file: string,
): { kind: 'program-sent'; file: string } & Record<'byteCount' | 'tookMs' | 'resentBlocks', number> {
  return { kind: 'program-sent', file, byteCount: 173_792, tookMs: 40, resentBlocks: 0 }
}

function notSent(file: string, because: string, expected = false) {
  return { kind: 'program-not-sent' as const, file, because, expected }
}

const sizeProbe = notSent('snponly.efi', 'the client broke off (error 8): User aborted the transfer', true)

/** UEFI firmware has its address and its program. */
function withProgram(clinic = new Clinic()): Clinic {
  return clinic.leases('uefi-pxe').says(sizeProbe).says(sent('snponly.efi')).passes(2)
}

function withScript(): Clinic {
  return withProgram().leases('ipxe-uefi').isTold('run-image')
}

function withSystem(): Clinic {
  const clinic = withScript().isSent('vmlinuz', 'initrd').passes(9)
  return clinic.leases('dhclient')
}

function reporting(): Clinic {
  const clinic = withSystem().isSent('squashfs').passes(25)
  clinic.says({ kind: 'seed-served', file: 'user-data' }, 'cloud-init').passes(5)
  return clinic.says(
    { kind: 'cloud-init-started', stage: 'init-network', description: 'searching' },
    'cloud-init',
  )
}

t.test('an offer that is not taken', (t) => {
  const clinic = new Clinic()
  clinic.sends('discover-uefi-pxe')
  turnsInto(
    t,
    clinic,
    60,
    'offer-unanswered',
    /PXE firmware \(x64 UEFI\) asks .* \(REQUEST\); nothing followed for 60 s$/,
  )
  clinic.passes(50).sends('discover-uefi-pxe')
  says(t, clinic.after(59), 'under-way')
  t.end()
})

t.test('firmware that has an address and only informs itself', (t) => {
  const clinic = new Clinic()
  clinic.sends('discover-uefi-pxe', { ciaddr: ip('10.77.0.33') }, [
    [optionCodes.messageType, Uint8Array.of(8)],
  ])
  turnsInto(t, clinic, 60, 'offer-unanswered', /boot begins: PXE firmware sent a INFORM/)
  t.end()
})

t.test('an offer that was passed over for another server\u2019s', (t) => {
  const clinic = new Clinic()
  clinic.sends('discover-uefi-pxe')
  clinic.passes(4).sends('request-uefi-pxe', {}, [
    [optionCodes.requestedAddress, bytesOfIpv4(ip('10.77.0.33'))],
    [optionCodes.serverIdentifier, bytesOfIpv4(ip('10.77.0.9'))],
  ])
  says(t, clinic.after(0), 'other-server-chosen', /10\.77\.0\.9/)
  t.end()
})

t.test('another server on the network is named where it explains what the machine did not do', (t) => {
  const seen = {
    kind: 'foreign-server-seen',
    server: ip('10.77.0.9'),
    because: 'it offers 10.77.0.40',
  } as const
  const clinics = {
    'offer-unanswered': () => {
      const clinic = new Clinic()
      clinic.sends('discover-uefi-pxe')
      return clinic
    },
    'no-tftp-request': () => new Clinic().leases('uefi-pxe'),
    'no-program-request': () => new Clinic().leases('uefi-http'),
    'other-file-asked': () =>
      new Clinic()
        .leases('uefi-pxe')
        .says(notSent('pxelinux.0', 'pxelinux.0 is no boot program of this box')),
  }
  for (const [verdict, make] of Object.entries(clinics)) {
    says(t, make().after(60), verdict as Verdict)
    const elsewhere = make().fails({ ...seen, network: 'other' })
    says(t, elsewhere.after(60), verdict as Verdict)
    const beside = make().fails({ ...seen, network: 'rack' })
    says(t, beside.after(60), 'foreign-server', /^another DHCP server, 10\.77\.0\.9, on network rack: .*; /)
  }
  const well = withProgram().fails({ ...seen, network: 'rack' })
  says(t, well.after(0), 'under-way')
  says(t, well.after(90), 'program-silent', /./)
  t.end()
})

/** A box beside a server that gives the addresses. */
function besideAServer(): Clinic {
  return new Clinic({ mode: 'proxy', pool: undefined })
}

/** DISCOVER, the offer of what to boot, and the REQUEST to the other server. */
function takes(clinic: Clinic, kind: string): Clinic {
  clinic.sends(`discover-${kind}`)
  clinic.passes(4).sends(`request-${kind}`, {}, [
    [optionCodes.requestedAddress, bytesOfIpv4(ip('10.77.0.33'))],
    [optionCodes.serverIdentifier, bytesOfIpv4(ip('10.77.0.9'))],
  ])
  return clinic
}

t.test('beside a server: nobody gives an address', (t) => {
  const clinic = besideAServer()
  clinic.sends('discover-uefi-pxe')
  turnsInto(t, clinic, 60, 'no-address-taken', /it takes the offer .*; it was offered with-43$/)
  t.end()
})

t.test('beside a server: the address is taken, and what was told to boot is passed over', (t) => {
  const clinic = takes(besideAServer(), 'uefi-pxe')
  turnsInto(
    t,
    clinic,
    40,
    'proxy-offer-passed-over',
    /10\.77\.0\.33 asked of the server 10\.77\.0\.9 by PXE firmware; .* port 4011; .* offered with-43$/,
  )
  clinic.passes(30).says({ kind: 'boot-offered', program: 'snponly.efi', because: 'it asked on port 4011' })
  says(t, clinic.after(39), 'under-way')
  clinic.passes(5).says(sizeProbe)
  says(t, clinic.after(30), 'size-only')
  clinic.says(sent('snponly.efi')).passes(2)
  takes(clinic, 'ipxe-uefi')
  turnsInto(t, clinic, 90, 'no-script-request', /by iPXE/)
  t.end()
})

t.test('beside a server: HTTP boot firmware, and a system, take their addresses too', (t) => {
  turnsInto(t, takes(besideAServer(), 'uefi-http'), 60, 'no-program-request', /by HTTP boot firmware/)
  const clinic = takes(besideAServer(), 'uefi-pxe').says(sizeProbe).says(sent('snponly.efi'))
  takes(clinic, 'ipxe-uefi').isTold('run-image').isSent('vmlinuz', 'initrd').passes(9)
  clinic.sends('request-dhclient', {}, [
    [optionCodes.requestedAddress, bytesOfIpv4(ip('10.77.0.33'))],
    [optionCodes.serverIdentifier, bytesOfIpv4(ip('10.77.0.9'))],
  ])
  turnsInto(t, clinic, 600, 'no-squashfs', /by the system/)
  t.end()
})

t.test('beside a server: the box has nothing for the firmware', (t) => {
  const clinic = besideAServer()
  clinic.box.settings = { ...clinic.box.settings, programs: new Set() }
  takes(clinic, 'uefi-pxe')
  says(t, clinic.after(0), 'no-boot-program')
  t.end()
})

t.test('beside a server: each form was tried, and none taken', (t) => {
  const clinic = besideAServer()
  for (const form of ['with-43', 'without-43', 'boot-server']) {
    takes(clinic.passes(100), 'uefi-pxe')
    says(t, clinic.after(60), 'proxy-offer-passed-over', new RegExp(`it was offered ${form}$`))
  }
  takes(clinic.passes(100), 'uefi-pxe')
  says(t, clinic.after(0), 'under-way')
  says(t, clinic.after(60), 'no-proxy-offer-taken', /it was offered with-43$/)
  const silent = besideAServer()
  for (let boot = 1; boot <= 4; boot++) silent.passes(100).sends('discover-uefi-pxe')
  says(t, silent.after(60), 'no-proxy-offer-taken')
  t.end()
})

t.test('a network that is only observed', (t) => {
  const clinic = new Clinic()
  clinic.leases('uefi-pxe').ends('abandoned').passes(1_000)
  clinic.says({ kind: 'would-answer', client: 'PXE firmware', answer: 'an address' })
  says(t, clinic.after(0), 'only-observed', /would answer/)
  t.end()
})

t.test('no address is left', (t) => {
  const clinic = new Clinic({
    pool: undefined,
    reservations: new Map([[patientMac, { address: ip('10.77.0.50'), hostname: undefined }]]),
  })
  clinic.leases('uefi-pxe')
  says(t, clinic.after(0), 'under-way')
  const full = new Clinic({ pool: { first: ip('10.77.0.100'), last: ip('10.77.0.100') } })
  full.box.table.load([], full.now)
  full.box.table
    .apply([
      {
        network: 'rack',
        address: ip('10.77.0.100'),
        mac: macNumber(9),
        state: 'leased',
        since: 0,
        endsAt: 9e9,
        hostname: undefined,
      },
    ])
    .confirm()
  full.sends('discover-uefi-pxe')
  says(t, full.after(0), 'pool-exhausted', /none of the 1 addresses/)
  t.end()
})

t.test('the box has no boot program for the firmware', (t) => {
  const clinic = new Clinic()
  clinic.box.settings = { ...clinic.box.settings, programs: new Set(['undionly.kpxe']) }
  clinic.leases('uefi-pxe')
  says(t, clinic.after(0), 'no-boot-program', /this box has none of snponly\.efi/)
  t.end()
})

t.test('an address that is insisted on, and one that is in use', (t) => {
  const clinic = new Clinic()
  clinic.sends('discover-uefi-pxe')
  clinic.sends('request-uefi-pxe', {}, [
    [optionCodes.requestedAddress, bytesOfIpv4(ip('10.99.0.7'))],
    [optionCodes.serverIdentifier, bytesOfIpv4(clinic.box.network.serverAddress)],
  ])
  turnsInto(t, clinic, 30, 'address-refused', /10\.99\.0\.7/)

  const declining = new Clinic().leases('uefi-pxe')
  const { address } = declining.box.table.leaseOf('rack', patientMac)!
  declining.sends('decline', {}, [
    [optionCodes.requestedAddress, bytesOfIpv4(address)],
    [optionCodes.serverIdentifier, bytesOfIpv4(declining.box.network.serverAddress)],
  ])
  says(t, declining.after(0), 'address-declined', /in use by somebody else/)
  declining.leases('uefi-pxe')
  says(t, declining.after(0), 'under-way')
  t.end()
})

t.test('an address, and no request for a program', (t) => {
  turnsInto(t, new Clinic().leases('uefi-pxe'), 40, 'no-tftp-request', /TFTP/)
  turnsInto(t, new Clinic().leases('uefi-http'), 60, 'no-program-request', /by HTTP/)
  t.end()
})

t.test('TFTP: only the size, another file, transfers that break off', (t) => {
  turnsInto(t, new Clinic().leases('uefi-pxe').says(sizeProbe), 30, 'size-only')
  const other = new Clinic()
    .leases('uefi-pxe')
    .says(notSent('pxelinux.0', 'pxelinux.0 is no boot program of this box'))
  says(t, other.after(0), 'other-file-asked', /pxelinux\.0/)

  const missed = new Clinic().leases('uefi-pxe').says(notSent('options.csv', 'it does without', true))
  says(t, missed.after(0), 'under-way', /asks for its boot program by TFTP/)

  const broken = notSent('snponly.efi', 'no answer to block 17')
  const clinic = new Clinic().leases('uefi-pxe').says(broken)
  turnsInto(t, clinic, 60, 'program-broke-off', /block 17/)
  clinic.says(broken)
  says(t, clinic.after(0), 'under-way')
  clinic.says(broken)
  says(t, clinic.after(0), 'program-broke-off', /3 times in a row/)
  clinic.says(sent('snponly.efi'))
  says(t, clinic.after(0), 'under-way')
  t.end()
})

t.test('a program that is not heard of, and one that firmware refuses', (t) => {
  turnsInto(t, withProgram(), 88, 'program-silent', /snponly\.efi sent/)
  const refused = withProgram().passes(3)
  refused.leases('uefi-http')
  says(t, refused.after(0), 'program-refused', /back once soon after .* iPXE never asked/)
  refused
    .says({ kind: 'file-served', file: 'snponly.efi', byteCount: 7, tookMs: 1, complete: true })
    .passes(3)
  refused.sends('discover-uefi-pxe')
  says(t, refused.after(0), 'program-refused', /back 2 times soon after/)
  refused.leases('ipxe-uefi')
  says(t, refused.after(0), 'under-way')

  const later = withProgram().passes(121)
  later.sends('discover-uefi-pxe')
  says(t, later.after(0), 'under-way')

  const bios = new Clinic()
  bios.sends('discover-bios-rom')
  bios.says(sent('undionly.kpxe')).passes(5)
  bios.sends('discover-bios-rom')
  says(t, bios.after(0), 'program-returned')
  t.end()
})

t.test('iPXE without a script', (t) => {
  turnsInto(t, withProgram().leases('ipxe-uefi'), 90, 'no-script-request', /HTTP/)
  const autoexec = withProgram().says(sent('autoexec.ipxe'))
  turnsInto(t, autoexec, 90, 'no-script-request')
  const without = withProgram().says(notSent('autoexec.ipxe', 'autoexec.ipxe is no boot program of this box'))
  says(t, without.after(0), 'under-way', /iPXE asks for an address/)
  const refused = withProgram().leases('ipxe-uefi')
  refused.says({
    kind: 'request-refused',
    path: '/boot.ipxe',
    status: 409,
    because: 'its script cannot be made',
  })
  says(t, refused.after(0), 'script-refused', /cannot be made/)
  t.end()
})

t.test('the script says wait, or the own disk', (t) => {
  const wait = withProgram().leases('ipxe-uefi').isTold('wait', 'it is not approved')
  wait.intent = { ...wait.intent, approved: false }
  says(t, wait.after(3_600), 'not-approved', /not approved/)
  wait.intent = { ...wait.intent, approved: true, tooWeak: 'the network rack wants the identity tier claim' }
  says(t, wait.after(3_600), 'identity-too-weak', /rack wants/)
  wait.intent = {
    approved: true,
    method: 'ram',
    image: { kind: 'none', because: 'the settings name no image for it' },
  }
  says(t, wait.after(3_600), 'no-image', /no image/)
  wait.intent = { ...wait.intent, image: { kind: 'image', name: 'debian' } }
  says(t, wait.after(3_600), 'may-start-again')
  says(t, withProgram().leases('ipxe-uefi').isTold('boot-local').after(3_600), 'own-disk')
  t.end()
})

t.test('a machine whose disk is written, from its script to its own system', (t) => {
  const clinic = withProgram().leases('ipxe-uefi').isTold('run-image', 'its disk is to be written')
  clinic.intent = { ...clinic.intent, method: 'disk' }
  const { id } = clinic.machine
  const mine = clinic.roster.latestAttempt(id)!.id
  clinic.roster.beginsInstall(id, { attempt: mine }, (count) => new Uint8Array(count))
  clinic
    .isSent('vmlinuz', 'initrd', 'squashfs')
    .says({ kind: 'seed-served', file: 'user-data' }, 'cloud-init')
  clinic.says({ kind: 'disk-progress', byteCount: 5, of: 10 })
  says(t, clinic.after(60), 'under-way', /5 B of 10 B are on the disk/)
  clinic.roster.advancesInstall(id, { phase: 'written' })
  clinic.says({ kind: 'disk-written', disk: 'A', image: 'noble@1', tookMs: 5 }).ends('written')
  says(t, clinic.after(60), 'disk-written', /noble@1 is on A/)
  clinic.passes(60).leases('ipxe-uefi').isTold('boot-local', 'its disk has been written')
  says(t, clinic.after(60), 'disk-written', /its disk has been written/)
  clinic.roster.move(id, 'time-limit-passed', 'nothing was heard of it', clinic.now)
  says(t, clinic.after(60), 'disk-silent', /nothing was heard of it/)
  clinic.roster.move(id, 'cloud-init-finished', 'it is up', clinic.now)
  says(t, clinic.after(60), 'all-is-well', /the system on its disk/)
  clinic.roster.advancesInstall(id, { phase: 'installed' })
  says(t, clinic.after(60), 'own-disk')
  t.end()
})

t.test('an install that comes to nothing is a fault with its cause', (t) => {
  const clinic = withProgram().leases('ipxe-uefi').isTold('run-image', 'its disk is to be written')
  clinic.intent = { ...clinic.intent, method: 'disk' }
  const because = 'sda holds data: gpt on sda'
  clinic.says({ kind: 'install-failed', cause: 'disk-refused', because }).ends('failed')
  says(t, clinic.after(60), 'install-failed', /\(disk-refused\): sda holds data/)
  clinic.passes(60).leases('ipxe-uefi').isTold('wait')
  const none = { kind: 'none', because: 'there is no image noble' } as const
  clinic.intent = {
    ...clinic.intent,
    disk: { image: none, selector: undefined, by: 'settings', wipe: 'forbidden' },
  }
  says(t, clinic.after(60), 'no-image', /there is no image noble/)
  t.end()
})

t.test('a machine that asks for its script again and again in one boot does not get its kernel', (t) => {
  const clinic = withScript()
  for (let round = 2; round <= 3; round++) {
    says(t, clinic.passes(20).after(0), 'under-way', /the kernel goes out/)
    clinic.isTold('run-image')
  }
  says(t, clinic.after(0), 'no-kernel', /told 3 times to run its image/)
  clinic.isTold('run-image').isSent('vmlinuz')
  says(t, clinic.after(0), 'under-way', /the initrd goes out/)
  t.end()
})

t.test('a machine that begins again and again after its script is quarantined, for want of a kernel', (t) => {
  const clinic = new Clinic()
  for (let round = 1; round <= 4; round++) clinic.passes(20).leases('ipxe-bios').isTold('run-image')
  const diagnosis = clinic.after(0)
  says(t, diagnosis, 'quarantined', /3 attempts in a row failed/)
  t.equal(diagnosis.before?.verdict, 'no-kernel')
  t.end()
})

t.test(
  'a machine that is sent to its disk and comes back goes round, until it is heard of by its system',
  (t) => {
    const clinic = new Clinic()
    clinic.intent = { ...clinic.intent, method: 'local' }
    for (let round = 1; round < roundsUntilStop; round++) {
      clinic.passes(60).leases('ipxe-bios').isTold('boot-local')
      says(t, clinic.after(0), 'own-disk')
    }
    clinic.passes(60).leases('ipxe-bios').isTold('stop', 'it came back')
    says(t, clinic.after(0), 'goes-round', /^5 boots in 4 min led nowhere; last came: script stop sent/)
    clinic.passes(30).leases('dhclient')
    says(t, clinic.after(0), 'own-disk')
    t.end()
  },
)

t.test('a machine that was stopped may start again when the count is over', (t) => {
  const clinic = new Clinic()
  clinic.leases('ipxe-bios').isTold('stop', 'it never had its kernel')
  says(t, clinic.after(0), 'may-start-again')
  t.end()
})

t.test('an image whose files do not arrive', (t) => {
  turnsInto(t, withScript(), 120, 'no-kernel', /script run-image/)
  turnsInto(t, withScript().isSent('vmlinuz'), 300, 'no-initrd', /vmlinuz sent/)
  turnsInto(t, withScript().isSent('vmlinuz', 'initrd'), 240, 'kernel-silent', /initrd sent/)
  turnsInto(t, withSystem(), 600, 'no-squashfs', /leased to/)
  turnsInto(t, withSystem().isSent('squashfs'), 300, 'no-seed', /squashfs sent/)

  const missing = withScript()
  missing.says({
    kind: 'request-refused',
    path: 'debian/initrd',
    status: 404,
    because: 'no such image or file',
  })
  says(t, missing.after(0), 'file-refused', /no such image/)

  const broken = withSystem()
  broken.says({ kind: 'file-served', file: 'debian/squashfs', byteCount: 5, tookMs: 9, complete: false })
  turnsInto(t, broken, 60, 'file-broke-off', /broke off after/)
  broken.leases('dhclient')
  says(t, broken.after(0), 'under-way', /the image goes out/)
  t.end()
})

t.test('a machine that waits in the queue, or whose file takes long, is not stuck', (t) => {
  const queued = (ahead: number) => ({ kind: 'file-queued' as const, file: 'debian/vmlinuz', ahead })
  const clinic = withScript().says(queued(40))
  for (let minute = 1; minute <= 60; minute++) {
    says(t, clinic.after(0), 'in-queue', /vmlinuz waits for its turn, [0-9]+ before it/)
    says(t, clinic.after(59), 'in-queue')
    clinic.passes(60).says(queued(40 - Math.floor(minute / 2)))
  }
  says(t, clinic.after(180), 'in-queue', /as told 180 s|as told 3 min/)
  says(t, clinic.after(181), 'no-kernel', /script run-image/)
  t.equal(clinic.after(0).since, clinic.now - 60 * 60_000, 'it has waited since it began to')

  const goesOut = (byteCount: number) =>
    ({ kind: 'file-going-out', file: 'debian/squashfs', byteCount, ofBytes: 6e8 }) as const
  const slow = withSystem().says(goesOut(1e6))
  for (let minute = 1; minute <= 20; minute++) {
    says(
      t,
      slow
        .passes(60)
        .says(goesOut(minute * 3e7))
        .after(30),
      'under-way',
      /squashfs goes out, .* so far/,
    )
  }
  says(t, slow.after(181), 'no-squashfs')
  says(t, slow.isSent('squashfs').after(0), 'under-way', /cloud-init asks for its seed/)

  const again = withScript().says(queued(3)).passes(5)
  again.leases('ipxe-uefi')
  says(t, again.after(0), 'under-way', /script by HTTP/)
  again.isTold('run-image').says(queued(2)).leases('ipxe-uefi').isTold('run-image').says(queued(1))
  says(t, again.after(0), 'in-queue', /1 before it/)

  const dead = withScript().says(queued(3)).passes(5)
  dead.fails({ kind: 'delivery-failed', because: 'the process that delivers images ended (SIGKILL)' })
  says(t, dead.after(5), 'delivery-failed')
  const over = withScript().says(queued(3)).passes(5).ends('failed')
  says(t, over.after(1), 'no-kernel')
  t.end()
})

t.test('a system without its seed, and a seed without a report', (t) => {
  const refused = withSystem().isSent('squashfs')
  refused.says({
    kind: 'request-refused',
    path: '/seed/0123/meta-data',
    status: 404,
    because: 'no boot of this number',
  })
  says(t, refused.after(0), 'seed-refused', /no boot of this number/)
  const seeded = withSystem()
    .isSent('squashfs')
    .says({ kind: 'seed-served', file: 'meta-data' }, 'cloud-init')
  turnsInto(t, seeded, 180, 'no-report', /seed meta-data/)
  t.end()
})

t.test('cloud-init that stops, fails and ends well', (t) => {
  turnsInto(t, reporting(), 600, 'reports-stopped', /init-network begins/)
  const failed = reporting()
  const fail = { kind: 'cloud-init-finished', result: 'FAIL', description: 'running' } as const
  failed
    .says({ ...fail, stage: 'modules-config/config-ntp' }, 'cloud-init')
    .says({ ...fail, stage: 'modules-config' })
  says(t, failed.after(0), 'cloud-init-failed', /in modules-config\/config-ntp$/)
  failed.ends('installed')
  says(t, failed.after(9_999), 'cloud-init-failed')
  says(t, reporting().ends('installed').after(9_999), 'all-is-well')
  t.end()
})

t.test('a system that renews its lease does not set its boot back', (t) => {
  const clinic = reporting().leases('dhclient')
  says(t, clinic.after(0), 'under-way', /cloud-init reports on/)
  clinic.says({ kind: 'pool-exhausted', because: 'none is free' })
  says(t, clinic.after(0), 'under-way')
  t.end()
})

t.test('a machine that went on to its own disk gave up where it stood', (t) => {
  const clinic = new Clinic().leases('uefi-pxe').says(sizeProbe).passes(5)
  clinic.leases('dhclient')
  says(t, clinic.after(0), 'size-only', /a disk of its own/)
  t.end()
})

t.test('faults of the box are named when nothing was heard since', (t) => {
  const store = new Clinic()
  store.sends('discover-uefi-pxe')
  store.passes(2).fails({ kind: 'store-failed', because: 'the disk is full' })
  says(t, store.after(0), 'store-failed', /the disk is full/)
  store.passes(1).leases('uefi-pxe')
  says(t, store.after(0), 'under-way')

  const delivery = withScript().fails({ kind: 'delivery-failed', because: 'it was killed' })
  says(t, delivery.after(0), 'delivery-failed', /killed/)
  const early = new Clinic().leases('uefi-pxe').fails({ kind: 'delivery-failed', because: 'it was killed' })
  says(t, early.after(0), 'under-way')

  const network = new Clinic().leases('uefi-pxe').passes(5)
  network.fails({
    kind: 'network-unusable',
    network: 'other',
    interface: 'eth2',
    because: 'no such interface',
  })
  says(t, network.after(0), 'under-way')
  network.fails({
    kind: 'network-unusable',
    network: 'rack',
    interface: 'eth1',
    because: 'no such interface',
  })
  says(t, network.after(0), 'network-unusable', /no such interface/)

  const longAgo = new Clinic().leases('uefi-pxe').passes(601)
  longAgo.fails({ kind: 'store-failed', because: 'the disk is full' })
  says(t, longAgo.after(0), 'no-tftp-request')
  t.end()
})

t.test('boots that end at the same point are a loop, with what stopped the last of them', (t) => {
  const clinic = new Clinic()
  for (let boot = 1; boot <= bootsInLoop; boot++) {
    clinic.passes(1_000).leases('uefi-pxe').says(sizeProbe)
    const { verdict } = clinic.after(60)
    t.equal(verdict, 'size-only', `boot ${boot}`)
  }
  clinic.passes(1_000).leases('uefi-pxe')
  const diagnosis = clinic.after(0)
  says(t, diagnosis, 'boot-loop', /3 boots in a row or more came no further than: firmware/)
  t.equal(diagnosis.before?.verdict, 'size-only')
  clinic.says(sent('snponly.efi')).leases('ipxe-uefi')
  says(t, clinic.after(0), 'under-way', /./)
  t.end()
})

t.test('a machine in quarantine is told with what failed last', (t) => {
  const clinic = new Clinic()
  for (let boot = 1; boot <= 4; boot++)
    clinic
      .passes(60)
      .leases('uefi-pxe')
      .says(sent('snponly.efi'))
      .leases('ipxe-uefi')
      .isTold('run-image')
      .isSent('vmlinuz')
  t.equal(clinic.machine.state, 'quarantined')
  const diagnosis = clinic.after(0)
  says(t, diagnosis, 'quarantined', /3 attempts in a row failed/)
  t.equal(diagnosis.before?.verdict, 'no-initrd')
  t.end()
})

t.test('a machine with a record and without a boot', (t) => {
  const clinic = new Clinic().leases('uefi-pxe')
  const { machine, intent, now } = clinic
  says(t, diagnose({ machine, boots: [], intent, troubles: [], now }), 'never-booted')
  t.end()
})

/** The boots of a recorded log, each with what was known of it at a time, the latest first. */
function bootsUntil(log: readonly RecordedEvent[], at: number): readonly Boot[] {
  const boots = new Map<string, { attempt: Attempt; events: RecordedEvent[] }>()
  for (const recorded of log) {
    const { attempt: id, machine = '', event } = recorded
    if (recorded.at > at || id === undefined) continue
    const began: Attempt = {
      id,
      machine,
      mac: '52:54:00:b0:07:01' as Mac,
      startedAt: recorded.at,
      lastSeenAt: recorded.at,
      stage: 'firmware' satisfies AttemptStage,
      endedAt: undefined,
      result: undefined,
    }
    const boot = boots.get(id) ?? { attempt: began, events: [] }
    boot.events.push(recorded)
    if (event.kind === 'attempt-ended')
      boot.attempt = { ...boot.attempt, endedAt: recorded.at, result: event.result }
    boots.set(id, boot)
  }
  return [...boots.values()].toReversed()
}

const realBoots: readonly (readonly [string, Verdict, boolean])[] = [
  ['ram-uefi', 'all-is-well', true],
  ['ram-bios', 'all-is-well', true],
  ['local-uefi', 'own-disk', true],
  ['waits-uefi', 'not-approved', false],
]

for (const [name, verdict, approved] of realBoots) {
  t.test(`${name}: no moment of a real boot that went well is called a fault`, (t) => {
    const log = recordedBoot(name)
    const { machine } = new Clinic().leases('uefi-pxe')
    const healthy: Machine = { ...machine, state: 'installing' }
    const look = (now: number): Diagnosis =>
      diagnose({
        machine: healthy,
        boots: bootsUntil(log, now),
        intent: { ...new Clinic().intent, approved },
        troubles: [],
        now,
      })
    let looks = 0
    for (const [index, { at }] of log.entries()) {
      for (const now of [at, (log[index + 1]?.at ?? at) - 1]) {
        const { outlook, because } = look(Math.max(at, now))
        if (bootsUntil(log, at).length === 0) continue
        looks++
        if (outlook === 'fault') t.fail(because)
      }
    }
    t.ok(looks > 20, `${looks} looks`)
    says(t, look((log.at(-1)?.at ?? 0) + 9_999_999), verdict)
    t.end()
  })
}

t.test('every verdict of the catalogue was reached by a test', (t) => {
  t.strictSame(
    verdicts.filter((verdict) => !seen.has(verdict)),
    [],
  )
  t.ok(verdicts.length > 30)
  t.end()
})

t.test('every fault names its next step, in whole sentences', (t) => {
  for (const [verdict, entry] of Object.entries(diagnoses) as [Verdict, ReturnType<typeof entryOf>][]) {
    if (entry.outlook === 'fault' || entry.outlook === 'waits') t.not(entry.nextStep, undefined, verdict)
    for (const text of [entry.meaning, entry.nextStep ?? 'Nothing.'])
      t.match(text, /^(?:[A-Z]|iPXE|cloud-init).*\.$/, text)
    for (const cause of entry.causes ?? []) t.match(cause, /^[a-zA-Z`].*[^.]$/, cause)
  }
  t.end()
})
