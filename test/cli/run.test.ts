import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { imageStoreName } from '../../server/appliance/image-shelf.ts'
import { run } from '../../server/cli/run.ts'
import { apiApp } from '../../server/http/api-app.ts'
import { listenSocketFile } from '../../server/listen/http.ts'
import { testFolder } from '../folder.ts'
import { aDesk } from '../http/an-api-desk.ts'
import { aManifest, aStore, put, someBytes } from '../images/a-store.ts'

const commandNames = [
  'demo',
  'serve',
  'check',
  'machines',
  'images',
  'clusters',
  'events',
  'tokens',
  'audit',
  'ca',
  'simulate',
]

/** Runs what is typed in this process, and gives what a person would see. */
async function typed(...words: readonly string[]) {
  const printed: string[] = []
  const remarked: string[] = []
  const code = await run(words, {
    print: (line) => void printed.push(line),
    remark: (line) => void remarked.push(line),
    stop: AbortSignal.timeout(60_000),
    isTerminal: false,
    now: () => Date.now(),
  })
  return { code, printed: printed.join('\n'), remarked: remarked.join('\n') }
}

t.test('the list of commands names each with a line about it', async (t) => {
  for (const words of [['--help'], ['-h'], ['help']]) {
    const { code, printed } = await typed(...words)
    t.equal(code, 0)
    for (const name of commandNames) t.match(printed, new RegExp(`^  ${name} +[a-z].{10,}$`, 'm'))
  }
  t.match(await typed(), { code: 2, printed: /demo[^]*events/ }, 'no words at all are no call')
  for (const word of ['--version', '-v', 'version'])
    t.match(await typed(word), { code: 0, printed: /^ironwake [0-9]+\.[0-9]+\.[0-9]+$/ })
})

for (const name of commandNames) {
  t.test(`${name} --help tells its options, and examples that are calls of it`, async (t) => {
    const { code, printed, remarked } = await typed(name, '--help')
    t.match({ code, remarked }, { code: 0, remarked: '' })
    for (const words of [
      [name, '-h'],
      ['help', name],
    ])
      t.strictSame(await typed(...words), { code, printed, remarked })
    const [usage = '', rest = ''] = printed.split(/\n\noptions:\n/)
    t.match(usage, new RegExp(`^ironwake ${name}`))
    const [options = '', examples = ''] = rest.split('\n\nexamples:\n')
    t.match(options, /--settings +\w/)
    t.match(options, /--output +\w/)
    const calls = examples.split('\n').map((line) => line.trim())
    t.ok(calls.length >= 2)
    for (const call of calls) {
      const own = call
        .split(/ \| | && /)
        .find((part) => part.startsWith(`ironwake ${name} `) || part === `ironwake ${name}`)
      if (own === undefined) return t.fail(`${call} is no call of ${name}`)
      // Every option of an example is one that the same help tells.
      for (const [option] of own.matchAll(/--[a-z][a-z0-9-]*/g))
        t.match(options, new RegExp(`^  ${option} `, 'm'), call)
    }
  })
}

