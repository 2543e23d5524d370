import t from 'tap'
import { credentialLifeMs, graceMs, invitationLifeMs } from '../../server/machines/enrolment.ts'
import { aNode, enrolmentBody, given } from '../access/a-node.ts'
import { bearer } from './an-https-api.ts'
import { aNodeApi } from './a-node-api.ts'

const whoami = {
  mostBytes: 100,
  answer: async ({ machine, body }: { readonly machine: string; readonly body: string }) =>
    await Promise.resolve({ kind: 'text' as const, type: 'text/plain', text: `${machine} ${body}` }),
}

t.test('a machine that is invited enrols, and its credential lets it in, and nobody else', async (t) => {
  const api = await aNodeApi(t, { routes: { whoami } })
  const { machine, nonce } = await api.boots()
  const node = aNode()
  const answer = await api.post('enrol', node.enrols(nonce))
  t.equal(answer.status, 200, answer.body)
  t.match(answer.headers, { 'content-type': /^text\/plain/, 'cache-control': 'no-store' })
  const { credential, until, machine: told } = given(answer.body)
  t.equal(told, machine)
  t.equal(until, Math.floor((api.clock.now + credentialLifeMs) / 1000))
  t.match(await api.post('whoami', 'hello', bearer(credential)), { status: 200, body: `${machine} hello` })

  const stored = JSON.stringify(await api.store.enrolments.all())
  t.match(stored, node.key)
  t.notMatch(stored, credential.slice(4), 'the credential itself is nowhere')
  t.match(await api.told('machine-enrolled'), [{ key: /^[0-9a-f]{16}$/ }])
  t.notMatch(JSON.stringify(api.happened), /iwm_/)
  t.equal(api.desk.openNonce(machine, 'x'), undefined, 'its nonce is used up')

  const again = await api.restarted()
  t.match(
    again.check(credential, '127.0.0.1'),
    { kind: 'good', machine },
    'a start of the box changes nothing',
  )

  for (const [name, headers, status, because] of [
    ['nobody', {}, 401, /no credential was shown/],
    ['a token of the API', bearer(await api.token('admin')), 401, /not the form of a credential/],
    ['another credential', bearer(`iwm_${'A'.repeat(43)}`), 401, /no such credential/],
    ['a part of it', bearer(credential.slice(0, -1)), 401, /not the form/],
    ['another scheme', { Authorization: `Basic ${credential}` }, 401, /not “Bearer/],
  ] as const) {
    const refused = await api.post('whoami', 'hello', headers)
    t.match(refused, { status, body: because }, name)
    t.equal(refused.headers.connection, 'close')
  }
  t.equal((await api.told('credential-refused')).length > 0, true)
})

t.test('a credential stands in no URL, and what machines may ask is told to machines alone', async (t) => {
  const api = await aNodeApi(t, { routes: { whoami } })
  const { nonce } = await api.boots()
  const { credential } = given((await api.post('enrol', aNode().enrols(nonce))).body)
  for (const path of [
    `whoami?credential=${credential}`,
    'whoami?x',
    credential,
    `iwm%5F${credential.slice(4)}`,
  ]) {
    t.match(
      await api.post(path, '', bearer(credential)),
      { status: 400, body: /nothing stands in the URL/ },
      path,
    )
  }
  t.notMatch(JSON.stringify(api.happened), credential.slice(4))
  t.match(await api.post('nothing', ''), { status: 401 })
  t.match(await api.post('nothing', '', bearer(credential)), { status: 404 })
  for (const path of ['/api/v1/node/whoami/', '/api/v1/node/WHOAMI', '/api/v1/node']) {
    const { status } = await api.ask({ path, method: 'POST', headers: bearer(credential) })
    t.equal(status, 404, path)
  }
  t.match(await api.ask({ path: '/api/v1/node/whoami', headers: bearer(credential) }), { status: 404 })
  t.match(
    await api.ask({ path: '/api/v1/machines', headers: bearer(credential) }),
    { status: 401 },
    'a machine is let in to nothing else',
  )
  t.match(await api.post('whoami', 'x'.repeat(101), bearer(credential)), {
    status: 413,
    body: /longer than 100 bytes/,
  })
  t.match(await api.post('enrol', 'x'.repeat(3_000)), { status: 413 })
})

t.test('a request whose answer was lost is made again, and both credentials are the machine’s', async (t) => {
  const api = await aNodeApi(t, { routes: { whoami } })
  const { machine, nonce } = await api.boots()
  const node = aNode()
  const first = given((await api.post('enrol', node.enrols(nonce))).body)
  const second = given((await api.post('enrol', node.enrols(nonce))).body)
  t.not(first.credential, second.credential)
  for (const { credential } of [first, second]) {
    t.match(await api.post('whoami', '', bearer(credential)), { status: 200, body: machine })
  }
  t.equal(api.roster.byId(machine)?.state, 'installing')
})

