import { readdirSync } from 'node:fs'
import * as fc from 'fast-check'
import t from 'tap'
import {
  renderChain,
  renderInstaller,
  renderLocal,
  renderRam,
  renderWait,
  type RamValues,
} from '../../server/ipxe-scripts/render-scripts.ts'
import type { RenderedScript } from '../../server/ipxe-scripts/render-template.ts'
import { namesIn, templateNames } from '../../server/ipxe-scripts/templates.ts'
import { parseMac } from '../../server/wire/mac.ts'
import { readScript } from './ipxe-reading.ts'
import { runScript, type Outside, type Run } from './ipxe-running.ts'
import { ourTemplates } from './our-templates.ts'

const mac = parseMac('52:54:00:12:34:56')!
const base = 'http://10.0.0.1:8081/images/noble'
const ramValues: RamValues = {
  hostname: 'node-1',
  method: 'ram',
  image: 'noble',
  kernelUrl: `${base}/vmlinuz`,
  initrdUrl: `${base}/initrd`,
  squashfsUrl: `${base}/squashfs`,
  seedUrl: 'http://10.0.0.1:8080/seed/5f/',
  kernelParameters: ['console=tty0', 'console=ttyS0,115200'],
}
const installerValues = {
  hostname: 'node-1',
  image: 'noble-iso',
  kernelUrl: `${base}/vmlinuz`,
  initrdUrl: `${base}/initrd`,
  isoUrl: `${base}/installer.iso`,
  seedUrl: 'http://10.0.0.1:8080/seed/5f/',
  kernelParameters: ['console=ttyS0,115200'],
}
const waitValues = {
  headline: 'This machine waits for approval by Ironwake.',
  mac,
  uuid: undefined,
  claim: 'KTW-RXP',
  serial: 'S1',
  because: 'Nobody approved it.',
  nextStep: 'Approve it.',
}

const scripts = {
  chain: textOf(renderChain(ourTemplates, { url: 'http://10.0.0.1:8080/boot.ipxe' })),
  ram: textOf(renderRam(ourTemplates, ramValues)),
  autoinstall: textOf(renderInstaller(ourTemplates, installerValues)),
  wait: textOf(renderWait(ourTemplates, waitValues)),
  local: textOf(renderLocal(ourTemplates, { because: 'It is installed.' })),
}

const bios = {
  platform: 'pcbios',
  'netX/ip': '10.0.0.9',
  'netX/mac': '52-54-00-12-34-56',
  uuid: 'u',
  serial: 's',
}
const uefi = { ...bios, platform: 'efi' }
const onlyWorks =
  (...names: readonly string[]): Outside =>
  (words) =>
    names.includes(words[0] ?? '') || names.includes(words.join(' ')) ? 0 : 1
const waits = ['sleep', 'imgfree']

t.test('every template that is shipped is rendered here', async (t) => {
  const files = readdirSync(new URL('../../ipxe-scripts/', import.meta.url))
  const expected = (['ipxe', 'grub'] as const).flatMap((language) =>
    namesIn[language].map((name) => `${name}.${language}`),
  )
  t.strictSame(files.toSorted(), expected.toSorted())
  t.equal(Object.keys(scripts).length + 1, templateNames.length, 'all but the part that each includes')
})

t.test('every template opens with why it exists', async (t) => {
  for (const name of templateNames) {
    const lines = ourTemplates[name].split('\n')
    t.match(lines[name === 'local-disk' ? 0 : 1], /^# [A-Z]/, name)
  }
  for (const [name, text] of Object.entries(scripts)) t.match(text, /^#!ipxe\n/, name)
})

t.test('every label is there once', async (t) => {
  for (const [name, text] of Object.entries(scripts)) {
    const labels = readScript(text).flatMap(({ label }) => label ?? [])
    t.equal(new Set(labels).size, labels.length, name)
    t.ok(labels.includes('local-disk'), name)
  }
})

t.test('whatever fails, a script ends with a boot, with the disk, or with exit 1', async (t) => {
  for (const [name, text] of Object.entries(scripts)) {
    let endings = new Set<string>()
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom<0 | 1>(0, 1), { maxLength: 60 }),
        fc.constantFrom<0 | 1>(0, 1),
        fc.constantFrom('pcbios', 'efi'),
        fc.constantFrom('', '10.0.0.9'),
        (replies, later, platform, ip) => {
          let next = 0
          const run = runScript(text, { ...bios, platform, 'netX/ip': ip }, () => replies[next++] ?? later)
          endings = endings.add(run.ended.kind)
          return run.ended.kind === 'left' || (run.ended.kind === 'exit' && run.ended.code === 1)
        },
      ),
      { numRuns: 300 },
    )
    t.strictSame([...endings].toSorted(), ['exit', 'left'], `${name}: both endings were seen`)
  }
})

