import * as fc from 'fast-check'
import t from 'tap'
import { parseReport } from '../../server/cloud-init/parse-report.ts'

t.test('the reports of cloud-init are read', async (t) => {
  const start =
    '{"name":"modules-config/config-apt_configure","description":"running config-apt_configure with frequency once-per-instance","event_type":"start","origin":"cloudinit","timestamp":1763800000.123}'
  t.strictSame(parseReport(start), {
    kind: 'report',
    report: {
      kind: 'start',
      origin: 'cloudinit',
      name: 'modules-config/config-apt_configure',
      description: 'running config-apt_configure with frequency once-per-instance',
      at: 1_763_800_000_123,
    },
  })
  const finish =
    '{"name":"modules-final","description":"running modules for final","event_type":"finish","origin":"cloudinit","timestamp":1763800100.5,"result":"WARN","duration":12.3456}'
  t.match(parseReport(finish), {
    report: { kind: 'finish', name: 'modules-final', result: 'WARN', at: 1_763_800_100_500 },
  })
})

t.test('the reports of curtin are read', async (t) => {
  const note =
    '{"name":"cmd-install/stage-partitioning","description":"x","event_type":"warning","origin":"curtin","timestamp":1.5,"level":"WARNING"}'
  t.match(parseReport(note), { report: { kind: 'note', eventType: 'warning', origin: 'curtin' } })
  const finish =
    '{"name":"cmd-install","description":"done","event_type":"finish","origin":"curtin","timestamp":2,"result":"FAIL","level":"ERROR","files":[{"path":"/x","content":"eA==","encoding":"base64"}]}'
  t.match(parseReport(finish), { report: { kind: 'finish', result: 'FAIL' } })
})

t.test('a report from a machine without a clock is read', async (t) => {
  for (const timestamp of ['null', '"now"', '-1', '1e300', '[]']) {
    const body = `{"name":"init-local","event_type":"start","timestamp":${timestamp}}`
    t.match(
      parseReport(body),
      { kind: 'report', report: { at: undefined, description: '', origin: '' } },
      timestamp,
    )
  }
})

t.test('what is no report is refused with its reason', async (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ['', 'it is not JSON'],
    ['{"name":', 'it is not JSON'],
    ['null', 'it is not a JSON object'],
    ['[]', 'it is not a JSON object'],
    ['"x"', 'it is not a JSON object'],
    ['{}', 'it has no name'],
    ['{"name":7,"event_type":"start"}', 'it has no name'],
    ['{"name":"x"}', 'it has no event_type'],
    ['{"name":"x","event_type":"finish"}', 'it ends without a result of SUCCESS, WARN or FAIL'],
    [
      '{"name":"x","event_type":"finish","result":"success"}',
      'it ends without a result of SUCCESS, WARN or FAIL',
    ],
    ['{"__proto__":{"name":"x","event_type":"start"}}', 'it has no name'],
    [`"${'x'.repeat(1_048_576)}"`, 'it has more than 1048576 characters'],
  ]
  for (const [body, because] of cases) t.strictSame(parseReport(body), { kind: 'refused', because })
})

t.test('what a machine tells cannot write on a terminal', async (t) => {
  const body = JSON.stringify({
    name: 'a\u001b[2J\n',
    event_type: 'x\u0007',
    description: 'd'.repeat(9_999),
    origin: '\ud800',
  })
  t.match(parseReport(body), {
    report: { name: 'a\u{fffd}[2J\u{fffd}', eventType: 'x\u{fffd}', origin: '\u{fffd}' },
  })
  const result = parseReport(body)
  if (result.kind === 'report') t.equal(result.report.description.length, 500)
})

t.test('no body makes the reader throw', async (t) => {
  const field = fc.constantFrom('name', 'event_type', 'result', 'timestamp', 'origin', 'description')
  const bodies = fc.oneof(
    fc.string(),
    fc.json(),
    fc.dictionary(field, fc.jsonValue()).map((value) => JSON.stringify(value)),
  )
  fc.assert(
    fc.property(bodies, (body) => ['report', 'refused'].includes(parseReport(body).kind)),
    { numRuns: 500 },
  )
  t.equal(parseReport('['.repeat(1_000_000)).kind, 'refused')
  t.equal(parseReport(`{"a":${'['.repeat(400_000)}${']'.repeat(400_000)}}`).kind, 'refused')
})
