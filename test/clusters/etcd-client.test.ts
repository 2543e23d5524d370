import t from 'tap'
import { etcdClient } from '../../server/clusters/etcd-client.ts'
import type { KubeRequest } from '../../server/clusters/kube-transport.ts'

/** A client whose transport brings these answers, one after another, and what it was asked. */
function aClient(...answers: readonly (readonly [number, string | readonly string[]])[]) {
  const asked: KubeRequest[] = []
  const closed: number[] = []
  const client = etcdClient({
    async send(request) {
      asked.push(request)
      const [status, text] = answers[asked.length - 1] ?? [500, '']
      const parts = typeof text === 'string' ? [text] : text
      return await Promise.resolve({
        status,
        retryAfter: undefined,
        body: (async function* () {
          for (const part of parts) yield await Promise.resolve(Buffer.from(part))
        })(),
        close: () => void closed.push(asked.length),
      })
    },
    [Symbol.asyncDispose]: async () => {},
  })
  return { client, asked, closed }
}

const { signal: over } = new AbortController()

t.test('what is asked is JSON of etcd’s v3 API', async (t) => {
  const { client, asked } = aClient([200, '{"members":[{"ID":"7"}]}'], [200, '{}'], [200, '{}'], [200, '{}'])
  t.match(await client.listMembers(over), [{ id: '7' }])
  await client.answer(over)
  await client.agree(over)
  await client.removeMember('18446744073709551615', over)
  t.strictSame(
    asked.map(({ method, path, body }) => `${method} ${path} ${body?.text}`),
    [
      'POST /v3/cluster/member/list {"linearizable":true}',
      'POST /v3/maintenance/status {}',
      'POST /v3/kv/range {"key":"aGVhbHRo","keys_only":true,"limit":"1"}',
      'POST /v3/cluster/member/remove {"ID":"18446744073709551615"}',
    ],
    'an identifier keeps all of its 64 bits',
  )
})

t.test('what etcd refuses is told in its words', async (t) => {
  const { client } = aClient(
    [404, '{"error":"etcdserver: member not found","code":5}'],
    [503, '{"code":14,"message":"etcdserver: unhealthy cluster"}'],
    [400, '{}'],
    [403, '[]'],
  )
  const faults = [
    { kind: 'not-found', message: 'etcd answers 404: etcdserver: member not found.' },
    { kind: 'busy', message: 'etcd answers 503: etcdserver: unhealthy cluster.' },
    { kind: 'refused', message: 'etcd answers 400: it gives no reason.' },
    { kind: 'forbidden', message: 'etcd answers 403: it gives no reason.' },
  ]
  for (const { kind, message } of faults) await t.rejects(client.removeMember('7', over), { kind, message })
})

t.test('who does not speak as etcd does is told so, and is not read without end', async (t) => {
  const { client, closed } = aClient([200, '<html>'], [200, '{}'], [200, Array(300).fill('x'.repeat(1024))])
  await t.rejects(client.listMembers(over), { kind: 'malformed', message: /not JSON/ })
  await t.rejects(client.listMembers(over), { kind: 'malformed', message: /list of members/ })
  await t.rejects(client.listMembers(over), { kind: 'malformed', message: /larger than 256 KiB/ })
  t.strictSame(closed, [3])
})
