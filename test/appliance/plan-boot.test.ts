import t from 'tap'
import type { BootPlan } from '../../server/http/boot-plan.ts'
import { ram } from './a-config.ts'
import { mac, OneMachine } from './one-machine.ts'

async function planOf(box: OneMachine): Promise<BootPlan> {
  const planned = await box.api.plan(box.machine)
  if (planned.kind === 'refused') throw new Error(planned.because)
  return planned.plan
}

function fileOf(plan: BootPlan, name: string): string {
  const found = plan.files.find(({ file }) => file === name)
  return found !== undefined && 'text' in found ? found.text : ''
}

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1exampleexampleexampleexampleexampleexam me'
const nobody = { approve: { kind: 'these', macs: new Set<never>() } } as const

t.test('the plan is the script that is served then, but for the number of the boot', async (t) => {
  const box = await OneMachine.open(t)
  await box.boots()
  await box.runs()
  const plan = await planOf(box)
  t.match(plan, {
    mac,
    language: 'ipxe',
    approved: true,
    because: 'the settings approve it',
    script: 'run-image',
  })
  t.match(plan, {
    image: 'debian',
    wishes: [
      'method ram, by the defaults of the settings',
      'image the only one of the settings, by the defaults of the settings',
      'name made of its MAC address',
    ],
  })
  t.strictSame(plan.since?.changes, [])
  await box.boots()
  const { text } = await box.asksForScript()
  t.equal(text.replaceAll(box.attempt.id, 'ATTEMPT'), fileOf(plan, 'script'))
  t.strictSame(
    plan.files.map(({ file }) => file),
    ['script', 'meta-data', 'user-data', 'vendor-data', 'network-config'],
  )
  t.match(fileOf(plan, 'meta-data'), `instance-id: "${box.machine.id}-ATTEMPT"`)
  t.match(fileOf(plan, 'user-data'), '/report/ATTEMPT')
})

t.test(
  'planning changes nothing: no record, no event, no number of chance that a boot would have had',
  async (t) => {
    const box = await OneMachine.open(t, nobody)
    await box.boots()
    await box.api.approve(box.machine, { once: true })
    await box.api.bootNext(box.machine, 'local')
    await box.settled()
    const before = { machines: box.roster.all(), attempt: box.attempt, happened: [...box.happened] }
    const stored = await box.store.machines.all()
    for (let count = 0; count < 20; count++) t.equal((await planOf(box)).script, 'boot-local')
    await box.settled()
    t.strictSame({ machines: box.roster.all(), attempt: box.attempt, happened: box.happened }, before)
    t.strictSame(await box.store.machines.all(), stored)
    t.equal(await box.boots(), 'boot-local')
    t.equal((await planOf(box)).script, 'boot-local', 'the same walk through the boot order')
    box.now += 20 * 60_000
    t.equal((await planOf(box)).script, 'run-image')
  },
)

t.test(
  'a machine that waits is told what it would be shown, and an approval is told line by line',
  async (t) => {
    const box = await OneMachine.open(t, nobody)
    await box.boots()
    const waits = await planOf(box)
    t.match(waits, {
      approved: false,
      because: 'neither a person has approved it nor a rule of the settings',
      script: 'wait',
      since: { script: 'wait', attempt: box.attempt.id, changes: [] },
    })
    t.match(fileOf(waits, 'script'), `echo Claim code: ${box.machine.claim}\n`)
    await box.api.approve(box.machine, { hostname: 'node-1', image: 'debian' })
    const { because, wishes, script, since } = await planOf(box)
    t.match(
      { because, wishes, script },
      {
        because: /^a person approved it on /,
        wishes: [
          'method ram, by the defaults of the settings',
          'image debian, by its approval',
          'name node-1, by its approval',
        ],
        script: 'run-image',
      },
    )
    t.strictSame(
      since?.changes.map(({ file }) => file),
      ['script', 'meta-data', 'user-data', 'vendor-data', 'network-config'],
    )
    t.ok(since?.changes[0]?.lines.includes(`- echo Claim code: ${box.machine.claim}`))
    t.ok(since?.changes[0]?.lines.includes('+ echo node-1 boots image debian (method ram).'))
  },
)

t.test('a change of the settings is told as the lines that it changes, after a start with it', async (t) => {
  const box = await OneMachine.open(t)
  await box.boots()
  await box.restart({
    defaults: { ...ram, kernelParameters: ['console=ttyS1'], sshAuthorizedKeys: [key] },
  })
  const { since } = await planOf(box)
  t.strictSame(
    since?.changes.map(({ file }) => file),
    ['script', 'user-data'],
  )
  t.match(since?.changes[0]?.lines, [
    /^- kernel .*BOOTIF=01-\S+ *\|\| goto failed$/,
    /^\+ kernel .* console=ttyS1 \|\|/,
  ])
  t.match(since?.changes[1]?.lines, ['+ ssh_authorized_keys:', /^\+ .*ssh-ed25519 AAAAC3Nza.* me/])
})

t.test(
  'what was served is kept once for each machine, however often it boots, and goes with its record',
  async (t) => {
    const box = await OneMachine.open(t, { ...nobody, sightings: { keep: 16 } })
    for (let boot = 0; boot < 5; boot++) await box.boots(20)
    const served = await box.store.served.ofMachine(box.machine.id)
    t.match(served, { attempt: box.attempt.id, script: 'wait', language: 'ipxe', to: '10.77.0.1' })
    const { id } = box.machine
    await box.store.commit({ forgotten: [id] })
    t.equal(await box.store.served.ofMachine(id), undefined)
  },
)

t.test('a script that cannot be made is told with its reason, and its machine is not harmed', async (t) => {
  const box = await OneMachine.open(t, { defaults: { ...ram, kernelParameters: ['${uuid}'] } })
  box.comesBy()
  const { files, script } = await planOf(box)
  t.equal(script, 'run-image')
  t.match(files[0], { file: 'script', refused: /no kernel parameter/ })
})
