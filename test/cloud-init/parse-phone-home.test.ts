import * as fc from 'fast-check'
import t from 'tap'
import { parsePhoneHome } from '../../server/cloud-init/parse-phone-home.ts'

t.test('the form of phone_home is read, and a key that is not there is absent', async (t) => {
  // As cc_phone_home.py of cloud-init 22.4.2 writes it: read with trailing line feeds, joined by urlencode.
  const body =
    'pub_key_rsa=N%2FA&pub_key_ecdsa=N%2FA&pub_key_ed25519=ssh-ed25519+AAAAC3Nza%2BC1%3D+root%40node-1%0A&instance_id=k3v7-5f0c&hostname=node-1&fqdn=node-1.lab.example'
  t.strictSame(parsePhoneHome(body), {
    kind: 'phone-home',
    phoneHome: {
      instanceId: 'k3v7-5f0c',
      hostname: 'node-1',
      fqdn: 'node-1.lab.example',
      hostKeys: ['ssh-ed25519 AAAAC3Nza+C1= root@node-1'],
    },
  })
  t.match(parsePhoneHome('instance_id=a&hostname=N%2FA\r\n'), {
    phoneHome: { instanceId: 'a', hostname: undefined, fqdn: undefined, hostKeys: [] },
  })
})

t.test('what is no form is refused with its reason', async (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ['', 'it has no instance_id'],
    ['hostname=a', 'it has no instance_id'],
    ['instance_id=N%2FA', 'it has no instance_id'],
    ['instance_id=a%zz', 'it is not a form'],
    ['instance_id=a%', 'it is not a form'],
    ['instance_id=a b', 'it is not a form'],
    ['{"instance_id": "a"}', 'it is not a form'],
    ['instance_id=\u0000', 'it is not a form'],
    [`instance_id=${'a'.repeat(70_000)}`, 'it has more than 65536 characters'],
  ]
  for (const [body, because] of cases)
    t.strictSame(parsePhoneHome(body), { kind: 'refused', because }, body.slice(0, 40))
})

t.test('what a machine tells is printable and short', async (t) => {
  const result = parsePhoneHome(
    `instance_id=a%1b%5b2J&hostname=${'h'.repeat(5_000)}&pub_key_rsa=${'k'.repeat(9_000)}`,
  )
  t.match(result, { phoneHome: { instanceId: 'a\u{fffd}[2J' } })
  if (result.kind === 'phone-home') {
    t.equal(result.phoneHome.hostname?.length, 120)
    t.equal(result.phoneHome.hostKeys[0]?.length, 4_096)
  }
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((text) => `instance_id=${text}`),
      ),
      (body) => ['phone-home', 'refused'].includes(parsePhoneHome(body).kind),
    ),
  )
})
