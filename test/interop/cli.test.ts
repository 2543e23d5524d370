import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import t from 'tap'
import type { RecordedEvent } from '../../server/events/event.ts'
import { hyphenated, type Mac } from '../../server/wire/mac.ts'
import { ironwake, openBox, runCli, sharedBox, until } from './a-box.ts'
import { udhcpc } from './dhcp-clients.ts'
import { needs } from './needs.ts'
import { askInside } from './tcp-inside.ts'
import { ip } from '../networks/a-network.ts'

// The command line as a user types it, beside an appliance that runs.

t.setTimeout(600_000)
const needed = needs('udhcpc', 'curl')
const mac = '52:54:00:08:00:01' as Mac
const networks = [{ name: 'lab', addresses: ['10.77.0.1/24'] }]
const settings = `
approve: []
networks: [{interface: lab, mode: full, pool: 10.77.0.100-10.77.0.110}]
machines: [{mac: "${mac}", hostname: node-8, method: local}]
`
const theBox = sharedBox(t, { networks, settings })
const pxe = ['-V', 'PXEClient:Arch:00007:UNDI:003000', '-x', '0x5d:0007']

t.test('machines list and show tell of a machine what is known, also to programs', needed, async (t) => {
  const box = await theBox()
  t.match(await box.cli('machines', 'list'), { code: 0, stdout: '', stderr: /No machine has been seen yet/ })
  t.same(JSON.parse((await box.cli('machines', 'list', '--output', 'json')).stdout), [])

  await using neighbour = await box.addNeighbour('lab', { mac })
  await using client = await udhcpc(neighbour, pxe)
  const { ip: address = '' } = await client.next(['bound'])
  await neighbour.run([
    'curl',
    '--silent',
    '--fail',
    `http://10.77.0.1:8080/boot.ipxe?mac=${hyphenated(mac)}&platform=efi`,
  ])
  const list = await box.cli('machines', 'list')
  t.equal(list.code, 0)
  const [heading = '', row = '', ...more] = list.stdout.trimEnd().split('\n')
  t.match(heading, /^ID +NAME +STATE +CLAIM +IDENTITY +MAC +ADDRESS +CLUSTER +ROLE +DISK +BOOT +SEEN$/)
  t.match(
    row,
    new RegExp(
      `^[0-9a-z]{8} +node-8 +[a-z-]+ +[A-Z]{3}-[A-Z]{3} +mac +${mac} +${address} +- +- +- +[a-z-]+ +[0-9]+ s ago$`,
    ),
  )
  t.same(more, [])
  const [summary] = JSON.parse((await box.cli('machines', 'list', '--output', 'json')).stdout)
  t.match(summary, {
    machine: { macs: [mac], hostname: 'node-8' },
    attempt: { stage: 'script' },
    lease: { address },
  })

  for (const name of [summary.machine.id, mac, hyphenated(mac).toUpperCase(), 'node-8']) {
    const { code, stdout } = await box.cli('machines', 'show', name)
    t.equal(code, 0, name)
    t.match(stdout, new RegExp(`^machine +${summary.machine.id}$`, 'm'))
    t.match(stdout, /^state +[a-z-]+, because: \w/m)
    t.match(stdout, /latest boot, since .*\n +0\.0 s {2}/)
    t.match(stdout, new RegExp(address))
  }
  const shown = JSON.parse((await box.cli('machines', 'show', mac, '--output', 'json')).stdout)
  t.ok(shown.timeline.some(({ event }: RecordedEvent) => event.kind === 'address-leased'))
  t.match(await box.cli('machines', 'show', 'node-9'), { code: 1, stdout: '', stderr: /node-9/ })
})

t.test('boot-next is done in one boot, after a new start of the box too', needed, async (t) => {
  const box = await theBox()
  const next = async (...words: readonly string[]) =>
    await box.cli('machines', 'boot-next', 'node-8', ...words)
  t.match(await next('image'), { code: 1, stderr: /is not approved, and only an approved machine/ })
  t.match(await next('--clear'), { code: 1, stderr: /nothing is wanted of the next boot/ })
  t.match(await next('local'), { code: 0, stderr: /node-8 boots its own disk at its next boot/ })
  const shown = async () => (await box.cli('machines', 'show', 'node-8')).stdout
  t.match(await shown(), /^next boot {2}boots its own disk, once, wanted since /m)
  await box.stop()
  await box.start()
  await using neighbour = await box.addNeighbour('lab', { mac })
  await using client = await udhcpc(neighbour, pxe)
  await client.next(['bound'])
  const script = async () => {
    const url = `http://10.77.0.1:8080/boot.ipxe?mac=${hyphenated(mac)}&platform=efi`
    return (await neighbour.run(['curl', '--silent', '--fail', url])).stdout
  }
  for (const ask of ['first', 'again']) t.match(await script(), /a person wants its own disk, this once/, ask)
  t.notMatch(await shown(), /^next boot/m)
  client.signal('SIGUSR2')
  await client.next(['deconfig'])
  client.signal('SIGUSR1')
  await client.next(['bound'])
  t.match(await script(), /it is not approved/, 'the boot after is as the settings say')
  const kinds = ['boot-next-asked', 'boot-next-used'] as const
  for (const kind of kinds) t.equal((await box.events(kind)).length, 1, kind)
})

