import t from 'tap'
import {
  credentialLifeMs,
  enrol,
  graceMs,
  invitationLifeMs,
  invite,
  renew,
  revoke,
  show,
  type Enrolment,
  type Judgement,
} from '../../server/machines/enrolment.ts'

const start = 1_000_000
const machine = 'm0000001'

function invited(nonce = 'n1', attempt = 'a1', before?: Enrolment, now = start): Enrolment {
  return invite(before, { machine, attempt, nonce }, now)
}

function good(judged: Judgement): Enrolment {
  if (judged.kind !== 'good') throw new Error(judged.because)
  return judged.changed
}

/** Enrolled by the key k1, with the credential h1. */
function enrolled(now = start): Enrolment {
  return good(enrol(invited(), { nonce: 'n1', key: 'k1', hash: 'h1' }, now))
}

t.test('the first key that comes with a nonce is the machine’s', async (t) => {
  const { holder, invitations, replaced } = enrolled()
  t.match(holder, { key: 'k1', attempt: 'a1', since: start })
  t.strictSame(holder?.credentials, [{ hash: 'h1', madeAt: start, until: start + credentialLifeMs }])
  t.equal(invitations[0]?.usedBy, 'k1')
  t.strictSame(replaced, [])
  t.match(show(enrolled(), 'h1', start + 1), { kind: 'good', changed: { holder: { key: 'k1' } } })
})

t.test(
  'the same key again has another credential, and the one whose answer was lost is good as well',
  async (t) => {
    const again = good(enrol(enrolled(), { nonce: 'n1', key: 'k1', hash: 'h2' }, start + 10))
    t.strictSame(
      again.holder?.credentials.map(({ hash }) => hash),
      ['h2', 'h1'],
    )
    t.equal(again.holder?.since, start)
    t.match(show(again, 'h1', start + 20), { kind: 'good' })
    t.match(show(again, 'h2', start + 20), { kind: 'good' })
  },
)

t.test('a second key with the same nonce is a second system, and neither is believed', async (t) => {
  const judged = enrol(enrolled(), { nonce: 'n1', key: 'k2', hash: 'h2' }, start + 10)
  t.match(judged, { kind: 'two-claim-it', because: /second key/ })
  if (judged.kind !== 'two-claim-it') return
  t.match(show(judged.changed, 'h1', start + 20), { kind: 'refused', because: /revoked/ })
  t.match(show(judged.changed, 'h2', start + 20), { kind: 'refused' })
  t.match(renew(judged.changed, { key: 'k1', hash: 'h3' }, start + 20), {
    kind: 'refused',
    because: /revoked/,
  })
  for (const key of ['k1', 'k2', 'k3']) {
    t.match(enrol(judged.changed, { nonce: 'n1', key, hash: 'h9' }, start + 30), { kind: 'refused' }, key)
  }
})

t.test('a nonce is good for half an hour, used or not', async (t) => {
  const last = start + invitationLifeMs - 1
  t.match(enrol(invited(), { nonce: 'n1', key: 'k1', hash: 'h1' }, last), { kind: 'good' })
  for (const one of [invited(), enrolled()]) {
    for (const key of ['k1', 'k2']) {
      t.match(enrol(one, { nonce: 'n1', key, hash: 'h2' }, last + 1), { kind: 'refused', because: /expired/ })
    }
  }
  t.match(enrol(invited(), { nonce: 'n9', key: 'k1', hash: 'h1' }, start), {
    kind: 'refused',
    because: /none/,
  })
})

t.test('a boot that asks again is invited as before; another boot by a nonce of its own', async (t) => {
  const again = invited('n2', 'a1', invited(), start + 60_000)
  t.strictSame(again.invitations, [{ nonce: 'n1', attempt: 'a1', until: start + 60_000 + invitationLifeMs }])
  const next = invited('n2', 'a2', again, start + 60_000)
  t.strictSame(
    next.invitations.map(({ nonce }) => nonce),
    ['n2', 'n1'],
  )
  t.match(enrol(next, { nonce: 'n1', key: 'k1', hash: 'h1' }, start + 60_001), {
    kind: 'refused',
    because: /over/,
  })
  t.match(enrol(next, { nonce: 'n2', key: 'k1', hash: 'h1' }, start + 60_001), { kind: 'good' })
  const used = invited('n2', 'a1', enrolled())
  t.equal(used.invitations[0]?.nonce, 'n2', 'a nonce that was used is given to nobody again')
  const many = Array.from({ length: 50 }).reduce<Enrolment>(
    (before, _, n) => invited(`m${n}`, `b${n}`, before),
    invited(),
  )
  t.ok(many.invitations.length <= 8, 'no number of boots makes a record long')
})