t.test('on BIOS the end is the first disk, then the second, then the next boot device', async (t) => {
  for (const [name, text] of Object.entries(scripts)) {
    const { asked, ended } = runScript(text, bios, onlyWorks(...waits))
    t.strictSame(disksAsked(asked), ['0x80', '0x81'], name)
    t.strictSame(ended, { kind: 'exit', code: 1 }, name)
    const disk = runScript(text, bios, onlyWorks(...waits, 'sanboot'))
    t.strictSame(disksAsked(disk.asked), ['0x80'], name)
  }
})

t.test('on UEFI the end is exit 1 and no disk is touched from here', async (t) => {
  for (const [name, text] of Object.entries(scripts)) {
    const { asked, ended } = runScript(text, uefi, onlyWorks(...waits, 'sanboot'))
    t.strictSame(disksAsked(asked), [], name)
    t.strictSame(ended, { kind: 'exit', code: 1 }, name)
  }
})

t.test('the installer has its ISO, its seed and no question to ask', async (t) => {
  const { asked, ended } = runScript(
    scripts.autoinstall,
    bios,
    onlyWorks(...waits, 'kernel', 'initrd', 'boot'),
  )
  t.equal(ended.kind, 'left')
  const words = asked.find(([name]) => name === 'kernel') ?? []
  t.strictSame(words.slice(words.indexOf(`${base}/vmlinuz`)), [
    `${base}/vmlinuz`,
    'initrd=initrd',
    'ip=dhcp',
    'BOOTIF=01-52-54-00-12-34-56',
    `iso-url=${base}/installer.iso`,
    'autoinstall',
    'cloud-config-url=/dev/null',
    'ds=nocloud;s=http://10.0.0.1:8080/seed/5f/',
    '---',
    'console=ttyS0,115200',
  ])
})

t.test('an ISO that casper would not take, and a seed without a slash, are refused', async (t) => {
  const whyNot = (changes: object) => renderInstaller(ourTemplates, { ...installerValues, ...changes })
  t.match(whyNot({ isoUrl: `${base}/iso` }), { kind: 'refused', because: /end with \.iso/ })
  t.match(whyNot({ seedUrl: 'http://10.0.0.1/seed' }), { kind: 'refused', because: /slash/ })
  t.match(whyNot({ isoUrl: `${base}/a b.iso` }), { kind: 'refused', because: /isoUrl/ })
})

t.test('chain asks for the script with who the machine is, the words of the board last', async (t) => {
  const { asked, ended } = runScript(scripts.chain, bios, onlyWorks('chain'))
  t.equal(ended.kind, 'left')
  const url = new URL(asked[0]?.at(-1) ?? '')
  t.equal(`${url.origin}${url.pathname}`, 'http://10.0.0.1:8080/boot.ipxe')
  t.strictSame(
    [...url.searchParams.keys()],
    ['mac', 'ip', 'uuid', 'arch', 'platform', 'version', 'serial', 'asset', 'manufacturer', 'product'],
  )
  t.equal(url.searchParams.get('mac'), '52-54-00-12-34-56')
  t.match(scripts.chain, 'mac=${netX/mac:hexhyp}', 'of the interface that was booted from')
})

t.test('chain asks with growing pauses, then tells why it gives up', async (t) => {
  const { asked, shown, sleptSeconds } = runScript(scripts.chain, bios, onlyWorks(...waits))
  t.equal(asked.filter(([name]) => name === 'chain').length, 7)
  const pauses = asked.filter(([name]) => name === 'sleep').map(([, seconds]) => Number(seconds))
  t.strictSame(pauses.slice(0, 6), [2, 4, 8, 16, 32, 32])
  t.ok(sleptSeconds < 120)
  t.ok(shown.some((line) => line.includes('gave no boot script in 7 attempts')))
})

t.test('chain takes an address itself when nothing is configured yet', async (t) => {
  const works = runScript(scripts.chain, { ...uefi, 'netX/ip': '' }, onlyWorks('dhcp', 'chain'))
  t.strictSame(
    works.asked.map(([name]) => name),
    ['dhcp', 'chain'],
  )
  const fails = runScript(scripts.chain, { ...uefi, 'netX/ip': '' }, onlyWorks(...waits))
  t.ok(fails.shown.some((line) => line.startsWith('No DHCP server')))
})

