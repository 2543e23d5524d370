import t from 'tap'
import { aNode } from '../access/a-node.ts'
import { rawDisk } from '../images/some-images.ts'
import { boxWithDisk } from './box-with-disk.ts'
import { arrival } from './one-machine.ts'

const disks = [
  'ironwake-inventory 1',
  'firmware bios',
  'processors 2',
  'memory 1000000000',
  'disk vda',
  'bytes 20000000000',
  'serial A',
  'end',
  '',
].join('\n')

t.test('who was claimed by two, and is installed, is said to need another install', async (t) => {
  const box = await boxWithDisk(t, rawDisk(1_000_000))
  t.equal(await box.boots(), 'install-disk')
  const { id } = box.machine
  const lost = () => box.api.find(id)[0]?.credentialLost
  box.enrolments.invite(box.machine, box.attempt)
  const nonce = box.enrolments.openNonce(id, box.attempt.id) ?? ''
  t.match(await box.enrolments.enrol(arrival, aNode().enrols(nonce)), { kind: 'text' })
  t.match(await box.boot.install.word(arrival, box.attempt.id, 'disks', disks), { text: /^write\n/ })
  t.match(await box.boot.install.word(arrival, box.attempt.id, 'ended', 'written\n'), { kind: 'accepted' })
  t.equal(lost(), undefined, 'it has a credential')
  t.match(await box.enrolments.enrol(arrival, aNode().enrols(nonce)), { kind: 'refused', status: 409 })
  t.equal(box.machine.state, 'quarantined')
  t.match(lost(), {
    because: /^revoked, since /,
    nextStep: new RegExp(`ironwake machines retry ${id} && ironwake machines reinstall ${id}$`),
  })

  await box.reportsEnd(box.machine.install?.id ?? '')
  t.equal(box.machine.install?.phase, 'installed')
  const retried = await box.api.retry(id)
  t.match(retried, { kind: 'done', remarks: { length: 1 } })
  t.match(
    JSON.stringify(retried),
    new RegExp(`is revoked, since .*the system on its disk has none\\. .*ironwake machines reinstall ${id}"`),
  )
  t.equal(lost()?.nextStep, `Only an install gives it another: ironwake machines reinstall ${id}`)
  t.match(await box.api.reinstall(box.machine, { mode: 'orderly' }), { kind: 'done' }, 'which can be done')
  t.equal(lost(), undefined, 'another is on its way')
})
