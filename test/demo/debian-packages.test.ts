import t from 'tap'
import { sourcesOf } from '../../server/demo/debian-packages.ts'

const release = { from: 'bookworm', to: 'trixie' }

t.test('the mirrors of a machine serve another release too, in both forms of writing them', async (t) => {
  const deb822 = [
    'Types: deb',
    'URIs: http://mirror.example/bookworm/debian',
    'Suites: bookworm bookworm-updates',
    'Components: main',
  ]
  t.strictSame(sourcesOf(deb822.join('\n'), release).split('\n'), [
    'Types: deb',
    'URIs: http://mirror.example/bookworm/debian',
    'Suites: trixie trixie-updates',
    'Components: main',
  ])
  t.equal(
    sourcesOf('deb http://mirror.example/debian-security bookworm-security main\n', release),
    'deb http://mirror.example/debian-security trixie-security main\n',
  )
})

t.test('the own release is left as it is', async (t) => {
  const text = 'Suites: bookworm bookworm-updates\n'
  t.equal(sourcesOf(text, { from: 'bookworm', to: 'bookworm' }), text)
})
