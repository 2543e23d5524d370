import t from 'tap'
import { makeKeys } from '../../server/clusters/key-pair.ts'
import { readKubeconfig } from '../../server/clusters/read-kubeconfig.ts'
import { writeKubeconfig } from '../../server/clusters/write-kubeconfig.ts'
import { aKubeconfig, base64, ca, client } from './a-kubeconfig.ts'

t.test('the current context says which cluster and which user', async (t) => {
  const target = {
    server: 'https://10.1.0.10:6443',
    ca,
    tlsServerName: undefined,
    credential: { kind: 'token', token: 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln' },
  }
  t.strictSame(readKubeconfig(aKubeconfig(), undefined), { kind: 'target', target })
  t.strictSame(readKubeconfig(aKubeconfig({ current: '' }), 'box@prod'), { kind: 'target', target })
})

t.test('what we write we read', async (t) => {
  const { certificate, privateKey } = client
  const text = writeKubeconfig({
    cluster: 'no',
    server: 'https://k8s.example:443',
    ca,
    user: 'kubernetes-admin',
    certificate,
    privateKey,
  })
  t.strictSame(readKubeconfig(text, undefined), {
    kind: 'target',
    target: {
      server: 'https://k8s.example',
      ca,
      tlsServerName: undefined,
      credential: { kind: 'certificate', certificate, privateKey },
    },
  })
})

t.test('a kubeconfig that cannot be used is refused with the reason', async (t) => {
  const other = await makeKeys()
  const refusals: readonly (readonly [text: string, context: string | undefined, because: RegExp])[] = [
    ['{', undefined, /is not YAML/],
    ['hello', undefined, /is not a kubeconfig, which is YAML with clusters, contexts and users/],
    ['current-context: [x]', undefined, /is not a kubeconfig: current-context is not as it should be/],
    ['a: &a [1]\nb: *a\n', undefined, /aliases/],
    [aKubeconfig({ current: '' }), undefined, /no current-context.*box@prod, broken, without/],
    [aKubeconfig(), 'nowhere', /no context with the name nowhere/],
    [aKubeconfig(), 'broken', /no cluster with the name missing/],
    [aKubeconfig(), 'without', /neither a token nor a client certificate/],
    [aKubeconfig({ cluster: { server: 'http://10.1.0.10:8080' } }), undefined, /not reached by https/],
    [aKubeconfig({ cluster: { server: 'https://a:b@10.1.0.10' } }), undefined, /more than a host/],
    [aKubeconfig({ cluster: { 'insecure-skip-tls-verify': true } }), undefined, /insecure-skip-tls-verify/],
    [aKubeconfig({ cluster: { 'certificate-authority': '/etc/ca.crt' } }), undefined, /--flatten/],
    [
      aKubeconfig({ cluster: { 'certificate-authority-data': '' } }),
      undefined,
      /no certificate-authority-data/,
    ],
    [aKubeconfig({ cluster: { 'certificate-authority-data': base64('x') } }), undefined, /not PEM/],
    [
      aKubeconfig({ cluster: { 'certificate-authority-data': base64(client.certificate) } }),
      undefined,
      /no authority/,
    ],
    [aKubeconfig({ cluster: { 'proxy-url': 'http://p:3128' } }), undefined, /proxy-url/],
    [aKubeconfig({ user: { exec: { command: 'aws' } } }), undefined, /starts a program/],
    [aKubeconfig({ user: { tokenFile: '/etc/shadow' } }), undefined, /names a file/],
    [aKubeconfig({ user: { 'client-key': '/etc/shadow' } }), undefined, /names a file/],
    [aKubeconfig({ user: { username: 'root', password: 'x' } }), undefined, /knows no more/],
    [aKubeconfig({ user: { token: 'a\r\nHost: b' } }), undefined, /no token has/],
    [
      aKubeconfig({
        user: {
          'client-certificate-data': base64(client.certificate),
          'client-key-data': base64(other.privateKey),
        },
      }),
      undefined,
      /is not the key of/,
    ],
    ['x'.repeat(1024 * 1024 + 1), undefined, /larger than 1 MiB/],
  ]
  for (const [text, context, because] of refusals) {
    t.match(readKubeconfig(text, context), { kind: 'refused', because }, because.source)
  }
})