t.test(
  'a machine is approved by the code on its screen, and stays so after a new start of the box',
  needed,
  async (t) => {
    const box = await theBox()
    await using neighbour = await box.addNeighbour('lab', { mac })
    const script = async () => {
      const url = `http://10.77.0.1:8080/boot.ipxe?mac=${hyphenated(mac)}&platform=efi`
      return (await neighbour.run(['curl', '--silent', '--fail', url])).stdout
    }
    await using client = await udhcpc(neighbour, pxe)
    await client.next(['bound'])
    const code = /^echo Claim code: ([A-Z]{3}-[A-Z]{3})$/m.exec(await script())?.[1] ?? ''
    t.match(await box.cli('machines', 'approve', 'node-8', '--claim', 'BBB-BBB'), {
      code: 1,
      stderr: /the code of [0-9a-z]{8} is [A-Z]{3}-[A-Z]{3}, and not BBB-BBB: look whether/,
    })
    t.match(await box.cli('machines', 'approve', code.toLowerCase(), '--hostname', 'node-88'), { code: 0 })
    await box.stop()
    await box.start()
    const served = await script()
    t.match(served, /it is to boot its own disk \(method: local\)/)
    const plan = await box.cli('machines', 'plan', 'node-88')
    t.ok(
      plan.stdout.includes(`--- script\n${served.trimEnd()}\n`),
      'the plan is what is served, to the letter',
    )
    t.match(plan.stdout, /^Nothing has changed since its last script \(boot-local, /m)
    t.match(
      (await box.cli('machines', 'show', 'node-88')).stdout,
      /^approval +by a person, .*; its claim code compared; name node-88$/m,
    )
    t.match(await box.cli('machines', 'unapprove', 'node-88'), {
      code: 0,
      stderr: /no longer approved by a person/,
    })
    t.match(await script(), /it is not approved/)
  },
)

t.test('retry is refused for a machine that did not fail, with the reason', needed, async (t) => {
  const box = await theBox()
  t.match(await box.cli('machines', 'retry', mac), {
    code: 1,
    stderr: /is [a-z-]+; only a machine that failed/,
  })
  t.match(await box.cli('machines', 'retry', 'nobody'), { code: 1, stderr: /nobody/ })
})

t.test(
  'events --follow prints what is past, then each event as it happens, until Ctrl-C',
  needed,
  async (t) => {
    const box = await theBox()
    const follow = (...words: readonly string[]) => {
      const lines: string[] = []
      const child = spawn(ironwake, ['events', '--follow', '--settings', box.settingsFile, ...words], {
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      createInterface(child.stdout).on('line', (line) => void lines.push(line))
      const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
      return { lines, child, ended }
    }
    const people = follow('--last', '1')
    const programs = follow('--last', '0', '--output', 'json')
    const machine = follow('--machine', mac, '--last', '2', '--output', 'json')
    await until('the past is printed', () => people.lines.length === 1 && machine.lines.length === 2)
    const neighbour = await box.addNeighbour('lab')
    await neighbour.run(['ip', 'address', 'add', '10.77.0.9/24', 'dev', 'eth0'])
    const heard = (kind: string) => programs.lines.some((line) => JSON.parse(line).event.kind === kind)
    // Whether all three listen already is not seen from outside, so the question is asked until they do.
    await until('a script that is served is heard of', async () => {
      const path = `/boot.ipxe?mac=${hyphenated(mac)}&platform=efi`
      await askInside(neighbour.name, { address: ip('10.77.0.1'), port: 8080 }, { path })
      return heard('script-served') && people.lines.length > 1 && machine.lines.length > 2
    })
    t.match(people.lines.at(-1), /^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]{12} {2}\S+ +\w/)
    const ids = programs.lines.map((line) => JSON.parse(line).id as number)
    t.same(
      ids,
      [...new Set(ids)].sort((a, b) => a - b),
      'each once and in order',
    )
    t.ok(machine.lines.every((line) => JSON.parse(line).event.mac === mac))
    for (const one of [people, programs, machine]) {
      one.child.kill('SIGINT')
      t.equal(await one.ended, 0)
    }
  },
)

t.test('check beside a running appliance leaves its ports alone', needed, async (t) => {
  const box = await theBox()
  const [program, ...words] = box.namespace.inside([ironwake, 'check', '--settings', box.settingsFile])
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  const code = await new Promise((resolve) => child.once('close', resolve))
  t.match(stdout, /^ok {2}ports: the appliance is running/m)
  t.match(stdout, /^ok {2}network lab: full on lab as 10\.77\.0\.1\/24$/m)
  t.equal(code, 0, stdout)
})

t.test('a second appliance on the same data is refused in a sentence', needed, async (t) => {
  const box = await theBox()
  t.match(await runCli('serve', '--settings', box.settingsFile), {
    code: 1,
    stderr: /ironwake serve: The store .* is in use by another Ironwake\. Stop that one/,
  })
})

t.test('Ctrl-C ends the appliance well, and those who follow it hear of it', needed, async (t) => {
  await using box = await openBox({ networks, settings })
  const child = spawn(ironwake, ['events', '--follow', '--settings', box.settingsFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const followed = new Promise((resolve) => child.once('close', resolve))
  await until('it follows', () => stdout.includes('is running') || stdout.split('\n').length > 2)
  process.kill(box.appliance.pid, 'SIGINT')
  t.equal(await box.appliance.ended, 0)
  t.equal(box.appliance.happened.at(-1)?.event.kind, 'appliance-stopped')
  t.equal(await followed, 0)
  t.match(stderr, /The appliance stopped/)
  t.match(await box.cli('machines', 'list'), { code: 1, stderr: /no appliance is running here/ })
})
