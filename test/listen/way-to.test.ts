import t from 'tap'
import { proxyHeaders, wayTo, type Proxies } from '../../server/listen/way-to.ts'

const proxies: Proxies = { http: 'http://plain:3128', https: 'https://secure:3129' }

t.test('a URL is reached by the proxy of its scheme, if there is one', async (t) => {
  const cases: readonly (readonly [string, Proxies, string])[] = [
    ['http://mirror.example/x', proxies, 'forward http://plain:3128/'],
    ['https://mirror.example/x', proxies, 'tunnel https://secure:3129/'],
    ['https://mirror.example/x', { http: 'http://plain:3128' }, 'direct'],
    ['http://mirror.example/x', {}, 'direct'],
    ['http://mirror.example/x', { http: 'plain:3128' }, 'forward http://plain:3128/'],
  ]
  for (const [url, given, wanted] of cases) {
    const way = wayTo(new URL(url), given)
    t.equal(way.kind === 'direct' ? 'direct' : `${way.kind} ${way.proxy.href}`, wanted, url)
  }
})

t.test('hosts that need no proxy are found as curl finds them', async (t) => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['http://mirror.example/', 'mirror.example', true],
    ['http://MIRROR.example/', 'Mirror.Example', true],
    ['http://a.mirror.example/', 'mirror.example', true],
    ['http://a.mirror.example/', '.mirror.example', true],
    ['http://mirror.example/', '.mirror.example', true],
    ['http://a.mirror.example/', '*.mirror.example', true],
    ['http://notmirror.example/', 'mirror.example', false],
    ['http://mirror.example/', 'other, mirror.example', true],
    ['http://mirror.example/', 'other mirror.example', true],
    ['http://mirror.example/', '*', true],
    ['http://mirror.example/', '', false],
    ['http://mirror.example:8080/', 'mirror.example:8080', true],
    ['http://mirror.example:8081/', 'mirror.example:8080', false],
    ['http://mirror.example/', 'mirror.example:80', true],
    ['http://10.0.0.1/', '10.0.0.1', true],
    ['http://10.0.0.10/', '10.0.0.1', false],
    ['http://[fd00::1]/', 'fd00::1', true],
    ['http://[fd00::1]:8080/', '[fd00::1]:8080', true],
  ]
  for (const [url, none, isDirect] of cases) {
    t.equal(wayTo(new URL(url), { ...proxies, none }).kind === 'direct', isDirect, `${url} and ${none}`)
  }
})

t.test('a proxy is told the name and password that its URL has', async (t) => {
  t.strictSame(proxyHeaders(new URL('http://plain:3128')), {})
  t.strictSame(proxyHeaders(new URL('http://user:p%40ss@plain:3128')), {
    'proxy-authorization': `Basic ${Buffer.from('user:p@ss').toString('base64')}`,
  })
})
