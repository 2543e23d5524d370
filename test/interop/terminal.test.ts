import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { socketName } from '../../server/cli/api-client.ts'
import { openNetworkNamespace } from '../../server/demo/network-namespace.ts'
import { ironwake, until } from './a-box.ts'
import { needs } from './needs.ts'

// What a terminal does to a program: it is closed, it takes no more, and somebody presses Ctrl-C.

t.setTimeout(600_000)

t.test('output that cannot be written is told in a sentence', async (t) => {
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const { status, stderr } = spawnSync(ironwake, ['--help'], { stdio: ['ignore', full, 'pipe'] })
  t.equal(status, 1)
  t.match(String(stderr), /^ironwake: the output cannot be written: ENOSPC.* is lost\.\n$/)
})

t.test(
  'a full disk below its log does not end an appliance, and a closed terminal does so in order',
  needs(),
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'iw-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
    await using box = await openNetworkNamespace([{ name: 'lab', addresses: ['10.77.0.1/24'] }])
    const settings = join(folder, 'ironwake.yaml')
    writeFileSync(settings, 'networks: [{interface: lab, mode: observe}]\n')
    const full = openSync('/dev/full', 'w')
    t.teardown(() => closeSync(full))
    const child = box.start([ironwake, 'serve', '--settings', settings], { stdio: ['ignore', full, 'pipe'] })
    const said = text(child.stderr!)
    const socket = join(folder, 'data', socketName)
    const asks = ['machines', 'list', '--settings', settings]
    await until('the appliance answers', () => spawnSync(ironwake, asks).status === 0)
    child.kill('SIGHUP')
    t.strictSame(await once(child, 'exit'), [1, null], 'it tells that something was lost')
    t.match(await said, /cannot be written: ENOSPC.*\n(?:.*\n)*Stopping\.\n/)
    t.notOk(existsSync(socket))
  },
)

t.test('a rack that is stopped by Ctrl-C leaves nothing behind', needs(), async (t) => {
  // Short, as the path of a socket has to be.
  const folder = mkdtempSync(join(tmpdir(), 'iw-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
  const child = spawn(ironwake, ['simulate', '--machines', '2000'], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let namespace = ''
  for await (const line of createInterface(child.stderr)) {
    const [, name] = /in the network namespace (\S+)\.$/.exec(line) ?? []
    if (name !== undefined) {
      namespace = name
      child.kill('SIGINT')
    }
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  t.equal(child.exitCode, 1)
  t.not(namespace, '')
  t.strictSame(readdirSync(folder), [])
  t.notMatch(String(spawnSync('ip', ['netns', 'list']).stdout), new RegExp(`^${namespace}\\b`, 'm'))
})