t.test('a second key quarantines the machine, and neither of the two is let in', async (t) => {
  const api = await aNodeApi(t, { routes: { whoami } })
  const { machine, attempt, nonce } = await api.boots()
  const first = given((await api.post('enrol', aNode().enrols(nonce))).body)
  t.match(await api.post('enrol', aNode().enrols(nonce)), {
    status: 409,
    body: /second key came with its nonce/,
  })
  t.match(api.roster.byId(machine), { state: 'quarantined', stateBecause: /two systems claim to be it/ })
  t.match(api.roster.latestAttempt(machine), { id: attempt, result: 'failed' })
  t.match(await api.post('whoami', '', bearer(first.credential)), { status: 401, body: /revoked/ })
  t.match(await api.post('enrol', aNode().enrols(nonce)), { status: 403 })
  t.match(await api.told('machine-claimed-twice'), [{ from: '127.0.0.1' }])
  t.match(await api.store.machines.byId(machine), { state: 'quarantined' }, 'it is on disk')
  t.match((await api.restarted()).check(first.credential, '127.0.0.1'), { kind: 'bad', because: /revoked/ })
})

t.test(
  'of many keys that come with one nonce at once one is let in, and the machine is quarantined',
  async (t) => {
    const api = await aNodeApi(t, { routes: { whoami } })
    const { machine, nonce } = await api.boots()
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => await api.post('enrol', aNode().enrols(nonce))),
    )
    const won = answers.filter(({ status }) => status === 200)
    t.equal(won.length, 1)
    t.equal(api.roster.byId(machine)?.state, 'quarantined')
    t.equal((await api.told('machine-claimed-twice')).length, 1, 'told once')
    t.match(await api.post('whoami', '', bearer(given(won[0]?.body ?? '').credential)), { status: 401 })
  },
)

t.test('who is replaced by a later install and shows its credential quarantines the machine', async (t) => {
  const api = await aNodeApi(t, { routes: { whoami } })
  const { machine, attempt, nonce } = await api.boots()
  const node = aNode()
  const { credential } = given((await api.post('enrol', node.enrols(nonce))).body)
  await api.logbook.keep(api.roster.end(attempt, 'installed', 'a test', api.clock.now))
  api.clock.now += 3_600_000
  const next = await api.boots()
  t.equal(next.machine, machine)
  const later = given((await api.post('enrol', aNode().enrols(next.nonce))).body)
  t.match(await api.post('whoami', '', bearer(later.credential)), { status: 200 })
  t.match(await api.post('whoami', '', bearer(credential)), {
    status: 403,
    body: /another system has one by now/,
  })
  t.equal(api.roster.byId(machine)?.state, 'quarantined')
  t.match(await api.post('whoami', '', bearer(later.credential)), { status: 401, body: /revoked/ })
  t.match(await api.post('renew', node.renews(machine, api.clock.now)), { status: 403 })
})

t.test('a nonce is good for the boot it was made for, and for half an hour', async (t) => {
  const api = await aNodeApi(t)
  const late = await api.boots(1)
  api.clock.now += invitationLifeMs
  t.match(await api.post('enrol', aNode().enrols(late.nonce)), { status: 403, body: /expired/ })
  const ended = await api.boots(2)
  await api.logbook.keep(api.roster.end(ended.attempt, 'failed', 'a test', api.clock.now))
  t.match(await api.post('enrol', aNode().enrols(ended.nonce)), { status: 403, body: /is over/ })
  const installed = await api.boots(3)
  await api.logbook.keep(api.roster.move(installed.machine, 'cloud-init-finished', 'a test', api.clock.now))
  t.match(await api.post('enrol', aNode().enrols(installed.nonce)), { status: 403, body: /is installed/ })
  const refused = await api.told('enrolment-refused')
  t.equal(refused.length, 3)
  t.strictSame(
    await api.store.enrolments.all().then((all) => all.filter(({ holder }) => holder !== undefined)),
    [],
  )
})