t.test('ram gives the kernel the command line of the image streams', async (t) => {
  const { asked, ended } = runScript(scripts.ram, bios, onlyWorks('imgfree', 'kernel', 'initrd', 'boot'))
  t.equal(ended.kind, 'left')
  t.strictSame(asked, [
    ['imgfree'],
    // That of images.maas.io, with NoCloud in place of its own data source.
    [
      'kernel --name vmlinuz --timeout 60000',
      `${base}/vmlinuz initrd=initrd root=squash:${base}/squashfs ip=::::node-1:BOOTIF:dhcp ip6=off ro`,
      'overlayroot=tmpfs overlayroot_cfgdisk=disabled cloud-config-url=/dev/null',
      'ds=nocloud;s=http://10.0.0.1:8080/seed/5f/ BOOTIF=01-52-54-00-12-34-56',
      'console=tty0 console=ttyS0,115200',
    ]
      .join(' ')
      .split(' '),
    ['initrd', '--name', 'initrd', '--timeout', '60000', `${base}/initrd`],
    ['boot'],
  ])
})

t.test('with the signed iPXE the kernel is started by the shim of its distribution', async (t) => {
  const shimUrl = 'http://10.0.0.1:8080/programs/shimx64.efi'
  const text = textOf(renderRam(ourTemplates, { ...ramValues, shimUrl }))
  const works = ['imgfree', 'kernel', 'initrd', 'boot']
  const { asked, ended } = runScript(text, uefi, onlyWorks(...works, 'shim'))
  t.strictSame(ended, { kind: 'left', by: ['boot'] })
  t.strictSame(
    asked.map(([name]) => name),
    ['imgfree', 'kernel', 'initrd', 'shim', 'boot'],
  )
  t.strictSame(asked[3], ['shim', '--timeout', '60000', shimUrl])
  const unknown = runScript(text, uefi, onlyWorks(...works))
  t.strictSame(unknown.ended, { kind: 'left', by: ['boot'] }, 'an older iPXE does without')
  t.notMatch(scripts.ram, 'shim')
  t.match(renderRam(ourTemplates, { ...ramValues, shimUrl: 'http://10.0.0.1/a b' }), { kind: 'refused' })
})

t.test('ram asks again for each file, with nothing left of the attempt before', async (t) => {
  for (const failing of ['kernel', 'initrd', 'boot']) {
    const works = ['imgfree', 'sleep', 'kernel', 'initrd', 'boot'].filter((name) => name !== failing)
    const { asked } = runScript(scripts.ram, bios, onlyWorks(...works))
    const names = asked.map(([name]) => name)
    t.equal(names.filter((name) => name === failing).length, 3, failing)
    for (const [index, name] of names.entries()) {
      if (name === 'kernel') t.equal(names[index - 1], 'imgfree')
    }
    t.equal(names.at(-1), 'sleep')
    t.ok(names.indexOf('sanboot') > names.lastIndexOf('imgfree'), 'no image is left when the disk starts')
  }
})

t.test('wait shows who the machine is, why it waits and what to do', async (t) => {
  const { shown, sleptSeconds } = runScript(scripts.wait, uefi, onlyWorks(...waits))
  t.ok(shown.includes('Claim code: KTW-RXP'))
  t.ok(shown.includes('MAC address: 52:54:00:12:34:56'))
  t.ok(shown.includes('System UUID: unknown'))
  t.ok(shown.includes('Why: Nobody approved it.'))
  t.ok(shown.includes('Next: Approve it.'))
  t.equal(sleptSeconds, 30)
  const short = textOf(renderWait(ourTemplates, { ...waitValues, seconds: 5 }))
  t.equal(runScript(short, uefi, onlyWorks(...waits)).sleptSeconds, 5)
})

t.test('a seed without its slash is refused, since cloud-init adds file names to it', async (t) => {
  t.match(renderRam(ourTemplates, { ...ramValues, seedUrl: 'http://10.0.0.1/seed' }), { kind: 'refused' })
})

