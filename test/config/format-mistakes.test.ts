import t from 'tap'
import { formatMistakes } from '../../server/config/format-mistakes.ts'
import { readConfig } from '../../server/config/read-config.ts'

function shown(text: string): string {
  const result = readConfig(text, 'ironwake.yaml', '/etc/ironwake')
  return result.kind === 'mistakes' ? formatMistakes(text, 'ironwake.yaml', result.mistakes) : ''
}

t.test('a mistake is shown with its line, a caret and what to do', async (t) => {
  const text =
    'http:\n  port: 8080\nnetworks:\n  - interface: eth0\n    mod: full\n    pool: 10.0.0.9-10.0.0.1\n'
  t.equal(
    shown(text),
    `ironwake.yaml has 2 mistakes:

ironwake.yaml:5:5 networks[0].mod
  5 |     mod: full
    |     ^
  There is no setting "mod" here.
  Did you mean mode?

ironwake.yaml:6:11 networks[0].pool
  6 |     pool: 10.0.0.9-10.0.0.1
    |           ^
  The pool ends with 10.0.0.1, before it begins.
  Write 10.0.0.1-10.0.0.9.
`,
  )
})

t.test('one mistake is one mistake, and the file as a whole has no path', async (t) => {
  t.equal(
    shown('just words'),
    'ironwake.yaml has one mistake:\n\nironwake.yaml:1:1\n  1 | just words\n    | ^\n  This must be a group of settings, it is text.\n',
  )
})

t.test('a caret stays below its place when the line is long', async (t) => {
  const text = `networks: [${'{interface: eth0, mode: observe}, '.repeat(9)}{interface: x, mod: full}]`
  for (const block of shown(text).split('\n\n').slice(1)) {
    const [place = '', line = '', caret = ''] = block.split('\n')
    const column = Number(/:1:(\d+)/.exec(place)?.[1])
    t.equal(line.slice(caret.indexOf('^')).slice(0, 4), text.slice(column - 1).slice(0, 4), place)
    t.ok(line.length < 140)
  }
})

t.test('what a file holds cannot write on the terminal', async (t) => {
  const result = shown('"\u001b[2Jx": 1\n')
  t.notMatch(result, '\u001b')
  t.match(result, 'There is no setting')
})
