import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { ipmiControl, type IpmiParts } from '../../server/power/ipmi.ts'
import { until } from './a-box.ts'
import { needs } from './needs.ts'

// Debian's ipmitool against the simulator of OpenIPMI, which keeps the power and the boot device of a chassis in two files.

t.setTimeout(600_000)
const needed = needs('ipmitool', 'ipmi_sim')
const [user, password] = ['ironwake', 'S3cret$x;`id`']
const uefi = { uuid: undefined, firmware: 'uefi' }

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(resolve))
  return port
}

const chassis = (folder: string) => `#!/bin/sh
cd '${folder}'
echo "$@" >>asked
if [ "$1" = get ]; then
  shift
  for what; do echo "$what:$(cat "$what")"; done
else
  shift
  while [ $# -gt 0 ]; do echo "$2" >"$1"; shift 2; done
fi
`

const pause: IpmiParts['pause'] = async (ms, over) => await wait(ms, undefined, { signal: over })

async function aBmc(t: Test, changes: Partial<IpmiParts> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-ipmi-'))
  const port = await freePort()
  writeFileSync(join(folder, 'power'), '0\n')
  writeFileSync(join(folder, 'boot'), 'default\n')
  writeFileSync(join(folder, 'chassis'), chassis(folder), { mode: 0o755 })
  writeFileSync(
    join(folder, 'lan.conf'),
    `name "bmc"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 ${port}
    priv_limit admin
    allowed_auths_admin md5
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "${join(folder, 'chassis')}"
  user 2 true "${user}" "${password}" admin 10 md5
`,
  )
  const emulated =
    'mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nmc_enable 0x20\n'
  writeFileSync(join(folder, 'emulated'), emulated)
  const words = [
    '-c',
    join(folder, 'lan.conf'),
    '-f',
    join(folder, 'emulated'),
    '-s',
    join(folder, 'state'),
    '-n',
  ]
  const simulator = spawn('ipmi_sim', words, { stdio: ['pipe', 'ignore', 'ignore'] })
  const ended = once(simulator, 'close')
  t.teardown(async () => {
    simulator.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  })
  // Its port of loopback, in hex, as /proc/net/udp lists it (proc(5)).
  const place = `: 0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} `
  await until('it listens', () => readFileSync('/proc/net/udp', 'utf8').includes(place))
  const secret = async () => await Promise.resolve(password)
  const control = ipmiControl({
    host: '127.0.0.1',
    port,
    user,
    cipher: 3,
    password: secret,
    pause,
    ...changes,
  })
  const over = AbortSignal.timeout(300_000)
  const said = (name: string): string => readFileSync(join(folder, name), 'utf8').trim()
  return { control, over, port, said, folder }
}

t.test('a chassis is switched on, restarted from the network once, and switched off', needed, async (t) => {
  const { control, over, said } = await aBmc(t)
  t.equal(await control.state({ machine: uefi, over }), 'off')
  t.match(
    await control.turn({ action: 'cycle', machine: uefi, over }),
    { state: 'on' },
    'off has nothing to cycle',
  )
  t.equal(said('power'), '1')
  t.equal(said('boot'), 'default')
  t.match(await control.turn({ action: 'on', machine: uefi, over }), { remarks: ['it was on already'] })
  t.match(await control.turn({ action: 'cycle', boot: 'network', machine: uefi, over }), { state: 'on' })
  t.equal(said('boot'), 'pxe')
  t.match(said('asked'), /set boot pxe[^]*set power 0[^]*set power 1/)
  t.match(await control.turn({ action: 'off', machine: uefi, over }), { state: 'off' })
  t.equal(said('power'), '0')
})

t.test('the password is on no command line', needed, async (t) => {
  const { control, over } = await aBmc(t)
  const lines: string[] = []
  const looking = setInterval(() => lines.push(...commandLines()), 5)
  try {
    await control.turn({ action: 'on', machine: uefi, over })
  } finally {
    clearInterval(looking)
  }
  const own = lines.filter((line) => line.startsWith('ipmitool'))
  t.ok(own.length > 0, 'it was seen at work')
  t.strictSame(
    own.filter((line) => line.includes('S3cret')),
    [],
  )
})

t.test('a wrong password, a stranger, and nobody at all are told apart', needed, async (t) => {
  const wrong = await aBmc(t, { password: async () => await Promise.resolve('wrong') })
  await t.rejects(wrong.control.state({ machine: uefi, over: wrong.over }), {
    kind: 'unauthorized',
    message: /does not accept the user or the password: RAKP 2 HMAC is invalid/,
  })
  const stranger = await aBmc(t, { user: 'nobody' })
  await t.rejects(stranger.control.state({ machine: uefi, over: stranger.over }), {
    kind: 'unauthorized',
    message: /unauthorized name/,
  })
  const gone = await aBmc(t, { port: await freePort() })
  await t.rejects(gone.control.state({ machine: uefi, over: gone.over }), {
    kind: 'unreachable',
    message: /^No BMC answers by IPMI at 127\.0\.0\.1, port [0-9]+: /,
  })
})

t.test('a BMC that takes too long is left', needed, async (t) => {
  const { port } = await aBmc(t)
  const silent = createSocket('udp4').bind(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.close())
  t.not(silent.address().port, port)
  const { control } = await aBmc(t, { port: silent.address().port })
  const state = control.state({ machine: uefi, over: AbortSignal.timeout(500) })
  await t.rejects(state, { kind: 'too-slow', message: /longer than it may/ })
})

t.test('a password that IPMI cannot hold is told', needed, async (t) => {
  const long = await aBmc(t, { password: async () => await Promise.resolve('x'.repeat(21)) })
  await t.rejects(long.control.state({ machine: uefi, over: long.over }), {
    kind: 'no-secret',
    message: /more than the 20 bytes/,
  })
})

function commandLines(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .flatMap((pid) => {
      const path = `/proc/${pid}/cmdline`
      try {
        return existsSync(path) ? [readFileSync(path, 'utf8').replaceAll('\0', ' ')] : []
      } catch {
        return []
      }
    })
}