// What iPXE or the programs behind it would take for more than text.
const sharp = [
  '\n',
  '\r',
  '\r\n',
  '\\\n',
  '\\',
  '\t',
  '\v',
  '\f',
  '\0',
  ' ',
  '  ',
  '\u00a0',
  '\u0085',
  '\u2028',
  '${',
  '}',
  '${uuid}',
  '$',
  '&&',
  ' && ',
  '||',
  ' || ',
  ';',
  ' ; ',
  '#',
  ' #',
  '"',
  "'",
  '`',
  '{{',
  '}}',
  '-',
  '--',
  '-n ',
  ':',
  ':local-disk',
  '=',
  '%0a',
  'é',
  '😀',
  '\ud800',
  '\x7f',
  '\x1b[2J',
  'a',
  '1',
  'goto local-disk',
  'http://10.0.0.1/',
  'node',
  '.',
  '..',
  '/',
  '{{include local-disk}}',
]
const nasty = fc.array(fc.constantFrom(...sharp), { maxLength: 6 }).map((parts) => parts.join(''))
const value = fc.oneof(
  nasty,
  nasty.map((text) => `http://10.0.0.1/${text}`),
  nasty.map((text) => `n${text}`),
  fc.string(),
)

t.test('no value breaks out of the word or the line it stands for', async (t) => {
  const outcomes = { script: 0, refused: 0 }
  const check = (plain: string, rendered: RenderedScript) => {
    outcomes[rendered.kind] += 1
    return rendered.kind === 'refused' ? rendered.because !== '' : sameShape(plain, rendered.text)
  }
  fc.assert(
    fc.property(
      value,
      fc.constantFrom('hostname', 'kernelUrl', 'initrdUrl', 'squashfsUrl', 'seedUrl'),
      (text, place) => check(scripts.ram, renderRam(ourTemplates, { ...ramValues, [place]: text })),
    ),
    { numRuns: 2_000 },
  )
  fc.assert(
    fc.property(value, (text) =>
      check(scripts.ram, renderRam(ourTemplates, { ...ramValues, kernelParameters: ['quiet', text] })),
    ),
    { numRuns: 1_000 },
  )
  fc.assert(
    fc.property(value, (text) => check(scripts.chain, renderChain(ourTemplates, { url: text }))),
    { numRuns: 1_000 },
  )
  t.ok(
    outcomes.script > 100 && outcomes.refused > 100,
    `${outcomes.script} rendered, ${outcomes.refused} refused`,
  )
})

t.test('no text to show becomes more than text, and none is refused', async (t) => {
  fc.assert(
    fc.property(
      value,
      fc.constantFrom('headline', 'serial', 'uuid', 'because', 'nextStep'),
      (text, place) => {
        const rendered = renderWait(ourTemplates, { ...waitValues, [place]: text })
        const local = renderLocal(ourTemplates, { because: text })
        const ram = renderRam(ourTemplates, { ...ramValues, image: text })
        return (
          rendered.kind === 'script' &&
          sameShape(scripts.wait, rendered.text) &&
          local.kind === 'script' &&
          sameShape(scripts.local, local.text) &&
          ram.kind === 'script' &&
          sameShape(scripts.ram, ram.text)
        )
      },
    ),
    { numRuns: 1_000 },
  )
  t.pass('held for every text')
})

/** The same lines, labels and commands, each word where it was; only words of `echo` may be more or fewer. */
function sameShape(plain: string, text: string): boolean {
  if (/[^\n\u0020-\u007e]/.test(text)) return false
  const [before, after] = [readScript(plain), readScript(text)]
  const outline = (lines: typeof before) =>
    lines.map(({ label, commands }) => [
      label,
      commands.map(({ words, end }) => [
        words[0],
        words[0] === 'echo' || words[0] === 'kernel' ? 'some' : words.length,
        end,
      ]),
    ])
  const settings = (lines: string) => lines.match(/\$\{[^}]*\}/g)
  const steps = (run: Run) => run.asked.map(([name]) => name)
  const works = onlyWorks('imgfree', 'sleep', 'kernel')
  return (
    JSON.stringify(outline(before)) === JSON.stringify(outline(after)) &&
    JSON.stringify(settings(plain)) === JSON.stringify(settings(text)) &&
    !after.some(({ commands }) =>
      commands.some(({ words }) => words[0] === 'echo' && words[1]?.startsWith('-')),
    ) &&
    JSON.stringify(steps(runScript(text, bios, works))) ===
      JSON.stringify(steps(runScript(plain, bios, works)))
  )
}

function disksAsked(asked: Run['asked']): readonly (string | undefined)[] {
  return asked.filter(([name]) => name === 'sanboot').map((words) => words.at(-1))
}

function textOf(rendered: RenderedScript): string {
  if (rendered.kind === 'refused') throw new Error(rendered.because)
  return rendered.text
}