t.test('what is no request to enrol is refused with the reason, and changes nothing', async (t) => {
  const api = await aNodeApi(t)
  const [{ nonce, machine }, other] = [await api.boots(1), await api.boots(2)]
  const node = aNode()
  const [, signature = ''] = /signature (\S+)/.exec(node.enrols(nonce)) ?? []
  const cases: readonly (readonly [string, number, RegExp])[] = [
    ['', 400, /first line/],
    ['ironwake-enrol 2\n', 400, /first line/],
    [enrolmentBody({ nonce: '0'.repeat(32), key: node.key, signature }), 403, /no machine was invited/],
    [enrolmentBody({ nonce: other.nonce, key: node.key, signature }), 403, /signature is not by its key/],
    [enrolmentBody({ nonce, key: aNode().key, signature }), 403, /signature is not by its key/],
    [enrolmentBody({ nonce, key: 'AAAA', signature }), 400, /no public key of P-256/],
    [enrolmentBody({ nonce, key: node.key, signature: 'AAAA' }), 403, /signature/],
  ]
  for (const [body, status, because] of cases)
    t.match(await api.post('enrol', body), { status, body: because }, body)
  t.equal((await api.told('enrolment-refused')).length, cases.length)
  t.equal(api.roster.byId(machine)?.state, 'installing')
  t.equal((await api.post('enrol', node.enrols(nonce))).status, 200)
})

t.test('a key renews its credential, before its end and after', async (t) => {
  const api = await aNodeApi(t, { routes: { whoami } })
  const { machine, nonce } = await api.boots()
  const node = aNode()
  const first = given((await api.post('enrol', node.enrols(nonce))).body)
  api.clock.now += credentialLifeMs
  t.match(await api.post('whoami', '', bearer(first.credential)), { status: 401, body: /expired/ })
  const asked = node.renews(machine, api.clock.now)
  const second = given((await api.post('renew', asked)).body)
  t.match(await api.post('whoami', '', bearer(second.credential)), { status: 200 })
  t.match(
    await api.post('renew', asked),
    { status: 403, body: /signed before/ },
    'a copy of a request is none',
  )
  t.match(await api.post('renew', node.renews(machine, api.clock.now - 86_400_000)), {
    status: 403,
    body: /its time is off: by the clock of this box it is [0-9]+/,
  })
  t.match(await api.post('renew', aNode().renews(machine, api.clock.now)), {
    status: 403,
    body: /none of this machine/,
  })
  t.match(await api.post('renew', node.renews('nobody', api.clock.now)), {
    status: 403,
    body: /no such machine/,
  })
  const third = given((await api.post('renew', node.renews(machine, api.clock.now))).body)
  t.match(await api.post('whoami', '', bearer(second.credential)), { status: 200 }, 'the answer may be lost')
  t.match(await api.post('whoami', '', bearer(third.credential)), { status: 200 })
  t.match(await api.post('whoami', '', bearer(second.credential)), { status: 401, body: /just/ })
  api.clock.now += graceMs + 1
  t.match(await api.post('whoami', '', bearer(second.credential)), { status: 403 })
  t.equal(api.roster.byId(machine)?.state, 'quarantined')
  t.match(await api.told('machine-enrolled'), [{}, { renewed: true }, { renewed: true }])
})

t.test('a machine that is no longer approved, or is quarantined, is not let in', async (t) => {
  const api = await aNodeApi(t, { routes: { whoami } })
  const { machine, nonce } = await api.boots()
  const node = aNode()
  const { credential } = given((await api.post('enrol', node.enrols(nonce))).body)
  const move = async (...triggers: ('cloud-init-finished' | 'approval-withdrawn')[]) => {
    for (const trigger of triggers)
      await api.logbook.keep(api.roster.move(machine, trigger, 'a test', api.clock.now))
  }
  await move('cloud-init-finished')
  t.match(await api.post('whoami', '', bearer(credential)), { status: 200 })
  await move('approval-withdrawn')
  t.match(await api.post('whoami', '', bearer(credential)), { status: 403, body: /not approved any more/ })
  t.match(await api.post('renew', node.renews(machine, api.clock.now)), { status: 403, body: /not approved/ })
})

t.test(
  'an address that shows nothing good again and again is told so less and less; a good one is let in',
  async (t) => {
    let left = 3
    const api = await aNodeApi(t, { routes: { whoami }, mayFailAgain: () => left-- > 0 })
    const { nonce } = await api.boots()
    const statuses: number[] = []
    for (let n = 0; n < 5; n++) statuses.push((await api.post(n % 2 === 0 ? 'whoami' : 'enrol', 'x')).status)
    t.strictSame(statuses, [401, 400, 401, 429, 429])
    const answer = await api.post('enrol', aNode().enrols(nonce))
    t.equal(answer.status, 200)
    t.equal((await api.post('whoami', '', bearer(given(answer.body).credential))).status, 200)
  },
)
