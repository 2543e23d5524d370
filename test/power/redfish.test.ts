import t, { type Test } from 'tap'
import type { ServiceTrust } from '../../server/config/power-settings.ts'
import { bmcTransport } from '../../server/listen/bmc-transport.ts'
import type { PowerAction } from '../../server/machines/power-action.ts'
import type { PowerFault } from '../../server/power/power-fault.ts'
import { redfishControl, type RedfishParts } from '../../server/power/redfish.ts'
import { aRedfishService, password, user, type Ways } from './a-redfish-service.ts'

const machine = { uuid: '44454c4c-4200-1057-8052-b4c04f4d3132', firmware: 'uefi' }

async function aControl(
  t: Test,
  ways: Ways = {},
  changes: Partial<RedfishParts> & { trust?: ServiceTrust } = {},
) {
  const service = await aRedfishService(t, ways)
  const trust = changes.trust ?? { kind: 'fingerprint', sha256: service.sha256 }
  const control = redfishControl({
    transport: bmcTransport(service.url, trust),
    user,
    password: async () => await Promise.resolve(password),
    system: undefined,
    pause: async () => await Promise.resolve(),
    ...changes,
  })
  const over = new AbortController().signal
  const turn = async (action: PowerAction, boot?: 'network') =>
    await control.turn({ action, ...(boot === undefined ? {} : { boot }), machine, over })
  const resets = (): string[] =>
    service.sent.flatMap((one) => /"ResetType":"([A-Za-z]+)"/.exec(one)?.[1] ?? [])
  return { service, control, turn, resets, state: async () => await control.state({ machine, over }) }
}

async function faultOf(
  t: Test,
  asked: Promise<unknown>,
  kind: PowerFault['kind'],
  message: RegExp,
): Promise<void> {
  const error: unknown = await asked.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  t.match(error, { name: 'PowerFault', kind, message })
  t.notMatch(String(error), password)
}

t.test(
  'a machine boots from the network once, with the ETag of what is changed, and is started anew',
  async (t) => {
    const { service, turn, resets } = await aControl(t)
    t.strictSame(await turn('cycle', 'network'), { state: 'on', remarks: [] })
    t.strictSame(service.state.boot, {
      BootSourceOverrideTarget: 'Pxe',
      BootSourceOverrideEnabled: 'Once',
      BootSourceOverrideMode: 'UEFI',
    })
    t.strictSame(resets(), ['ForceRestart'])
    t.equal(service.sessions.size, 0, 'its session is ended')
    t.equal(service.sent.filter((one) => one.includes('S3cret')).length, 1, 'the password is shown once')
  },
)

t.test('what a service says back of the secrets that it was shown is told to nobody', async (t) => {
  for (const ways of [
    { echoes: 'session' },
    { echoes: 'order' },
    { echoes: 'order', withoutSessions: true },
  ] as const) {
    const { service, turn } = await aControl(t, ways)
    const error: unknown = await turn('cycle').catch((reason: unknown) => reason)
    t.match(error, { name: 'PowerFault', kind: 'refused', message: /x{100} (?:Basic )?\(secret\)/ })
    const told = String(error)
    const basic = Buffer.from(`${user}:${password}`).toString('base64')
    for (const secret of [password, basic, 'a-token-of-a-session'])
      t.notOk(told.includes(secret.slice(0, 6)), told)
    t.ok(told.length < 450, `${told.length}`)
    t.equal(service.sessions.size, 0)
  }
})

t.test('the state is what the service says', async (t) => {
  t.equal(await (await aControl(t)).state(), 'on')
  t.equal(await (await aControl(t, { off: true })).state(), 'off')
})

t.test('a machine that is off is switched on, and one that is on is left so', async (t) => {
  const off = await aControl(t, { off: true })
  t.match(await off.turn('cycle', 'network'), { state: 'on' })
  t.strictSame(off.resets(), ['On'], 'one that is off cannot be restarted')
  t.match(await off.turn('on'), { state: 'on', remarks: ['it was on already'] })
  t.match(await off.turn('off'), { state: 'off' })
  t.strictSame(off.resets(), ['On', 'ForceOff'])
})

t.test('what it says it may be told is told, and nothing else', async (t) => {
  const info = await aControl(t, { actionInfo: true, resets: ['On', 'PowerCycle'] })
  await info.turn('cycle')
  t.strictSame(info.resets(), ['PowerCycle'])
  await faultOf(t, info.turn('off'), 'unsupported', /cannot do that \(off\); it knows: On, PowerCycle/)

  const plain = await aControl(t, { resets: ['On', 'ForceOff'] })
  t.match(await plain.turn('cycle'), { state: 'on' })
  t.strictSame(plain.resets(), ['ForceOff', 'On'])

  const silent = await aControl(t, { tellsNothing: true })
  await silent.turn('cycle')
  t.strictSame(silent.resets(), ['ForceRestart'])

  const noNetwork = await aControl(t, { targets: ['None', 'Hdd'] })
  await faultOf(t, noNetwork.turn('cycle', 'network'), 'unsupported', /it knows: None, Hdd/)
  t.strictSame(noNetwork.resets(), [], 'it is not restarted into the wrong system')
})

