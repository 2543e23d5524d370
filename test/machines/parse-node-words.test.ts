import t from 'tap'
import { parseNodeWords } from '../../server/machines/parse-node-words.ts'

const parse = (body: string) => parseNodeWords(body, 'form 1', ['nonce', 'key'])

t.test('each word once, in any order, with or without a last line end', async (t) => {
  for (const body of ['form 1\nnonce a\nkey b\n', 'form 1\nkey b\nnonce a']) {
    t.strictSame(parse(body), { kind: 'words', words: { nonce: 'a', key: 'b' } })
  }
})

t.test('anything else is refused with what is wrong', async (t) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /first line/],
    ['form 2\nnonce a\nkey b', /first line is not “form 1”/],
    ['form 1\r\nnonce a\r\nkey b\r\n', /first line/],
    ['form 1\nnonce a', /each once/],
    ['form 1\nnonce a\nnonce b', /no line key/],
    ['form 1\nnonce a\nkey b\nkey c', /each once/],
    ['form 1\nnonce a\nother b', /a line other than nonce, key/],
    ['form 1\nnonce a\nkey b c', /a line other/],
    ['form 1\nnonce a\nkey \u0007', /a line other/],
    ['form 1\nnonce a\nkey', /a line other/],
    ['form 1\nnonce a\nconstructor b', /a line other/],
    ['form 1\nnonce a\n__proto__ b', /a line other/],
  ]
  for (const [body, because] of cases)
    t.match(parse(body), { kind: 'refused', because }, JSON.stringify(body))
})
