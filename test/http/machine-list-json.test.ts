import t from 'tap'
import { machineListJson } from '../../server/http/machine-list-json.ts'
import type { MachineSummary } from '../../server/http/api-app.ts'
import { aLease } from '../networks/a-network.ts'
import { aMachine, anAttempt, byMacAlone } from '../store/records.ts'

const plain: MachineSummary = {
  machine: aMachine(),
  attempt: undefined,
  lease: undefined,
  identity: byMacAlone,
}
const full: MachineSummary = {
  machine: aMachine({ hostname: 'ü "x" \u2028' }),
  attempt: anAttempt(),
  lease: aLease(),
  identity: { ...byMacAlone, tooWeak: 'c' },
  failure: { cause: 'disk-silent', meaning: 'a', nextStep: 'b' },
  join: { cluster: 'lab', role: 'worker', labels: {}, taints: [] },
  disk: { wanted: 'smallest' },
}

t.test('the text of a list is that of JSON.stringify, the first time and the second', async (t) => {
  for (const list of [[], [plain], [full, plain], [full, plain, { ...full, join: undefined }]]) {
    const given = list as readonly MachineSummary[]
    for (const _ of [1, 2]) t.strictSame(machineListJson(given), JSON.stringify(given))
  }
})

t.test('a record that is replaced is written anew', async (t) => {
  machineListJson([plain])
  const machine = { ...plain.machine, state: 'installed' as const }
  t.match(machineListJson([{ ...plain, machine }]), /"state":"installed"/)
})
