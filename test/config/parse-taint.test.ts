import t from 'tap'
import { parseTaint } from '../../server/config/parse-taint.ts'

t.test('a taint is read as kubectl writes it', async (t) => {
  t.strictSame(parseTaint('dedicated=gpu:NoSchedule'), {
    key: 'dedicated',
    value: 'gpu',
    effect: 'NoSchedule',
  })
  const key = 'node-role.kubernetes.io/control-plane'
  t.strictSame(parseTaint(`${key}:PreferNoSchedule`), { key, effect: 'PreferNoSchedule' })
  t.strictSame(parseTaint('a=:NoExecute'), { key: 'a', effect: 'NoExecute' })
})

t.test('what Kubernetes would refuse is no taint', async (t) => {
  const wrong = ['', 'a', 'a=b', ':NoSchedule', 'a:b:NoSchedule', 'a=b c:NoSchedule', 'a/b/c:NoSchedule']
  wrong.push('a:noschedule', 'a:NoSchedule-', '-a:NoSchedule', `${'k'.repeat(64)}:NoSchedule`)
  wrong.push(`a=${'v'.repeat(64)}:NoSchedule`, 'a=b:NoSchedule\n')
  for (const text of wrong) t.equal(parseTaint(text), undefined, text)
})
