import t from 'tap'
import { raspberryPiFolder } from '../../server/boot/programs.ts'
import { golden } from '../dhcp/golden.ts'
import { byHand, Box, allPrograms } from './a-box.ts'

t.test('a Raspberry Pi gets the words it waits for, and whom to ask for its files', (t) => {
  for (const name of ['discover-raspberry-pi-4', 'discover-raspberry-pi-5']) {
    const box = new Box(byHand)
    box.settings = { ...box.settings, programs: new Set([...allPrograms, `${raspberryPiFolder}/config.txt`]) }
    const { message } = box.replyTo(golden(name))
    // 43.9: type 0, the length of the text, the text; 43.10: no seconds, a prompt; the end.
    t.equal(
      Buffer.from(message.options.get(43) ?? []).toString('latin1'),
      '\x09\x14\0\0\x11Raspberry Pi Boot\x0a\x04\0PXE\xff',
      name,
    )
    t.equal(message.siaddr, '192.168.7.1')
    t.equal(Buffer.from(message.options.get(66) ?? []).toString(), '192.168.7.1')
    t.equal(message.options.has(60), false)
  }
  t.end()
})

t.test('without its files a Raspberry Pi gets an address, and the log says what is missing', (t) => {
  const { reply, happened } = new Box(byHand).ask(golden('discover-raspberry-pi-4'))
  t.equal(reply?.message.options.has(43), false)
  t.equal(reply?.message.file, '')
  const because = /raspberry-pi\/config\.txt is missing/
  t.match(happened.slice(-2), [
    { kind: 'boot-offered', program: 'nothing', because },
    { kind: 'firmware-without-program', number: 41, because },
  ])
  t.match(happened[0], { kind: 'firmware-asked', architecture: 'ARM rpiboot' })
  t.end()
})

t.test('no other machine hears of the Raspberry Pi', (t) => {
  const { message } = new Box(byHand).replyTo(golden('discover-bios-rom'))
  t.equal(message.options.has(43), false)
  t.equal(message.file, 'undionly.kpxe')
  t.end()
})
