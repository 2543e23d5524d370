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

t.test('two slashes are one, as shim writes two before the name of what it loads next', async (t) => {
  const { app, asked } = aDesk({ kind: 'bytes', bytes: Uint8Array.of(1), type: 'application/efi' })
  const { ask } = await overLoopback(t, app)
  for (const url of ['/programs//grubx64.efi', '//programs///grubx64.efi', '/programs/grubx64.efi?a=//b']) {
    t.equal((await ask({ url })).statusCode, 200, url)
  }
  t.strictSame(
    asked.map(({ words }) => words),
    [['grubx64.efi'], ['grubx64.efi'], ['grubx64.efi']],
  )
})

t.test('a program may lie in a folder, and the script of iPXE 2 lies beside every program', async (t) => {
  const { app, asked } = aDesk()
  const { ask } = await overLoopback(t, app)
  for (const url of ['/programs/a/b/snponly.efi', '/autoexec.ipxe', '/programs/a/b/autoexec.ipxe']) {
    t.equal((await ask({ url })).statusCode, 200, url)
  }
  t.strictSame(
    asked.map(({ question, words }) => [question, ...words]),
    [['program', 'a/b/snponly.efi'], ['chain'], ['chain']],
  )
})
