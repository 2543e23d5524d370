import t from 'tap'
import { checkLink } from '../../server/appliance/check-link.ts'

t.test('a budget that leaves the rest some room is well', async (t) => {
  t.strictSame(checkLink('eth1', 900e6, 1e9), {
    verdict: 'well',
    subject: 'link of eth1',
    fact: 'kernels and images may take 900 Mbit/s of 1 Gbit/s',
  })
})

t.test('one that is all of the link or more is doubtful, with what to write in its place', async (t) => {
  for (const bits of [1e9, 10e9, 0.98e9]) {
    t.match(checkLink('eth1', bits, 1e9), {
      verdict: 'doubtful',
      fact: /the card carries 1 Gbit\/s: nothing is kept free/,
      nextStep: 'Leave a tenth of it: link: 900Mbit/s',
    })
  }
  t.match(checkLink('eth1', 25e9, 2.5e9), { nextStep: 'Leave a tenth of it: link: 2250Mbit/s' })
})

t.test('of a card that tells no speed nothing is said', async (t) => {
  for (const device of ['lo', 'no-such-card']) {
    const finding = checkLink(device, 900e6)
    t.match(finding, { verdict: 'well', fact: 'kernels and images may take 900 Mbit/s' })
    t.equal(finding.nextStep, undefined)
  }
})