t.test('a service without sessions is asked by HTTP Basic', async (t) => {
  const { turn, service } = await aControl(t, { withoutSessions: true })
  t.match(await turn('cycle', 'network'), { state: 'on' })
  t.match(service.state.boot, { BootSourceOverrideTarget: 'Pxe' })
})

t.test('a mode that it does not take is left out, and said', async (t) => {
  const { turn, service } = await aControl(t, { refusesMode: true })
  t.match(await turn('cycle', 'network'), { remarks: ['its BMC did not change the boot mode to UEFI'] })
  t.strictSame(service.state.boot, { BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once' })
})

t.test('what has changed since it was looked at is looked at again', async (t) => {
  const { turn, service } = await aControl(t, { changesMeanwhile: true })
  t.match(await turn('cycle', 'network'), { state: 'on' })
  t.equal(service.asked.filter((one) => one.startsWith('PATCH')).length, 2)
})

t.test('an order that takes its time is waited for, and one that fails says why', async (t) => {
  const done = await aControl(t, { tasks: 'Completed' })
  t.match(await done.turn('cycle'), { state: 'on' })
  t.equal(
    done.service.asked.filter((one) => one.includes('/Tasks/7')).length,
    3,
    'on this service, wherever it says',
  )
  const failed = await aControl(t, { tasks: 'Exception' })
  await faultOf(t, failed.turn('off'), 'refused', /ForceOff.*The fan is stuck/)
})

t.test(
  'of several systems the one with the UUID of the machine is meant, in either byte order',
  async (t) => {
    const systems = [
      { name: 'blade-1', uuid: '00000000-1111-4222-8333-444444444444' },
      { name: 'blade-2', uuid: '4C4C4544-0042-5710-8052-B4C04F4D3132' },
    ]
    const { turn, service } = await aControl(t, { systems })
    await turn('cycle')
    t.ok(service.asked.includes('POST /redfish/v1/Systems/blade-2/Actions/ComputerSystem.Reset'))
    t.notOk(service.asked.some((one) => one.startsWith('POST /redfish/v1/Systems/blade-1')))

    const named = await aControl(t, { systems }, { system: '/redfish/v1/Systems/blade-1' })
    await named.turn('cycle')
    t.ok(named.service.asked.includes('POST /redfish/v1/Systems/blade-1/Actions/ComputerSystem.Reset'))

    const strange = await aControl(t, { systems: systems.map((one) => ({ ...one, uuid: 'none' })) })
    await faultOf(
      t,
      strange.turn('cycle'),
      'unsupported',
      /2 systems.*Name one by `system`: .*blade-1, .*blade-2/,
    )
  },
)

t.test('a wrong password is told, and not shown', async (t) => {
  const wrong = async () => await Promise.resolve('S3cret-and-wrong')
  const { turn, service } = await aControl(t, {}, { password: wrong })
  await faultOf(t, turn('on'), 'unauthorized', /does not accept the user or the password \(status 401\)/)
  t.equal(service.asked.length, 1)
  const basic = await aControl(t, { withoutSessions: true }, { password: wrong })
  await faultOf(t, basic.turn('on'), 'unauthorized', /status 401/)
})

t.test('nothing is sent to one that does not prove who it is, and what it showed is told', async (t) => {
  const unknown = await aControl(t, {}, { trust: { kind: 'authority' } })
  const shown = unknown.service.sha256.toUpperCase().match(/../g)!.join(':')
  await faultOf(
    t,
    unknown.turn('on'),
    'stranger',
    new RegExp(`does not prove who it is.*${shown}.*fingerprint`),
  )
  t.strictSame(unknown.service.asked, [])

  const other = await aControl(t, {}, { trust: { kind: 'fingerprint', sha256: 'ab'.repeat(32) } })
  await faultOf(t, other.turn('on'), 'stranger', /is not the one of the settings.*AB:AB.* is pinned/)
  t.strictSame(other.service.asked, [])

  const insecure = await aControl(t, {}, { trust: { kind: 'insecure' } })
  t.match(await insecure.turn('on'), { state: 'on' }, 'a person said so')
})

t.test('nobody there, and no time left, are told as what they are', async (t) => {
  const control = redfishControl({
    transport: bmcTransport('https://127.0.0.1:1', { kind: 'insecure' }),
    user,
    password: async () => await Promise.resolve(password),
    system: undefined,
    pause: async () => await Promise.resolve(),
  })
  const over = new AbortController()
  await faultOf(
    t,
    control.state({ machine, over: over.signal }),
    'unreachable',
    /127\.0\.0\.1:1: nobody answers/,
  )
  over.abort()
  await faultOf(t, control.state({ machine, over: over.signal }), 'too-slow', /longer than it may/)
})
