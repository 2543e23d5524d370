import t from 'tap'
import { renderTemplate } from '../../server/ipxe-scripts/render-template.ts'

t.test('each place is filled after its type', async (t) => {
  const template =
    'a {{u:url}} {{f:file}} {{h:hostname}} {{m:mac}} {{n:number}} {{p:kernel-parameters}} {{t:text}}\n'
  const values = {
    u: 'https://box.lab:8080/x?y=1',
    f: 'arm64/snponly.efi',
    h: 'node-1.lab',
    m: '52-54-00-12-34-56',
    n: 0,
    p: ['quiet', 'console=ttyS0,115200n8', '---', 'nosplash'],
    t: 'Hello, "world"!',
  }
  t.strictSame(renderTemplate(template, values), {
    kind: 'script',
    text: 'a https://box.lab:8080/x?y=1 arm64/snponly.efi node-1.lab 52-54-00-12-34-56 0 quiet console=ttyS0,115200n8 --- nosplash Hello, "world"!\n',
  })
})

t.test('what does not fit together is refused, all of it at once', async (t) => {
  const cases: readonly (readonly [string, Parameters<typeof renderTemplate>[1], RegExp])[] = [
    ['{{a:text}}', {}, /^a: it has no value$/],
    ['x', { a: 'y' }, /^the template has no place for a$/],
    ['{{a:colour}}', { a: 'y' }, /^a: colour is not a type of place$/],
    ['{{a:toString}}', { a: 'y' }, /is not a place of a template/],
    ['{{toString:text}}', {}, /^toString: it has no value$/],
    ['{{a}}', { a: 'y' }, /\{\{a\}\} is not a place of a template/],
    ['{{a:text', { a: 'y' }, /a place of the template is not closed/],
    ['a:text}}', {}, /a place of the template is not closed/],
    ['{{include ending}}', {}, /^there is no part ending to include$/],
    ['{{a:text}} {{b:number}}', { c: 1 }, /^a: .*; b: .*; the template has no place for c$/],
    ['{{a:number}}', { a: '5' }, /^a: it is not a whole number$/],
    ['{{a:number}}', { a: -1 }, /^a: it is not a whole number$/],
    ['{{a:number}}', { a: Number.NaN }, /^a: it is not a whole number$/],
    ['{{a:number}}', { a: 1.5 }, /^a: it is not a whole number$/],
    ['{{a:text}}', { a: 5 }, /^a: it is not text$/],
    ['{{a:url}}', { a: ['http://x/'] }, /^a: it is not a URL$/],
    ['{{a:kernel-parameters}}', { a: 'quiet' }, /^a: it is not a list$/],
    ['{{a:text}}'.repeat(2_000), { a: 'x'.repeat(200) }, /more than 65536 characters/],
  ]
  for (const [template, values, because] of cases) {
    t.match(renderTemplate(template, values), { kind: 'refused', because }, template.slice(0, 40))
  }
})

t.test('a refusal names the place, the value and the reason', async (t) => {
  const cases: readonly (readonly [string, string, string])[] = [
    [
      'url',
      'ftp://10.0.0.1/x',
      'a: "ftp://10.0.0.1/x" is not a URL: it begins with neither http:// nor https://',
    ],
    [
      'url',
      'http://10.0.0.1/${x}',
      'a: "http://10.0.0.1/??x?" is not a URL: it has characters that could break out of its place',
    ],
    ['url', 'http://', 'a: "http://" is not a URL: no program could read it'],
    [
      'file',
      '../../etc/passwd',
      'a: "../../etc/passwd" is not a file name: it has characters that could break out of its place',
    ],
    ['file', 'a/../b', 'a: "a/../b" is not a file name: it leads out of its folder'],
    ['hostname', 'Node', 'a: "Node" is not a host name: it has capital letters'],
    ['mac', '52:54', 'a: "52:54" is not a MAC address: it has not six bytes'],
  ]
  for (const [type, value, because] of cases) {
    t.strictSame(renderTemplate(`{{a:${type}}}`, { a: value }), { kind: 'refused', because })
  }
})

t.test('a kernel parameter that the boot program would not pass on is refused', async (t) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /it is empty/],
    ['a b', /white space/],
    ['a\nb', /white space/],
    ['ü', /outside printable ASCII/],
    ['a${b}', /it has \$/],
    ['#x', /it has #/],
    ['a;b', /it has ;/],
    ['a&&b', /it has &/],
    ['a||b', /it has \|/],
    ['dyndbg="x"', /it has "/],
    ['a\\', /it has \\/],
    ['root=/dev/sda1', /root= is written by the appliance/],
    ['initrd=x', /initrd= is written by the appliance/],
    ['x'.repeat(257), /more than 256 characters/],
  ]
  for (const [parameter, because] of cases) {
    t.match(
      renderTemplate('{{a:kernel-parameters}}', { a: [parameter] }),
      { kind: 'refused', because },
      parameter,
    )
  }
})

t.test('an included part is filled as well, and what it includes is not', async (t) => {
  const parts = { ending: 'bye {{who:text}}\n\n' }
  t.strictSame(renderTemplate('hi\n{{include ending}}\n', { who: 'you' }, parts), {
    kind: 'script',
    text: 'hi\nbye you\n',
  })
  t.match(renderTemplate('{{include a}}', {}, { a: '{{include b}}', b: 'x' }), { kind: 'refused' })
})

t.test('text from a vendor is shown with its sharp characters replaced', async (t) => {
  const shown = (text: string) => renderTemplate('echo {{a:text}}', { a: text })
  t.strictSame(shown('A&B  Co #1 ${x}\n'), { kind: 'script', text: 'echo A+B Co ?1 ??x?' })
  t.strictSame(shown('--n'), { kind: 'script', text: 'echo ~-n' })
  t.strictSame(shown(' \t'), { kind: 'script', text: 'echo (none)' })
  t.strictSame(shown('x'.repeat(500)), { kind: 'script', text: `echo ${'x'.repeat(237)}...` })
})
