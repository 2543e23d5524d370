import * as fc from 'fast-check'
import t from 'tap'
import { parse } from 'yaml'
import { writeYaml, type CloudValue } from '../../server/cloud-init/write-yaml.ts'

t.test('every text stands in quotes on a line of its own', async (t) => {
  const value = {
    mac: '52:54:00:12:34:56',
    absent: undefined,
    a: ['no', '1e3', '', 'a\nb\t"c"', 'ü 😀'],
    b: true,
    c: -7,
  }
  t.strictSame(writeYaml(value), {
    kind: 'yaml',
    text: 'mac: "52:54:00:12:34:56"\na:\n  - "no"\n  - "1e3"\n  - ""\n  - "a\\nb\\t\\"c\\""\n  - "ü 😀"\nb: true\nc: -7\n',
  })
})

t.test('what does not survive is refused with its place', async (t) => {
  const cases: readonly (readonly [CloudValue, string])[] = [
    [{ a: { b: '<<' } }, 'a.b is <<, which YAML 1.1 reads as a merge key'],
    [{ a: ['x', '\u0085'] }, 'a.1 has the character U+0085, which does not survive YAML 1.1'],
    [{ a: '\x7f' }, 'a has the character U+007F, which does not survive YAML 1.1'],
    [{ a: 'x\0' }, 'a has the character U+0000, which does not survive YAML 1.1'],
    [{ a: '\u2028' }, 'a has the character U+2028, which does not survive YAML 1.1'],
    [{ a: '\ufeff' }, 'a has the character U+FEFF, which does not survive YAML 1.1'],
    [{ a: '\uffff' }, 'a has the character U+FFFF, which does not survive YAML 1.1'],
    [{ a: '\ud800x' }, 'a has half of a surrogate pair'],
    [{ a: 0.5 }, 'a is not a whole number'],
    [{ a: Number.POSITIVE_INFINITY }, 'a is not a whole number'],
    [{ on: true }, 'the value has a key that would need quotes'],
    [{ a: { '1': 'x' } }, 'a has a key that would need quotes'],
    [{ 'a b': 'x' }, 'the value has a key that would need quotes'],
  ]
  for (const [value, because] of cases) t.strictSame(writeYaml(value), { kind: 'refused', because })
  let deep: CloudValue = 'x'
  for (let i = 0; i < 40; i++) deep = { a: deep }
  t.match(writeYaml(deep), { kind: 'refused', because: /nested more than 16 deep/ })
})

t.test('what is written reads back the same with YAML 1.1 and 1.2', async (t) => {
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }))
  const { value } = fc.letrec<{ value: CloudValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      text,
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.stringMatching(/^[a-z][a-z_]{2,8}x$/), tie('value'), { maxKeys: 4 }),
    ),
  }))
  let written = 0
  fc.assert(
    fc.property(value, (value) => {
      const result = writeYaml(value)
      if (result.kind === 'refused') return result.because !== ''
      written += 1
      const same = (version: '1.1' | '1.2') =>
        JSON.stringify(parse(result.text, { version })) === JSON.stringify(value)
      return same('1.1') && same('1.2')
    }),
    { numRuns: 500 },
  )
  t.ok(written > 100, `${written} of 500 were written`)
})
