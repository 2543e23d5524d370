import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { ask, listen, socketName } from '../../server/cli/api-client.ts'
import { Silent } from '../../server/cli/silence.ts'

const ironwake = fileURLToPath(new URL('../../ironwake', import.meta.url))

/** A box that takes every question and says no more than it was told to. */
async function aSilentBox(t: Test, says = '') {
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-cli-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const lines = new Set<Socket>()
  const server: Server = createServer((line) => {
    lines.add(line)
    line.on('error', () => {})
    line.write(says)
  })
  server.listen(join(folder, socketName))
  await once(server, 'listening')
  t.teardown(() => {
    for (const line of lines) line.destroy()
    server.close()
  })
  const settings = join(folder, 'ironwake.yaml')
  writeFileSync(settings, `data: ${JSON.stringify(folder)}\n`)
  return { server, settings, socket: join(folder, socketName) }
}

const silenceMs = 50
const told = { message: /says nothing for 0\.05 s$/, nextStep: /stop it and start it again: ironwake serve/ }

t.test('a box that says nothing is not waited for without end', async (t) => {
  const { socket } = await aSilentBox(t)
  await t.rejects(ask({ socket, silenceMs }, 'GET', '/api/v1/status'), told)
  await t.rejects(
    listen({ socket, silenceMs }, '/api/v1/events/stream').next(),
    told,
    'nor for events to begin',
  )
})

t.test('nor is one that falls silent within its answer', async (t) => {
  const { socket } = await aSilentBox(t, 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1,')
  await t.rejects(ask({ socket, silenceMs }, 'GET', '/api/v1/machines'), told)
})

t.test('events that have begun are followed however long nothing happens', async (t) => {
  const event = 'data: {"id":1}\n\n'
  const { socket } = await aSilentBox(
    t,
    `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n${event.length.toString(16)}\r\n${event}\r\n`,
  )
  const { first, events, patienceMs, stop } = await begun(socket)
  t.strictSame(first, { id: 1 })
  setTimeout(() => stop.abort(), 8 * patienceMs)
  for await (const one of events) t.fail(JSON.stringify(one))
  t.ok(stop.signal.aborted, 'it went on until it was stopped')
})

/** Follows events as far as the first. A busy machine may say nothing for longer than the patience here: then more of it is had. */
async function begun(socket: string) {
  for (let patienceMs = silenceMs; ; patienceMs *= 2) {
    const stop = new AbortController()
    const box = { socket, silenceMs: patienceMs, stop: stop.signal }
    const events = listen(box, '/api/v1/events/stream')
    try {
      const { value } = (await events.next()) as { readonly value: unknown }
      return { first: value, events, patienceMs, stop }
    } catch (error) {
      if (!(error instanceof Silent)) throw error
    }
  }
}

for (const words of [
  ['machines', 'list'],
  ['tokens', 'revoke', 'x'],
  ['audit', 'verify'],
  ['events', '--follow'],
  ['check'],
  ['images', 'list'],
  ['images', 'import', '/dev/null', '--name', 'noble'],
]) {
  t.test(`the first Ctrl-C ends ${words.join(' ')} that waits for a box`, async (t) => {
    const { server, settings } = await aSilentBox(t)
    const child = spawn(ironwake, [...words, '--settings', settings], { stdio: ['ignore', 'pipe', 'pipe'] })
    t.teardown(() => child.kill('SIGKILL'))
    const said: string[] = []
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => said.push(text))
    const ended = once(child, 'close')
    await once(server, 'connection')
    child.kill('SIGINT')
    t.strictSame(await ended, [130, null])
    t.strictSame(
      said.filter((text) => !text.includes('image')),
      [],
      'nothing is said',
    )
  })
}

t.test('Ctrl-C ends a kubeconfig that is waited for at the terminal', async (t) => {
  const { settings } = await aSilentBox(t)
  const words = ['clusters', 'add', 'prod', '--kubeconfig', '-', '--settings', settings]
  const child = spawn(ironwake, words, { stdio: ['pipe', 'inherit', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'close')
  // What a pipe holds and somebody has read is gone from it: the command reads.
  await new Promise<void>((resolve) => child.stdin.write('x'.repeat(1_000_000), () => resolve()))
  child.kill('SIGINT')
  t.strictSame(await ended, [130, null])
})