t.test('who calls wrongly is told how, and gets the exit code 2', async (t) => {
  const cases: readonly (readonly [words: readonly string[], told: RegExp])[] = [
    [['bogus'], /no command bogus\.[^]*demo, serve, check, machines, images, clusters, events[^]*--help/],
    [['serv'], /Did you mean serve\?/],
    [['serve', '--setings', 'x'], /no option --setings\. Did you mean --settings\?[^]*serve --help/],
    [['serve', '--nothing-like-it'], /no option --nothing-like-it\.\nSee: ironwake serve --help/],
    [['serve', '-x'], /no option -x\./],
    [['serve', '--output', 'yaml'], /--output is table or json, not yaml/],
    [['serve', '--level', 'loud'], /--level is one of debug, info, warning, error/],
    [['serve', 'now'], /now is not understood/],
    [['check', 'all', 'of', 'it'], /all of it is not understood/],
    [['events', '--last', '-3'], /--last/],
    [['events', '--last', '1e3'], /--last takes a whole number from 0 to 10000/],
    [['events', '--last', '10001'], /--last takes a whole number from 0 to 10000/],
    [
      ['machines'],
      /say list, show MACHINE, plan MACHINE, .* boot-next MACHINE .* or capture MACHINE\nSee: ironwake machines --help/,
    ],
    [
      ['machines', 'lst'],
      /lst is nothing that can be asked here\. Did you mean list\?\nInstead say list, show MACHINE/,
    ],
    [['clusters', 'sohw', 'lab'], /Did you mean show\?/],
    [['tokens', 'x'], /x is nothing that can be asked here\.\nInstead say list/],
    [['images', 'pni', 'x'], /Did you mean pin\?/],
    [['audit', 'verfy'], /Did you mean verify\?/],
    [['ca', 'shwo'], /Did you mean show\?/],
    [
      ['--settings', 'x', 'machines', 'list'],
      /--settings stands before the command; options stand behind it/,
    ],
    [['machines', 'show', ''], /the name of the machine is empty/],
    [['machines', 'show', 'a'.repeat(300)], /too long: it has 300 characters, and 255 are the most/],
    [['events', '--machine', ''], /the name of the machine is empty/],
    [['clusters', 'show', ''], /the name of the cluster is empty/],
    [['clusters', 'remove', '', '--yes'], /the name of the cluster is empty/],
    [['tokens', 'revoke', ''], /the name of the token is empty/],
    [['machines', 'show'], /say list, show MACHINE/],
    [['machines', 'list', 'too', 'much'], /say list, show MACHINE/],
    [['demo', '--firmware', 'coreboot'], /--firmware is bios or uefi, not coreboot/],
    [['demo', 'please'], /please is not understood/],
  ]
  const folder = testFolder(t)
  t.match(await typed('serve', '--settings'), { code: 2, remarked: /--settings.* missing/ })
  for (const [words, told] of cases) {
    const known = commandNames.includes(words[0] ?? '')
    const { code, printed, remarked } = await typed(...words, ...(known ? [`--data=${folder}`] : []))
    t.equal(code, 2, words.join(' '))
    t.equal(printed, '', 'nothing goes where results go')
    t.match(remarked, told)
  }
})

t.test('all mistakes of the settings are told at once, each with its line', async (t) => {
  const folder = testFolder(t, {
    'ironwake.yaml': [
      'http: {port: 80800}',
      'networks:',
      '  - interface: eth1',
      '    mode: fill',
      '    pool: 10.0.0.9-10.0.0.300',
      'aprove: all',
      '',
    ].join('\n'),
  })
  const file = join(folder, 'ironwake.yaml')
  for (const command of ['serve', 'check']) {
    const { code, printed, remarked } = await typed(command, '--settings', file)
    t.equal(code, 1)
    t.equal(printed, '')
    t.match(remarked, /the settings have 4 mistakes/)
    for (const line of [1, 4, 5, 6])
      t.match(remarked, new RegExp(`ironwake\\.yaml:${line}\\b`), `line ${line}`)
    t.match(remarked, /Did you mean approve\?/)
  }
})

t.test('a mistake elsewhere in the settings keeps nobody from asking a box that runs', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-cli-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'records'))
  const listener = await listenSocketFile(apiApp(aDesk()), join(folder, 'records', 'ironwake.sock'))
  t.teardown(async () => await listener[Symbol.asyncDispose]())
  const file = join(folder, 'ironwake.yaml')
  const asked = async (settings: string, ...words: readonly string[]) => {
    writeFileSync(file, settings)
    return await typed('machines', 'list', '--settings', file, ...words)
  }
  const broken = 'http: {port: 80800}\naprove: all\n'
  t.match(await asked(`data: records\n${broken}`), {
    code: 0,
    printed: /M0000001/,
    remarked:
      /^The settings have 2 mistakes, which `ironwake check` tells; their data folder is used all the same\.$/,
  })
  const named = await asked(broken, '--data', join(folder, 'records'))
  t.match(
    named,
    { code: 0, printed: /M0000001/, remarked: '' },
    'no settings are needed where the folder is named',
  )
  t.match(await asked(broken), {
    code: 1,
    remarked: /no appliance is running here \(.*\/data\/ironwake\.sock\)/,
  })
  for (const wrong of ['data: [records]\n', 'data: ""\n', 'data: records\nhttp: {\n', '- data: records\n'])
    t.match(await asked(wrong), { code: 1, printed: '', remarked: /the settings have .*mistake/ }, wrong)
  t.match(await asked('data: records\n'), { code: 0, remarked: '' })
})