t.test('a boot before that comes after a later one has enrolled is a second system', async (t) => {
  const later = invited('n2', 'a2', invited(), start + 10)
  const taken = good(enrol(later, { nonce: 'n2', key: 'k2', hash: 'h2' }, start + 20))
  t.match(enrol(taken, { nonce: 'n1', key: 'k1', hash: 'h1' }, start + 30), { kind: 'two-claim-it' })
  t.match(enrol(taken, { nonce: 'n1', key: 'k2', hash: 'h1' }, start + 30), { kind: 'refused' })
  t.match(
    enrol(taken, { nonce: 'n1', key: 'k1', hash: 'h1' }, start + invitationLifeMs),
    { kind: 'refused' },
    'not for ever: nonces can be read by anybody',
  )
})

t.test(
  'another install takes the place of the one before; who shows what that had is a second system',
  async (t) => {
    const next = good(
      enrol(invited('n2', 'a2', enrolled()), { nonce: 'n2', key: 'k2', hash: 'h2' }, start + 100),
    )
    t.match(show(next, 'h2', start + 200), { kind: 'good' })
    t.match(show(next, 'h1', start + 200), { kind: 'two-claim-it' })
    t.match(
      show(next, 'h1', start + 2 * credentialLifeMs),
      { kind: 'two-claim-it' },
      'also when it has expired',
    )
    t.match(renew(next, { key: 'k1', hash: 'h3' }, start + 200), { kind: 'two-claim-it' })
  },
)

t.test('a renewed credential takes the place of the one before when it is first shown', async (t) => {
  const before = good(show(enrolled(), 'h1', start + 1))
  const renewed = good(renew(before, { key: 'k1', hash: 'h2' }, start + 10))
  t.match(show(renewed, 'h1', start + 20), { kind: 'good' }, 'the answer may have been lost')
  const used = good(show(renewed, 'h2', start + 30))
  t.match(show(used, 'h1', start + 30 + graceMs), { kind: 'refused', because: /just/ })
  t.match(show(used, 'h1', start + 31 + graceMs), { kind: 'two-claim-it' })
  t.match(show(used, 'h2', start + 31 + graceMs), { kind: 'good' })
  t.equal(
    (show(used, 'h2', start + 40) as { readonly changed: Enrolment }).changed,
    used,
    'nothing is written for what was shown before',
  )
})

t.test('a credential ends after a day, and its key renews it', async (t) => {
  const end = start + credentialLifeMs
  t.match(show(enrolled(), 'h1', end - 1), { kind: 'good' })
  t.match(show(enrolled(), 'h1', end), { kind: 'refused', because: /expired/ })
  const renewed = good(renew(enrolled(), { key: 'k1', hash: 'h2' }, end + 1))
  t.match(show(renewed, 'h2', end + 2), { kind: 'good' })
  t.match(renew(enrolled(), { key: 'k9', hash: 'h2' }, end), {
    kind: 'refused',
    because: /none of this machine/,
  })
})

t.test('after it was revoked a machine is believed when it enrols anew, and only so', async (t) => {
  const revoked = revoke(enrolled(), 'a person said so')
  t.match(show(revoked, 'h1', start + 1), { kind: 'refused', because: /a person said so/ })
  const anew = good(enrol(invited('n2', 'a2', revoked), { nonce: 'n2', key: 'k2', hash: 'h2' }, start + 10))
  t.match(show(anew, 'h2', start + 20), { kind: 'good' })
  t.match(show(anew, 'h1', start + 20), { kind: 'refused' }, 'who was revoked can no longer shut anybody out')
  t.match(renew(anew, { key: 'k1', hash: 'h3' }, start + 20), { kind: 'refused' })
})

t.test('no number of installs and renewals makes a record long', async (t) => {
  let enrolment = enrolled()
  for (let n = 0; n < 50; n++) {
    enrolment = good(renew(enrolment, { key: enrolment.holder?.key ?? '', hash: `r${n}` }, start + n))
    enrolment = invited(`i${n}`, `b${n}`, enrolment)
    enrolment = good(enrol(enrolment, { nonce: `i${n}`, key: `k${n}`, hash: `e${n}` }, start + n))
  }
  t.ok(enrolment.replaced.length <= 8)
  t.ok(JSON.stringify(enrolment).length < 8_000, `${JSON.stringify(enrolment).length} characters`)
})
