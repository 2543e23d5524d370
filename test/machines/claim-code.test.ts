import { ok } from 'node:assert'
import * as fc from 'fast-check'
import t from 'tap'
import { claimCode, parseClaimCode } from '../../server/machines/claim-code.ts'

t.test('a code is six letters in two halves, and none of them is taken for another', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
      const code = claimCode(() => bytes)
      ok(/^[A-Z]{3}-[A-Z]{3}$/.test(code), code)
      // Vowels make words; the others look or sound like one that is there.
      ok(!/[AEIOULNSVY]/.test(code), code)
    }),
  )
  t.end()
})

t.test('every letter comes of as many bytes as any other', (t) => {
  const counts = new Map<string, number>()
  for (let byte = 0; byte < 256; byte++) {
    const [letter = ''] = claimCode(() => new Uint8Array(6).fill(byte))
    counts.set(letter, (counts.get(letter) ?? 0) + 1)
  }
  t.equal(counts.size, 16)
  t.same(new Set(counts.values()), new Set([16]))
  t.end()
})

t.test('a code is read however a person types it', (t) => {
  for (const typed of ['KTW-RXP', 'ktwrxp', 'ktw rxp', ' Ktw-rXp ', 'k-t-w-r-x-p']) {
    t.equal(parseClaimCode(typed), 'KTW-RXP', typed)
  }
  t.end()
})

t.test('what is no code is none', (t) => {
  for (const typed of ['', 'KTW-RX', 'KTW-RXPB', 'KTW-RXO', 'KTW-RX1', 'KTW_RXP', 'node-1', 'ＫTW-RXP']) {
    t.equal(parseClaimCode(typed), undefined, typed)
  }
  t.end()
})
