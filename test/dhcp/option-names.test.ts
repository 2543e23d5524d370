import t from 'tap'
import { optionCodes } from '../../server/dhcp/option-codes.ts'
import { optionName, optionNames } from '../../server/dhcp/option-names.ts'

t.test('every option the program reads or writes has a name with its source', (t) => {
  const codes = Object.values(optionCodes)
  t.ok(codes.length > 30)
  for (const code of codes) t.match(optionNames.get(code), { name: /\S/, source: /\S/ }, `${code}`)
  t.end()
})

t.test('each line of the table is well formed, each code and name in it once', (t) => {
  t.ok(optionNames.size > 150)
  const names = [...optionNames.values()].map(({ name }) => name)
  t.equal(new Set(names).size, names.length)
  for (const [code, { name, source }] of optionNames) {
    t.ok(
      Number.isInteger(code) && code >= 0 && code <= 255 && name !== '' && source !== '',
      `${code} ${name}`,
    )
  }
  const codes = [...optionNames.keys()]
  t.same(
    codes,
    codes.toSorted((a, b) => a - b),
  )
  t.end()
})

t.test('RFC 2132 names what it numbers from 1 to 61, and 64 to 76', (t) => {
  for (let code = 0; code <= 76; code++) t.ok(optionNames.has(code), `${code}`)
  t.equal(optionName(60), 'vendor class')
  t.equal(optionName(224), 'option 224')
  t.end()
})
