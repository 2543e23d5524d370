import t from 'tap'
import { aDesk } from './a-desk.ts'
import { overLoopback } from './over-loopback.ts'

// Apart from the other tests of the listener: light-my-request tidies paths up, and changes Express for its whole process.

t.test('a name that was escaped to look like a path reaches the desk as one word, or nothing', async (t) => {
  const { app, asked } = aDesk({ kind: 'refused', status: 404, because: 'there is no boot program' })
  const { ask } = await overLoopback(t, app)
  for (const url of [
    '/programs/..%2f..%2fetc%2fpasswd',
    '/programs/%2e%2e%2fetc%2fpasswd',
    '/programs/%2e%2e/etc/passwd',
    '/programs/..%5c..%5cetc',
    '/programs/%2fetc%2fpasswd',
    '/programs/snponly.efi%00.txt',
    '/programs/../programs/../../etc/passwd',
    '/programs//etc/passwd',
    '/programs/%252e%252e%252fetc',
    '/programs/....//etc',
    '/seed/abc/%2e%2e',
    '/seed/../../etc/passwd',
  ]) {
    t.equal((await ask({ url })).statusCode, 404, url)
  }
  t.ok(asked.length > 0)
  for (const { question, words } of asked) {
    t.equal(question, 'program')
    t.equal(words.length, 1)
  }
})
