import t from 'tap'
import { progressLine } from '../../server/cli/progress-line.ts'
import { syncPrinter } from '../../server/cli/sync-printer.ts'
import type { SyncStep } from '../../server/images/sync-report.ts'

const megabyte = 1024 * 1024

t.test('a line of progress says how far it is and how long it takes', async (t) => {
  const half = { byteCount: 50 * megabyte, of: 100 * megabyte, filesDone: 1, files: 3 }
  t.equal(
    progressLine(half, 5 * megabyte),
    '[##########----------]  50 %  50.0 MiB of 100.0 MiB, 1 of 3 files, 5.0 MiB/s, 10 s left',
  )
  t.match(progressLine({ ...half, byteCount: 0 }, 0), /^\[-{20}\] {3}0 % .* 0 B\/s$/)
  t.match(progressLine({ ...half, byteCount: half.of }, 1), /^\[#{20}\] 100 % .*B\/s$/)
  t.match(progressLine({ ...half, of: 0, byteCount: 0 }, 0), /100 %/)
  t.ok(progressLine({ byteCount: 3e9, of: 4e9, filesDone: 10, files: 12 }, 1e6).length <= 110)
})

function said(isTerminal: boolean, steps: readonly SyncStep[]): readonly string[] {
  const lines: string[] = []
  let time = 0
  const tell = syncPrinter({ isTerminal, remark: (line) => lines.push(line), now: () => (time += 1_000) })
  for (const step of steps) tell(step)
  return lines
}

const at = (byteCount: number): SyncStep => ({
  kind: 'progress',
  byteCount,
  of: 4 * megabyte,
  filesDone: 0,
  files: 1,
})

t.test('on a terminal the line of progress is drawn over, and what is said stands above it', async (t) => {
  const lines = said(true, [
    { kind: 'asking', upstream: 'mirror', url: 'http://mirror/' },
    { kind: 'planned', images: ['a@1'], present: [], files: 1, byteCount: 4 * megabyte },
    at(megabyte),
    at(2 * megabyte),
    { kind: 'fetched', url: 'http://mirror/a', byteCount: 4 * megabyte, tookMs: 2_500 },
    { kind: 'published', image: 'a@1', byteCount: 4 * megabyte },
  ])
  const clear = '\u001b[1A\u001b[2K'
  t.strictSame(lines, [
    'Asking mirror (http://mirror/)',
    'To fetch: a@1 (1 files, 4.0 MiB)',
    '[#####---------------]  25 %  1.0 MiB of 4.0 MiB, 0 of 1 files, 0 B/s',
    `${clear}[##########----------]  50 %  2.0 MiB of 4.0 MiB, 0 of 1 files, 1.0 MiB/s, 2 s left`,
    `${clear}  http://mirror/a  4.0 MiB in 3 s`,
    'a@1 is here.',
  ])
})

t.test('without a terminal there is a line now and then, and no control character', async (t) => {
  const lines = said(
    false,
    Array.from({ length: 25 }, (_, step) => at(step * 1_000)),
  )
  t.equal(lines.length, 3)
  t.notOk(lines.some((line) => line.includes('\u001b')))
})

t.test('what was refused is told with its reason and what to do', async (t) => {
  const lines = said(false, [{ kind: 'refused', image: 'a', because: 'It is not signed.', nextStep: 'Ask.' }])
  t.strictSame(lines, ['a was not fetched: It is not signed.', '  Ask.'])
})