t.test('a settings file that is not there, or is none, is told in a sentence', async (t) => {
  const folder = testFolder(t, { 'empty.yaml': '', large: 'x'.repeat(5_000_000), folder: {} })
  const missing = join(folder, 'nothing.yaml')
  t.match(await typed('check', '--settings', missing), {
    code: 1,
    remarked: /there is no settings file .*nothing\.yaml\n.*ironwake\.example\.yaml/,
  })
  t.match(await typed('check', '--settings', join(folder, 'large')), { code: 1, remarked: /too large/ })
  t.match(await typed('check', '--settings', join(folder, 'folder')), { code: 1, remarked: /cannot be read/ })
})

t.test('check tells each finding as JSON, and by its exit code whether one is wrong', async (t) => {
  const folder = testFolder(t)
  const images = join(folder, 'images')
  mkdirSync(images)
  const file = join(folder, 'ironwake.yaml')
  writeFileSync(
    file,
    `networks: [{name: rack, interface: nosuch0, mode: full, pool: 10.0.0.5-10.0.0.9}]\nimages: [{name: noble, folder: ${images}}]\n`,
  )
  const json = await typed('check', '--settings', file, '--output', 'json')
  t.equal(json.code, 1)
  t.equal(json.remarked, '')
  const findings = JSON.parse(json.printed) as {
    verdict: string
    subject: string
    fact: string
    nextStep?: string
  }[]
  const about = (subject: string) => findings.find((finding) => finding.subject === subject)
  t.match(about('settings'), { verdict: 'well', fact: file })
  t.match(about('network rack'), {
    verdict: 'wrong',
    fact: /no interface nosuch0/,
    nextStep: /ip -br address/,
  })
  t.match(about('image noble'), { verdict: 'wrong', fact: /no vmlinuz, no initrd, no squashfs/ })
  t.match(about('data folder'), { verdict: /well|doubtful/ })
  t.ok(findings.every(({ verdict }) => ['well', 'doubtful', 'wrong'].includes(verdict)))

  const table = await typed('check', '--settings', file)
  t.equal(table.code, 1)
  for (const { subject, fact } of findings)
    t.ok(table.printed.includes(`${subject}: ${fact.slice(0, 10)}`), subject)
  t.match(table.printed, /^NO {2}network rack: .*\n {4}Compare with/m)
})

t.test('check knows what each image is wanted for', async (t) => {
  const folder = testFolder(t)
  const dataFolder = join(folder, 'data')
  using store = await aStore(join(dataFolder, imageStoreName))
  const [kernel, initrd] = [await put(store, someBytes(10)), await put(store, someBytes(11))]
  const iso = { ...(await put(store, someBytes(12))), form: 'iso' as const }
  const disk = { ...(await put(store, someBytes(13))), form: 'raw-zstd' as const, unpackedByteCount: 99 }
  await store.publishManifest(aManifest({ kernel, initrd, iso }, { name: 'installer' }))
  await store.publishManifest(aManifest({ disk }, { name: 'written' }))
  const file = join(folder, 'ironwake.yaml')
  const machine = (last: number, more: string) => `  - {mac: '52:54:00:00:00:0${last}', ${more}}\n`
  writeFileSync(
    file,
    `data: ${dataFolder}\nmachines:\n${machine(1, 'method: autoinstall, image: installer')}${machine(
      2,
      'method: disk, image: written, ephemeral: gone',
    )}${machine(3, 'method: autoinstall, image: written')}`,
  )
  const { printed } = await typed('check', '--settings', file)
  t.match(
    printed,
    /image installer: installer@20260401 in the store; its ISO takes 1024\.0 MiB of a machine's memory/,
  )
  t.match(printed, /image written: written@20260401 in the store$/m, 'a disk need not run')
  t.match(printed, /image written: the image written@20260401 has no kernel, no initrd, no iso/)
  t.match(printed, /image gone: there is no image gone/)
})

t.test('without a running appliance the next step is told', async (t) => {
  const folder = testFolder(t)
  for (const words of [['machines', 'list'], ['machines', 'show', 'x'], ['events'], ['events', '--follow']]) {
    t.match(await typed(...words, '--data', folder), {
      code: 1,
      printed: '',
      remarked: /no appliance is running here \(.*ironwake\.sock\).*ironwake serve\n.*--settings.*--data/,
    })
  }
})

t.test('a data folder with too long a path is told in a sentence', async (t) => {
  const folder = join(testFolder(t), 'x'.repeat(120))
  t.match(await typed('machines', 'list', '--data', folder), {
    code: 1,
    remarked: /no appliance is running here/,
  })
  t.match(await typed('serve', '--data', folder), {
    code: 1,
    remarked:
      /ironwake serve: .*ironwake\.sock is too long for the path of a socket.*Choose another data folder/,
  })
})
