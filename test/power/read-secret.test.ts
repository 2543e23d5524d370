import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readSecret } from '../../server/power/read-secret.ts'
import { testFolder } from '../folder.ts'

t.test('a secret is what stands in its file or variable, without the end of the line', async (t) => {
  const folder = testFolder(t, { secret: 'a b"c\n', empty: '\n', lines: 'a\nb\n' })
  const inFile = async (name: string) => await readSecret({ kind: 'file', path: join(folder, name) })
  t.equal(await inFile('secret'), 'a b"c')
  await t.rejects(inFile('empty'), { kind: 'no-secret', message: /empty is empty/ })
  await t.rejects(inFile('lines'), { kind: 'no-secret', message: /several lines/ })
  await t.rejects(inFile('gone'), {
    kind: 'no-secret',
    message: /which the settings name for a password, cannot be read: it is not there/,
  })
  chmodSync(join(folder, 'secret'), 0o600)
  process.env['IRONWAKE_TEST_SECRET'] = 'from outside'
  t.teardown(() => delete process.env['IRONWAKE_TEST_SECRET'])
  t.equal(await readSecret({ kind: 'environment', name: 'IRONWAKE_TEST_SECRET' }), 'from outside')
  const missing = readSecret({ kind: 'environment', name: 'IRONWAKE_TEST_NOTHING' })
  await t.rejects(missing, { kind: 'no-secret', message: /IRONWAKE_TEST_NOTHING is not set/ })
})
