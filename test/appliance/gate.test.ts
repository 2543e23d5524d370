import t from 'tap'
import { Gate } from '../../server/appliance/gate.ts'
import type { Incoming } from '../../server/boot/answer.ts'
import { aNetwork, ip } from '../networks/a-network.ts'

const from = { address: ip('0.0.0.0'), port: 68 }
const network = aNetwork()
const datagrams = (...ats: readonly number[]): readonly Incoming[] =>
  ats.map((at) => ({ bytes: new Uint8Array(), from, port: 67, network, at }))
const send = (): void => {}

function aGate() {
  const passed: number[] = []
  const gate = new Gate((incoming) => void passed.push(...incoming.map(({ at }) => at)))
  return { gate, passed }
}

t.test('what comes before the gate opens passes then, in its order', (t) => {
  const { gate, passed } = aGate()
  gate.desk(datagrams(1, 2), send)
  gate.desk(datagrams(3), send)
  t.strictSame(passed, [])
  gate.open()
  gate.desk(datagrams(4), send)
  gate.open()
  t.strictSame(passed, [1, 2, 3, 4])
  t.end()
})

t.test('a shut gate stays shut', (t) => {
  const { gate, passed } = aGate()
  gate.desk(datagrams(1), send)
  gate.shut()
  gate.open()
  gate.desk(datagrams(2), send)
  t.strictSame(passed, [])
  t.end()
})

t.test('an open gate can be shut', (t) => {
  const { gate, passed } = aGate()
  gate.open()
  gate.desk(datagrams(1), send)
  gate.shut()
  gate.desk(datagrams(2), send)
  t.strictSame(passed, [1])
  t.end()
})

t.test('a flood before the gate does not fill the memory', (t) => {
  const { gate, passed } = aGate()
  for (let at = 0; at < 10_000; at++) gate.desk(datagrams(at), send)
  gate.open()
  t.equal(passed.length, 4_096)
  t.equal(passed[0], 0)
  t.end()
})
