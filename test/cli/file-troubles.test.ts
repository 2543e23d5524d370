import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../../server/cli/run.ts'
import { apiApp } from '../../server/http/api-app.ts'
import { listenSocketFile } from '../../server/listen/http.ts'
import { aDesk } from '../http/an-api-desk.ts'

/** Every place where a person names a file: FILE stands for it. */
const calls: readonly string[] = [
  'check --settings FILE',
  'serve --settings FILE',
  'machines list --settings FILE',
  'machines list --data FILE',
  'machines list --server https://127.0.0.1:1 --ca-fingerprint PRINT --token-file FILE',
  'machines list --server https://127.0.0.1:1 --token-file TOKEN --ca-file FILE',
  'machines capture node-1 --out FILE/x',
  'clusters add x --kubeconfig FILE',
  'clusters kubeconfig lab --output-file FILE/x',
  'ca show --data FILE',
  'ca fetch --server https://127.0.0.1:1 --ca-fingerprint PRINT --out FILE/x',
  'images list --data FILE',
  'images verify --data FILE',
  'images sweep --data FILE',
  'images pin noble --data FILE',
  'images import FILE --name x',
  'images import FILE --name x --kernel FILE --initrd FILE',
  'images import DISK --name x --data FILE',
  'images sync noble --data FILE',
  'check --settings WITH-FILE',
]

/** What only the operating system and Node say. */
const foreign = /\bE[A-Z]{3,}\b(?!\.)|errno|syscall|\bat \S+ \(|, open '|, read$|no such file or directory/m

t.test('what is wrong with a file is told in words, whichever file and command it is', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-cli-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const at = (name: string) => join(folder, name)
  mkdirSync(at('folder'))
  writeFileSync(at('empty'), '')
  writeFileSync(at('binary'), randomBytes(5_000))
  writeFileSync(at('token'), `iw_0a1b2c3d_${'f'.repeat(64)}`, { mode: 0o600 })
  writeFileSync(at('disk'), randomBytes(2_000))
  symlinkSync(at('circle'), at('circle'))
  writeFileSync(at('ironwake.yaml'), `data: ${JSON.stringify(folder)}\n`)
  const listener = await listenSocketFile(apiApp(aDesk()), at('ironwake.sock'))
  t.teardown(async () => await listener[Symbol.asyncDispose]())
  for (const name of ['missing', 'folder', 'empty', 'binary', 'circle', 'empty/below']) {
    const file = JSON.stringify(at(name))
    writeFileSync(
      at('with.yaml'),
      [
        `data: ${file}`,
        `boot-programs: [${file}]`,
        `images: [{name: x, folder: ${file}}]`,
        'networks: [{name: rack, interface: nosuch0, mode: observe}]',
        `image-sync: {catalogue: ${file}}`,
        `kubernetes: {packages-key: ${file}}`,
        '',
      ].join('\n'),
    )
    for (const one of calls) {
      const words = one.split(' ').map((word) =>
        word
          .replace('WITH-FILE', at('with.yaml'))
          .replace('FILE', at(name))
          .replace('TOKEN', at('token'))
          .replace('DISK', at('disk'))
          .replace('PRINT', `sha256:${'0'.repeat(64)}`),
      )
      // Well settings would have it serve until it is stopped.
      if (words[0] === 'serve' && name === 'empty') continue
      const said: string[] = []
      const say = (line: string): void => void said.push(line)
      const stop = new AbortController().signal
      const own =
        one.includes('--settings') || one.includes('--data') ? [] : ['--settings', at('ironwake.yaml')]
      const terminal = { print: say, remark: say, stop, isTerminal: false, now: () => Date.now() }
      const what = `${one} (${name})`
      const code = await run([...words, ...own], terminal).catch((error: unknown) => {
        t.fail(`${what} crashed: ${String(error)}`)
        return 1
      })
      t.ok(code === 0 || code === 1, what)
      t.notMatch(said.join('\n').replaceAll(folder, ''), foreign, what)
    }
  }
})
