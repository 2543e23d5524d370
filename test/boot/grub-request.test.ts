import t from 'tap'
import { grubRequest } from '../../server/boot/grub-request.ts'

t.test('a configuration is known by its name, in whatever folder', (t) => {
  for (const file of ['grub.cfg', 'grub/grub.cfg', '/debian-installer/amd64/grub/x86_64-efi/grub.cfg']) {
    t.strictSame(grubRequest(file), { kind: 'chain' }, file)
  }
  t.end()
})

t.test(
  'the card is read from the name, with hyphens as GRUB asks, and with colons as its variable has it',
  (t) => {
    const script = { kind: 'script', mac: '52:54:00:b0:07:01' }
    for (const file of [
      'grub/grub.cfg-01-52-54-00-b0-07-01',
      'grub.cfg-01-52:54:00:b0:07:01',
      '/grub/grub.cfg-52:54:00:B0:07:01',
    ]) {
      t.strictSame(grubRequest(file), script, file)
    }
    t.end()
  },
)

t.test('a name without a card is left to the lease', (t) => {
  t.strictSame(grubRequest('grub/grub.cfg-01-'), { kind: 'script', mac: undefined })
  t.strictSame(grubRequest('grub/grub.cfg-'), { kind: 'script', mac: undefined })
  t.end()
})

t.test('every other name is no configuration', (t) => {
  for (const file of [
    'grub.cfg-0A4E0001',
    'grub.cfg-01-52-54-00',
    'grub.cfg-default-amd64',
    'grub.cfg.bak',
    'mygrub.cfg',
    'grub.cfg-01-52-54-00-b0-07-01/x',
    '',
  ]) {
    t.equal(grubRequest(file), undefined, file)
  }
  t.end()
})
