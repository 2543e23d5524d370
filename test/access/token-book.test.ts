import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import t from 'tap'
import { hashOf, holdsToken, tokenIdOf, tokenText, type ApiToken } from '../../server/access/api-token.ts'
import { mayActAs, roles } from '../../server/access/role.ts'
import { TokenBook } from '../../server/access/token-book.ts'

const hour = 3_600_000
const day = 24 * hour

/** A book whose writes are kept, and fail when told to. */
function aBook(tokens: readonly ApiToken[] = []) {
  const saved: ApiToken[] = []
  const forgotten: string[] = []
  const state = { now: 1_000 * day, fails: false, chance: tokens.length * 1_000 }
  const book = new TokenBook(tokens, {
    save: async (some) => {
      if (state.fails) return await Promise.reject(new Error('the disk is full'))
      saved.push(...some)
      return await Promise.resolve()
    },
    forget: async (ids) => await Promise.resolve(void forgotten.push(...ids)),
    now: () => state.now,
    // Never the same twice, as chance is.
    chance: (count) => createHash('sha256').update(String(++state.chance)).digest().subarray(0, count),
  })
  return { book, saved, forgotten, state }
}

async function made(book: TokenBook, name: string, seconds = 86_400) {
  const answer = await book.make({ name, role: 'operator', seconds, by: 'a test' })
  if (answer.kind === 'refused') throw new Error(answer.because)
  return answer
}

t.test('a token that was made lets in, with its role, and only its hash is stored', async (t) => {
  const { book, saved } = aBook()
  const { text, token } = await made(book, 'ci')
  t.match(text, /^iw_[0-9a-hjkmnp-tv-z]{8}_[0-9a-f]{64}$/)
  t.match(book.check(text), { kind: 'good', token: { name: 'ci', role: 'operator' } })
  t.equal(token.hash, createHash('sha256').update(text).digest('hex'))
  const secret = text.slice(-64)
  t.notOk(JSON.stringify([saved, book.list(), token]).includes(secret), 'the secret is nowhere')
})

t.test('no other text lets in, and what is said of it holds nothing of it', async (t) => {
  const { book } = aBook()
  const { text } = await made(book, 'ci')
  const wrong = [
    '',
    'iw_',
    text.slice(0, -1),
    `${text}0`,
    text.toUpperCase(),
    text.slice(0, -1) + (text.endsWith('0') ? '1' : '0'),
    tokenText('00000000', new Uint8Array(32)),
    'hunter2',
  ]
  for (const shown of wrong) {
    const checked = book.check(shown)
    t.match(checked, { kind: 'bad' }, shown)
    if (checked.kind === 'bad' && shown.length > 3) t.notOk(checked.because.includes(shown), checked.because)
  }
  fc.assert(fc.property(fc.string(), (shown) => book.check(shown).kind === 'bad'))
})

t.test('a token ends when its time is over, and says so only to who holds it', async (t) => {
  const { book, state } = aBook()
  const { text, token } = await made(book, 'ci', 60)
  state.now += 59_999
  t.equal(book.check(text).kind, 'good')
  t.ok(book.isGood(token.id))
  state.now += 1
  t.match(book.check(text), { kind: 'bad', because: /^the token ci ended on 1972-09-27 00:01 UTC$/ })
  t.notOk(book.isGood(token.id))
  const guessed = tokenText(token.id, new Uint8Array(32))
  t.match(book.check(guessed), { kind: 'bad', because: 'there is no such token' })
})

t.test('a token that is revoked lets in no longer, also when the disk fails', async (t) => {
  const { book, saved, state } = aBook()
  const { text, token } = await made(book, 'ci')
  state.fails = true
  await t.rejects(book.revoke('ci'), /the disk is full/)
  t.match(book.check(text), { kind: 'bad', because: 'the token ci was revoked' })
  state.fails = false
  t.match(await book.revoke(token.id), { kind: 'revoked' }, 'it can be tried again, by its identifier')
  t.match(saved.at(-1), { id: token.id, revokedAt: 1_000 * day })
  t.match(await book.revoke('nobody'), { kind: 'refused', because: 'there is no token nobody' })
})

t.test('a token that could not be stored does not exist', async (t) => {
  const { book, state } = aBook()
  state.fails = true
  await t.rejects(made(book, 'ci'), /the disk is full/)
  t.strictSame(book.list(), [])
})

t.test('a name is given once at a time', async (t) => {
  const { book } = aBook()
  await made(book, 'ci')
  t.match(await book.make({ name: 'ci', role: 'viewer', seconds: 60, by: 'a test' }), {
    kind: 'refused',
    because: /there is a token ci already/,
  })
  await book.revoke('ci')
  const next = await made(book, 'ci')
  t.equal(book.check(next.text).kind, 'good')
})

t.test('when a token was last used is written at most once an hour', async (t) => {
  const { book, saved, state } = aBook()
  const { text } = await made(book, 'ci')
  for (let minute = 0; minute < 120; minute++) {
    book.check(text)
    state.now += 60_000
  }
  const uses = saved.map(({ lastUsedAt }) => lastUsedAt).filter((at) => at !== undefined)
  t.strictSame(uses, [1_000 * day, 1_000 * day + hour])
})

t.test('a use that cannot be written lets in all the same', async (t) => {
  const { book, state } = aBook()
  const { text } = await made(book, 'ci')
  state.fails = true
  t.equal(book.check(text).kind, 'good')
})

t.test('tokens live on after a new start, and old ones are forgotten when another is made', async (t) => {
  const first = aBook()
  const { text } = await made(first.book, 'ci', 60)
  const second = aBook(first.saved)
  t.match(second.book.check(text), { kind: 'good', token: { name: 'ci' } })
  second.state.now += 91 * day
  t.match(second.book.check(text), { because: /ended/ })
  await made(second.book, 'new')
  t.strictSame(second.forgotten, [first.saved[0]?.id])
  t.match(second.book.check(text), { because: 'there is no such token' })
})

t.test('there is an end to the number of tokens', async (t) => {
  const { book } = aBook()
  for (let count = 0; count < 1_000; count++) await made(book, `t${count}`)
  t.match(await book.make({ name: 'more', role: 'viewer', seconds: 60, by: 'a test' }), {
    kind: 'refused',
    because: /1000 tokens; revoke those that nobody uses/,
  })
})

t.test('the identifier of a token is read from its text, and a token is found within a text', async (t) => {
  const text = tokenText('0a1b2c3d', new Uint8Array(32))
  t.equal(tokenIdOf(text), '0a1b2c3d')
  t.equal(tokenIdOf(` ${text}`), undefined)
  t.equal(hashOf(text).length, 64)
  t.ok(holdsToken(`/api/v1/status?x=${text}`))
  t.ok(holdsToken(`/${text.slice(0, 20)}`))
  t.notOk(holdsToken('/api/v1/machines/iw_box'))
})

t.test('each role may do what those before it may', async (t) => {
  const may = roles.map((role) => roles.map((least) => mayActAs(role, least)))
  t.strictSame(may, [
    [true, false, false],
    [true, true, false],
    [true, true, true],
  ])
})
