import { readFileSync } from 'node:fs'
import t from 'tap'
import { readConfig } from '../../server/config/read-config.ts'

const file = new URL('../fixtures/config/settings_invalid.txt', import.meta.url)
const [, ...cases] = readFileSync(file, 'utf8').split(/^=== /m)

t.test('each mistake is told with its line, its reason and what to do', async (t) => {
  t.ok(cases.length > 40, `${cases.length} cases`)
  for (const text of cases) {
    const [name = '', ...lines] = text.trimEnd().split('\n')
    const wanted = lines.filter((line) => line.startsWith('--- ')).map((line) => line.slice(4))
    const settings = lines.filter((line) => !line.startsWith('--- ')).join('\n')
    const result = readConfig(settings, 'ironwake.yaml', '/etc/ironwake')
    const told = result.kind === 'config' ? [] : result.mistakes
    const written = told.map(({ line, column, path, because, nextStep }) =>
      [`${line}:${column} ${path}`, because, ...(nextStep === undefined ? [] : [nextStep])].join(' | '),
    )
    t.strictSame(written, wanted, name)
    t.not(wanted.length, 0, `${name}: the case says what is told`)
  }
})
