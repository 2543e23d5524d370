import * as fc from 'fast-check'
import t from 'tap'
import {
  renderGrubChain,
  renderGrubInstaller,
  renderGrubRam,
  renderLocal,
  renderWait,
  type GrubRamValues,
} from '../../server/ipxe-scripts/render-scripts.ts'
import { renderTemplate, type RenderedScript } from '../../server/ipxe-scripts/render-template.ts'
import { templateNames } from '../../server/ipxe-scripts/templates.ts'
import { parseMac } from '../../server/wire/mac.ts'
import { readGrub } from './grub-reading.ts'
import { templatesIn } from './our-templates.ts'

const templates = templatesIn('grub')
const mac = parseMac('52:54:00:12:34:56')!
const base = 'http://10.0.0.1:8081/images/noble'
const ramValues: GrubRamValues = {
  mac,
  hostname: 'node-1',
  method: 'ram',
  image: 'noble',
  httpFolder: base,
  tftpFolder: 'tftp://10.0.0.1/images/noble',
  squashfsUrl: `${base}/squashfs`,
  seedUrl: 'http://10.0.0.1:8080/seed/5f/',
  kernelParameters: ['console=tty0', 'console=ttyS0,115200'],
}
const installerValues = {
  mac,
  hostname: 'node-1',
  image: 'noble-iso',
  httpFolder: base,
  tftpFolder: 'tftp://10.0.0.1/images/noble',
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
  chain: textOf(renderGrubChain(templates)),
  ram: textOf(renderGrubRam(templates, ramValues)),
  autoinstall: textOf(renderGrubInstaller(templates, installerValues)),
  wait: textOf(renderWait(templates, waitValues, 'grub')),
  local: textOf(renderLocal(templates, { because: 'It is installed.' }, 'grub')),
}

t.test('every template opens with why it exists, and ends with the disk', async (t) => {
  t.equal(Object.keys(scripts).length + 1, templateNames.length, 'all but the part that each includes')
  for (const [name, text] of Object.entries(scripts)) {
    t.match(text, /^# [A-Z]/, name)
    const commands = wordsOf(text)
    t.strictSame(commands.at(-1), ['exit', '1'], name)
    t.ok(
      commands.some(([first, second]) => first === 'if' && second === 'chainloader'),
      name,
    )
  }
})

t.test('if, for and their ends come in pairs', async (t) => {
  for (const [name, text] of Object.entries(scripts)) {
    const firsts = wordsOf(text).map(([first]) => first)
    const count = (word: string) => firsts.filter((first) => first === word).length
    for (const [opens, closes] of [
      ['if', 'fi'],
      ['if', 'then'],
      ['for', 'done'],
      ['for', 'do'],
    ] as const) {
      t.equal(count(opens), count(closes), `${name}: ${opens} and ${closes}`)
    }
    t.ok(count('if') > 0, name)
  }
})

t.test('the chain asks beside itself for the script of the card that was booted from', async (t) => {
  const source = readGrub(scripts.chain).find(([word]) => word?.text === 'source')
  t.strictSame(source?.[1]?.variables, ['prefix', 'net_default_mac'])
  t.equal(source?.[1]?.text, '${prefix}/grub.cfg-01-${net_default_mac}')
})

t.test('the image is started with the command line that its initrd reads', async (t) => {
  const commands = wordsOf(scripts.ram)
  const linux = commands.find((words) => words.includes('linux'))
  t.strictSame(linux, [
    'if',
    'linux',
    '${files}/vmlinuz',
    `root=squash:${base}/squashfs`,
    'ip=::::node-1:BOOTIF:dhcp',
    'ip6=off',
    'ro',
    'overlayroot=tmpfs',
    'overlayroot_cfgdisk=disabled',
    'cloud-config-url=/dev/null',
    'ds=nocloud;s=http://10.0.0.1:8080/seed/5f/',
    'BOOTIF=01-52-54-00-12-34-56',
    'console=tty0',
    'console=ttyS0,115200',
  ])
  t.ok(commands.some((words) => words.join(' ') === 'if initrd ${files}/initrd'))
  const [http, tftp] = ['(http,10.0.0.1:8081)/images/noble', '(tftp,10.0.0.1)/images/noble']
  t.strictSame(
    commands.find(([first]) => first === 'for'),
    ['for', 'files', 'in', http, tftp, tftp],
  )
})

t.test('the installer is started with the whole seed in one word, and asks nothing', async (t) => {
  const linux = wordsOf(scripts.autoinstall).find((words) => words.includes('linux'))
  t.strictSame(linux, [
    'if',
    'linux',
    '${files}/vmlinuz',
    'ip=dhcp',
    'BOOTIF=01-52-54-00-12-34-56',
    `iso-url=${base}/installer.iso`,
    'autoinstall',
    'cloud-config-url=/dev/null',
    'ds=nocloud;s=http://10.0.0.1:8080/seed/5f/',
    '---',
    'console=ttyS0,115200',
  ])
  const wrong = renderGrubInstaller(templates, { ...installerValues, isoUrl: `${base}/iso` })
  t.match(wrong, { kind: 'refused', because: /end with \.iso/ })
})

t.test('a machine that waits is told who it is, why, and what to do', async (t) => {
  const said = wordsOf(scripts.wait)
    .filter(([first]) => first === 'echo')
    .map((words) => words.slice(1).join(' '))
  t.ok(said.includes('MAC address: 52:54:00:12:34:56'))
  t.ok(said.includes('Claim code: KTW-RXP'))
  t.ok(said.includes('Why: Nobody approved it.'))
  t.ok(said.includes('Next: Approve it.'))
})

t.test('what GRUB cannot fetch is refused with the reason', async (t) => {
  const given = (httpFolder: string) => renderGrubRam(templates, { ...ramValues, httpFolder })
  t.match(given('https://10.0.0.1/vmlinuz'), { kind: 'refused', because: /it takes http:/ })
  t.match(given('http://user@10.0.0.1/vmlinuz'), { kind: 'refused', because: /it takes http:/ })
  t.match(given("http://10.0.0.1/a'b"), { kind: 'refused', because: /break out/ })
  t.match(given('http://10.0.0.1/a)b'), { kind: 'refused', because: /break out/ })
  t.match(renderGrubRam(templates, { ...ramValues, seedUrl: 'http://x/seed' }), { kind: 'refused' })
})

const sharp = fc.constantFrom(
  ...`'"\\\${}()#;&|<>*?~ \t\n\r\0`.split(''),
  'é',
  '$x',
  '${prefix}',
  "';reboot;'",
  '\\\n',
  'a',
  '-',
)
const anything = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.array(sharp, { maxLength: 12 }).map((parts) => parts.join('')),
)

