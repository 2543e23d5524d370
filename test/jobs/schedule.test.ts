import { once, EventEmitter } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { jobMemory } from '../../server/jobs/job-memory.ts'
import { runJobs, type Job, type Jobs, type JobWord } from '../../server/jobs/schedule.ts'
import { testFolder } from '../folder.ts'

const everySecond = '* * * * * *'
const yearly = '0 0 1 1 *'

function aJob(other: Partial<Job> = {}): Job {
  return { name: 'sync', when: yearly, missed: 'made-up', work: async () => 'done', ...other }
}

type Running = {
  readonly jobs: Jobs
  readonly words: JobWord[]
  /** Resolves with the next word. */
  readonly word: () => Promise<unknown>
}

async function running(t: Test, folder: string, job: Job, now = Date.now): Promise<Running> {
  const words: JobWord[] = []
  const post = new EventEmitter()
  const jobs = await runJobs([job], {
    memory: jobMemory(folder),
    heard(word) {
      words.push(word)
      post.emit('word')
    },
    now,
  })
  t.teardown(async () => await jobs[Symbol.asyncDispose]())
  return { jobs, words, word: async () => await once(post, 'word') }
}

t.test('a job runs when its time comes round, and how it stands is told', async (t) => {
  const { jobs, word, words } = await running(
    t,
    testFolder(t),
    aJob({ when: everySecond, missed: 'left-out' }),
  )
  t.match(jobs.status(), [{ name: 'sync', when: everySecond, running: false, last: undefined }])
  await word()
  await jobs[Symbol.asyncDispose]()
  t.strictSame(words[0], { kind: 'ran', job: 'sync', outcome: 'done' })
  t.match(jobs.status(), [{ running: false, last: { outcome: 'done', failed: false, endedAt: Number } }])
})

t.test('a job at work is not started again, however often its time comes round', async (t) => {
  let atWork = 0
  let most = 0
  let runs = 0
  let enough: () => void = () => {}
  const ended = new Promise<void>((resolve) => {
    enough = resolve
  })
  const work = async (): Promise<string> => {
    runs++
    atWork++
    most = Math.max(most, atWork)
    // Longer than its time needs to come round.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    atWork--
    if (runs === 2) enough()
    return 'done'
  }
  const { jobs } = await running(t, testFolder(t), aJob({ when: everySecond, work }))
  t.match(jobs.status(), [{ running: true }], 'the first run is made up at once')
  await ended
  t.equal(most, 1)
})

t.test('a job that never ran, runs at the start', async (t) => {
  const { words, word } = await running(t, testFolder(t), aJob())
  if (words.length === 0) await word()
  t.strictSame(words, [{ kind: 'ran', job: 'sync', outcome: 'done' }])
})

t.test('a run whose time came while the program did not run is made up, and only that', async (t) => {
  const folder = testFolder(t)
  const remembered = async (now: number): Promise<number> => {
    let runs = 0
    const work = async (): Promise<undefined> => void runs++
    const { jobs } = await running(t, folder, aJob({ work }), () => now)
    await jobs[Symbol.asyncDispose]()
    return runs
  }
  t.equal(await remembered(1_000), 1)
  const { nextAt } = JSON.parse(readFileSync(join(folder, 'sync.json'), 'utf8')) as { nextAt: number }
  t.equal(await remembered(nextAt - 1), 0, 'its time has not come')
  t.equal(await remembered(nextAt), 1, 'its time has come')
})

t.test('a run that was broken off is made up', async (t) => {
  const folder = testFolder(t)
  let began: () => void = () => {}
  const beginning = new Promise<void>((resolve) => {
    began = resolve
  })
  const work: Job['work'] = async (stop) => {
    began()
    await once(stop, 'abort')
    stop.throwIfAborted()
    return 'done'
  }
  const { jobs, words } = await running(t, folder, aJob({ work }))
  await beginning
  await jobs[Symbol.asyncDispose]()
  t.strictSame(words, [], 'who is stopped has not failed')
  const again = await running(t, folder, aJob())
  if (again.words.length === 0) await again.word()
  t.strictSame(again.words, [{ kind: 'ran', job: 'sync', outcome: 'done' }])
})

t.test('a job that fails says why, and comes round again', async (t) => {
  const work = async (): Promise<never> => {
    throw new Error('no upstream answers')
  }
  const { jobs, words, word } = await running(t, testFolder(t), aJob({ when: everySecond, work }))
  while (words.length < 2) await word()
  t.strictSame(words[1], { kind: 'failed', job: 'sync', because: 'no upstream answers' })
  await jobs[Symbol.asyncDispose]()
  t.match(jobs.status(), [{ last: { failed: true, outcome: 'no upstream answers' } }])
})

t.test('what is remembered of a job may be damaged: then it runs once more', async (t) => {
  const folder = join(testFolder(t), 'jobs')
  mkdirSync(folder)
  for (const text of ['', '{', '{"startedAt":"x"}']) {
    writeFileSync(join(folder, 'sync.json'), text)
    t.equal(await jobMemory(folder).recall('sync'), undefined, text)
  }
  const { words, word } = await running(t, folder, aJob())
  if (words.length === 0) await word()
  t.equal(words.length, 1)
})

t.test('a job that is not made up waits for its time', async (t) => {
  const { jobs, words } = await running(t, testFolder(t), aJob({ missed: 'left-out' }))
  t.match(jobs.status(), [{ running: false, last: undefined }])
  t.strictSame(words, [])
})
