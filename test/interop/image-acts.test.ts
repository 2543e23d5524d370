import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { auditStart, followAudit, type AuditRow } from '../../server/access/audit-chain.ts'
import { openStore } from '../../server/store/open-store.ts'
import { storeName } from '../../server/store/store-name.ts'
import { aMirror } from '../images/a-mirror.ts'
import { rawDisk } from '../images/some-images.ts'
import { stallsAfter } from '../images/an-upstream.ts'
import { ironwake, openBox, until, type Box } from './a-box.ts'
import { needs } from './needs.ts'

// What `ironwake images` does, beside an appliance that runs, without one, and while it comes and goes: it is in the audit
// log, and the chain fits.

t.setTimeout(120_000)
const needed = needs()
const networks = [{ name: 'lab', addresses: ['10.77.0.1/24'] }]
const settings = 'networks: [{interface: lab, mode: observe}]\n'

type Entry = Readonly<Record<string, unknown>>

async function aBox(t: Test): Promise<Box> {
  const box = await openBox({ networks, settings })
  t.teardown(async () => await box[Symbol.asyncDispose]())
  writeFileSync(join(box.folder, 'disk'), rawDisk(500_000))
  return box
}

async function rowsOf(box: Box): Promise<readonly AuditRow[]> {
  return (await box.ask('/api/v1/audit?after=0')) as AuditRow[]
}

function entriesOf(rows: readonly AuditRow[]): readonly Entry[] {
  return rows.map(({ row }) => JSON.parse(row) as Entry)
}

t.test('each act has two rows, whether or not a box runs, in one chain', needed, async (t) => {
  const box = await aBox(t)
  const disk = join(box.folder, 'disk')
  const images = async (...words: readonly string[]) => await box.cli('images', ...words)
  t.match(await images('pin', 'noble'), { code: 1, stderr: /no image noble/ })
  t.match(await images('import', disk, '--name', 'noble', '--version', '1'), { code: 0 })
  await box.stop()
  t.match(await images('pin', 'noble', '--output', 'json'), { code: 0, stdout: /"pinned": true/ })
  t.match(await images('remove', 'noble@1'), { code: 1, stderr: /is pinned\nFirst/ })
  await box.start()
  t.match(await images('unpin', 'noble'), { code: 0 })
  t.match(await images('verify'), { code: 0 })
  t.match(await images('sweep'), { code: 0 })
  t.match(await images('remove', 'noble@1'), { code: 0 })
  t.match(await images('list'), { code: 0 })
  const socket = { from: 'the socket file' }
  const folder = { from: 'the data folder' }
  t.match(entriesOf(await rowsOf(box)), [
    { kind: 'begun', act: 'image imported', on: 'noble@1', order: { from: disk }, who: 'local', ...socket },
    { kind: 'ended', begun: 1, exitCode: 0, outcome: 'noble@1 is here: disk' },
    { kind: 'begun', act: 'image pinned', on: 'noble', ...folder },
    { kind: 'ended', begun: 3, exitCode: 0, outcome: 'noble@1 is pinned' },
    { kind: 'begun', act: 'image removed', on: 'noble@1', ...folder },
    { kind: 'ended', begun: 5, exitCode: 1, outcome: 'noble@1 is pinned' },
    { kind: 'begun', act: 'image unpinned', ...socket },
    { kind: 'ended', begun: 7, exitCode: 0 },
    { kind: 'begun', act: 'images verified', ...socket },
    { kind: 'ended', begun: 9, exitCode: 0, outcome: 'all are well' },
    { kind: 'begun', act: 'images swept', ...socket },
    { kind: 'ended', begun: 11, exitCode: 0 },
    { kind: 'begun', act: 'image removed', ...socket },
    { kind: 'ended', begun: 13, exitCode: 0, outcome: /^noble@1 is gone/ },
  ])
  t.match(await box.cli('audit', 'verify'), { code: 0, stderr: /The 14 rows of the audit log fit/ })
  t.match((await box.cli('audit', 'list')).stdout, /end of 5 .*exit 1: noble@1 is pinned/)
})

/** A sync that stands still in the middle of an image, after its row was written. */
async function aSync(t: Test, box: Box) {
  const mirror = await aMirror(t, box.folder)
  const file = join(box.folder, 'sync.yaml')
  writeFileSync(file, `data: ${JSON.stringify(box.dataFolder)}\n${mirror.yaml}`)
  const path = 'noble/amd64/20250709/squashfs'
  mirror.upstream.misbehave(path, stallsAfter(1_000))
  const child = spawn(ironwake, ['images', 'sync', '--settings', file], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = once(child, 'close')
  await until('the sync fetches', () => mirror.upstream.asked.some((one) => one.path === path))
  return { child, ended, said: () => stderr }
}

t.test('a box that is killed within an act finds its end, when it runs again or not', needed, async (t) => {
  const box = await aBox(t)
  const first = await aSync(t, box)
  await box.kill()
  first.child.kill('SIGINT')
  t.strictSame(await first.ended, [1, null], 'as without the log')
  t.match(first.said(), /It was stopped\.\n$/)
  const rows = await closedRows(box)
  t.match(entriesOf(rows), [
    { kind: 'begun', act: 'images synced', from: 'the socket file', order: { images: [/^ubuntu/] } },
    { kind: 'ended', begun: 1, exitCode: 1, outcome: 'It was stopped.' },
  ])
  t.match(followAudit(auditStart, rows), { kind: 'fits' })

  const second = await aSync(t, box)
  await box.start()
  second.child.kill('SIGINT')
  t.strictSame(await second.ended, [1, null])
  const third = await aSync(t, box)
  third.child.kill('SIGKILL')
  await third.ended
  t.match(entriesOf((await rowsOf(box)).slice(2)), [
    { kind: 'begun', act: 'images synced', from: 'the data folder' },
    { kind: 'ended', begun: 3, exitCode: 1 },
    { kind: 'begun', act: 'images synced', from: 'the socket file' },
  ])
  t.match(await box.cli('audit', 'verify'), { code: 0, stderr: /The 5 rows of the audit log fit/ })
})

t.test('a box starts while a row is written, and a row waits for a box that starts', needed, async (t) => {
  const box = await aBox(t)
  const images = async (version: string) =>
    await box.cli('images', 'import', join(box.folder, 'disk'), '--name', 'noble', '--version', version)
  for (const version of ['1', '2', '3']) {
    await box.kill()
    const [told] = await Promise.all([images(version), box.start()])
    t.match(told, { code: 0, stderr: /is here/ }, told.stderr)
    t.notMatch(told.stderr, /not in the audit log/)
  }
  t.match(await box.cli('audit', 'verify'), { code: 0, stderr: /The 6 rows of the audit log fit/ })
})

t.test('without a row nothing is done', needed, async (t) => {
  const box = await aBox(t)
  await box.stop()
  await using store = await openStore(join(box.dataFolder, storeName))
  const words = ['images', 'import', join(box.folder, 'disk'), '--name', 'noble']
  const child = spawn(ironwake, [...words, '--settings', box.settingsFile], { stdio: 'ignore' })
  const ended = once(child, 'close')
  setTimeout(() => child.kill('SIGINT'), 3_000)
  t.strictSame(await ended, [130, null], 'it waited for who has the store')
  t.notOk(readdirSync(box.dataFolder).includes('images'))
  t.strictSame(await store.audit.newest(9), [])
})

async function closedRows(box: Box): Promise<readonly AuditRow[]> {
  await using store = await openStore(join(box.dataFolder, storeName))
  return await store.audit.after(0, 1_000)
}