t.test('no value becomes anything but the word it stands for, or it is refused', async (t) => {
  let [taken, refusals] = [0, 0]
  for (const type of ['text', 'url', 'network-file', 'hostname', 'file', 'mac']) {
    fc.assert(
      fc.property(anything, (value) => {
        const rendered = renderTemplate(`first 'a='{{v:${type}}} last\nnext`, { v: value }, {}, 'grub')
        if (rendered.kind === 'refused') {
          refusals++
          return type !== 'text'
        }
        taken++
        const commands = readGrub(rendered.text)
        const [first, word, last, ...more] = commands[0] ?? []
        return (
          commands.length === 2 &&
          more.length === 0 &&
          first?.text === 'first' &&
          last?.text === 'last' &&
          word?.variables.length === 0 &&
          word.text.startsWith('a=') &&
          // A text may be changed so that it can stand there; anything else stands as it was given.
          (type === 'text' || type === 'network-file' || word.text === `a=${value}`)
        )
      }),
      { numRuns: 400 },
    )
  }
  t.ok(taken > 300 && refusals > 1_000, `${taken} stood there, ${refusals} were refused`)
})

t.test('each kernel parameter is one word that GRUB leaves alone', async (t) => {
  let taken = 0
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 4 }), (value) => {
      const rendered = renderTemplate('linux {{v:kernel-parameters}}\nnext', { v: value }, {}, 'grub')
      if (rendered.kind === 'refused') return value.length > 0
      taken++
      const [linux = [], ...others] = readGrub(rendered.text)
      return (
        others.length === 1 &&
        linux.length === value.length + 1 &&
        linux.every((word, i) => word.variables.length === 0 && (i === 0 || word.text === value[i - 1]))
      )
    }),
    { numRuns: 1_000 },
  )
  t.ok(taken > 30, `${taken} lists were taken`)
  // What the kernel itself reads in braces and stars stays as it was written.
  const parameters = ['cc:{a}', 'x=*', 'y=<z>', 'modules=a,b', '---']
  const rendered = textOf(renderTemplate('linux {{v:kernel-parameters}}', { v: parameters }, {}, 'grub'))
  t.strictSame(wordsOf(rendered), [['linux', ...parameters]])
})

t.test('the judge sees what breaks out', async (t) => {
  t.strictSame(
    readGrub('a \'b\'; c $d "e ${f}" g\\ h # i').map((words) => words.map(({ text }) => text)),
    [
      ['a', 'b'],
      ['c', '${d}', 'e ${f}', 'g h'],
    ],
  )
  t.throws(() => readGrub("a 'b"))
})

function wordsOf(text: string): readonly (readonly string[])[] {
  return readGrub(text).map((words) => words.map((word) => word.text))
}

function textOf(rendered: RenderedScript): string {
  if (rendered.kind === 'refused') throw new Error(rendered.because)
  return rendered.text
}
