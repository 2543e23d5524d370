// Runs every ring of tests, or those named: node test/all.ts [checks] [unit] [faults] [interop] [boot]
// Prints last, alone on a line, how many passed, failed and were skipped. With CI=true a skip is a failure.

import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

type Count = { readonly passed: number; readonly failed: number; readonly skipped: number }
type Ring = {
  readonly name: string
  readonly run: () => Promise<Count>
  /** What can be done while the ring before is run; it resolves to whether it could. */
  readonly prepare?: () => Promise<boolean>
}

const none: Count = { passed: 0, failed: 0, skipped: 0 }
const root = fileURLToPath(new URL('..', import.meta.url))
const tapFolder = join(root, '.cache', 'tap')

// As many at a time as fill two processors: unit tests and emulated machines compute all the time, the others mostly wait.
// The limits end what hangs; a machine with much else to do takes many times what is usual.
const rings: readonly Ring[] = [
  { name: 'checks', run: checks },
  { name: 'unit', run: async () => await tap('unit', { jobs: 2, timeoutSeconds: 900 }, unitFiles) },
  {
    name: 'faults',
    run: async () => await tap('faults', { jobs: 3, timeoutSeconds: 900 }, ['test/faults/*.test.ts']),
  },
  {
    name: 'interop',
    run: async () => await tap('interop', { jobs: 3, timeoutSeconds: 1200 }, ['test/interop/*.test.ts']),
  },
  {
    name: 'boot',
    run: async () => await tap('boot', { jobs: 2, timeoutSeconds: 2400 }, ['test/boot/*.boot.ts']),
    // The image is made before the tests that share it.
    prepare: async () => (await command('node', ['test/boot/prepare.ts'])) === 0,
  },
]
const unitFolders = (
  'wire events config dhcp tftp networks machines boot ipxe-scripts cloud-init images access clusters store listen http appliance cli demo ' +
  'jobs simulate power'
).split(' ')
const unitFiles = ['test/*.test.ts', ...unitFolders.map((folder) => `test/${folder}/**/*.test.ts`)]

const asked = process.argv.slice(2)
/** As much of a failure as a log of CI bears. */
const failureLines = 40

const unknown = asked.filter((name) => !rings.some((ring) => ring.name === name))
if (unknown.length > 0) {
  console.error(
    `There is no ring ${unknown.join(', ')}. The rings: ${rings.map((ring) => ring.name).join(', ')}.`,
  )
  process.exitCode = 2
} else {
  await runRings(asked.length === 0 ? rings : rings.filter((ring) => asked.includes(ring.name)))
}

async function runRings(chosen: readonly Ring[]): Promise<void> {
  let total = none
  const prepared = new Map<Ring, Promise<boolean>>()
  const lines: string[] = []
  for (const [at, ring] of chosen.entries()) {
    console.log(`\n── ${ring.name} ──`)
    const began = performance.now()
    const isPrepared = prepared.get(ring) ?? ring.prepare?.()
    const next = chosen[at + 1]
    if (next?.prepare !== undefined) prepared.set(next, next.prepare())
    const count = (await isPrepared) === false ? { ...none, failed: 1 } : await ring.run()
    total = sum(total, count)
    const seconds = ((performance.now() - began) / 1000).toFixed(0)
    lines.push(`${ring.name.padEnd(8)} ${said(count)} (${seconds} s)`)
  }
  const skipsFail = process.env['CI'] === 'true' && total.skipped > 0
  console.log(`\n${lines.join('\n')}`)
  if (skipsFail) console.log('In CI nothing may be skipped: install what is missing.')
  console.log(said(total))
  process.exitCode = total.failed > 0 || skipsFail || total.passed === 0 ? 1 : 0
}

/** Types, lint and format: each one check. */
async function checks(): Promise<Count> {
  let count = none
  const commands = [
    ['tsc'],
    ['oxlint', '--type-aware', '--deny-warnings', 'server', 'test'],
    ['prettier', '--check', '--log-level=warn', '.'],
  ]
  for (const [program = '', ...words] of commands) {
    const code = await command(program, words)
    console.log(`${code === 0 ? 'ok' : 'NOT OK'}  ${program} ${words.join(' ')}`)
    count = sum(count, code === 0 ? { ...none, passed: 1 } : { ...none, failed: 1 })
  }
  return count
}

/** Runs test files under tap, and counts the tests of each file. A file that ends badly counts as failed by itself. */
async function tap(
  ring: string,
  { jobs, timeoutSeconds }: { readonly jobs: number; readonly timeoutSeconds: number },
  files: readonly string[],
): Promise<Count> {
  mkdirSync(tapFolder, { recursive: true })
  const output = join(tapFolder, `${ring}.tap`)
  rmSync(output, { force: true })
  const fixed = [
    '--disable-coverage',
    '--allow-empty-coverage',
    `--output-file=${output}`,
    '--reporter=terse',
    `--jobs=${jobs}`,
    `--timeout=${timeoutSeconds}`,
  ]
  const code = await command('tap', [...fixed, ...files])
  const text = readFileSync(output, 'utf8')
  const count = countOf(text)
  for (const failure of failuresIn(text)) console.log(failure)
  return code !== 0 && count.failed === 0 ? { ...count, failed: 1 } : count
}

/** The tests of a file stand one level in: four spaces. A file without any stands at the margin. */
function countOf(text: string): Count {
  const found = [...text.matchAll(/^( {4})?(not ok|ok) [0-9]+(.*)$/gm)]
  const tests = found.filter(([, indent, , rest = '']) => indent !== undefined || / # SKIP/i.test(rest))
  return {
    passed: tests.filter(([, , verdict, rest = '']) => verdict === 'ok' && !/# (?:SKIP|TODO)/i.test(rest))
      .length,
    failed: tests.filter(([, , verdict, rest = '']) => verdict === 'not ok' && !/# TODO/i.test(rest)).length,
    skipped: tests.filter(([, , , rest = '']) => /# (?:SKIP|TODO)/i.test(rest)).length,
  }
}

/** Each line of a test, or of a file, that failed, with what is said of it below, as far as a log of CI bears it. */
function failuresIn(text: string): readonly string[] {
  const lines = text.split('\n')
  return lines.flatMap((line, at) => {
    if (!/^ *not ok /.test(line) || / # (?:SKIP|TODO)/i.test(line)) return []
    const end = lines.findIndex((later, index) => index > at && /^ *\.\.\.$/.test(later))
    return [lines.slice(at, Math.min(end === -1 ? at + 1 : end, at + failureLines)).join('\n')]
  })
}

async function command(program: string, words: readonly string[]): Promise<number> {
  const path = join(root, 'node_modules', '.bin')
  const child = spawn(join(path, program), words, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: join(root, '.cache', 'compile'),
      PATH: `${path}:${process.env['PATH'] ?? ''}`,
    },
  })
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
}

function sum(one: Count, other: Count): Count {
  return {
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    skipped: one.skipped + other.skipped,
  }
}

function said(count: Count): string {
  return `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`
}
