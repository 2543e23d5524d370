import t from 'tap'
import { etcdMembers, memberIdText, type EtcdMember } from '../../server/clusters/etcd-member.ts'
import { clientUrlsOf, memberOf, whyMemberStays, type MemberWord } from '../../server/clusters/lost-member.ts'
import type { Ipv4 } from '../../server/wire/ipv4.ts'

/** A member as it is drawn: its name, `*` for a learner, `@` and the last number of its address. */
function aMember(drawn: string): EtcdMember {
  const [, name = '', learner, number = '0'] = /^([a-z0-9-]*)(\*?)@([0-9]+)$/.exec(drawn) ?? []
  const clientUrls = name === '' ? [] : [`https://10.0.0.${number}:2379`]
  const peerUrls = [`https://10.0.0.${number}:2380`]
  return { id: String(16 + Number(number)), name, peerUrls, clientUrls, isLearner: learner === '*' }
}

function members(drawn: string): readonly EtcdMember[] {
  return drawn.split(' ').map(aMember)
}

const three = 'n1@1 n2@2 n3@3'

const searches: readonly (readonly [string, string, readonly string[], string | RegExp | undefined])[] = [
  ['by name and address', three, ['10.0.0.3'], '19'],
  ['one that is none is none', 'n1@1 n2@2', ['10.0.0.3'], undefined],
  ['where it stood before counts too', three, ['10.0.0.9', '10.0.0.3'], '19'],
  ['one that has not started has no name', 'n1@1 n2@2 @3', ['10.0.0.3'], '19'],
  ['one that has not started elsewhere is another', 'n1@1 n2@2 @4', ['10.0.0.3'], undefined],
  ['a learner is one', 'n1@1 n2@2 n3*@3', ['10.0.0.3'], '19'],
  [
    'its name elsewhere may be another',
    three,
    ['10.0.0.9'],
    /a member n3 at https:\/\/10.0.0.3:2380, and n3 stands at 10.0.0.9: .*remove 13\)/,
  ],
  ['its name where no address is known', three, [], /where n3 stood is not known here/],
  [
    'another name at its address',
    'n1@1 n2@2 x@3',
    ['10.0.0.3'],
    /a member x at https:\/\/10.0.0.3:2380, where n3 stands: .*remove 13\)/,
  ],
  ['a second of its name', 'n1@1 n3@3 n3@4', ['10.0.0.3'], /a member n3 at https:\/\/10.0.0.4:2380/],
  ['of two that are it the first', 'n1@1 n3@3 @4', ['10.0.0.4', '10.0.0.3'], '19'],
]

t.test('a lost control plane is known by its name and where it stood', async (t) => {
  for (const [claim, drawn, addresses, wanted] of searches) {
    const found = memberOf({ node: 'n3', addresses: addresses as Ipv4[] }, members(drawn))
    if (wanted === undefined) t.strictSame(found, { kind: 'none' }, claim)
    else if (typeof wanted === 'string') t.match(found, { kind: 'member', member: { id: wanted } }, claim)
    else t.match(found, { kind: 'unclear', because: wanted }, claim)
  }
})

/** Each word for a member in turn: `a` agrees, `+` answers, `.` silent, `?` was not asked. The last one is lost. */
const removals: readonly (readonly [string, string, string, RegExp | undefined])[] = [
  ['of three, where the others agree, it goes', three, 'aa.', undefined],
  ['one that answers stays', three, 'aa+', /n3 of etcd still answers at https:\/\/10.0.0.3:2379/],
  ['as does one that agrees', three, 'aaa', /still answers/],
  ['as does one that was not asked', three, 'aa?', /still answers/],
  ['half of the others are too few', three, 'a..', /1 of the other 2 .* 2 are needed .*: see to n2 first/],
  ['an answer alone agrees to nothing', three, 'a+.', /1 of the other 2 .* see to n2 first/],
  ['of two the other must agree', 'n1@1 n3@3', 'a.', undefined],
  ['and where it cannot nothing is done', 'n1@1 n3@3', '+.', /0 of the other 1 .* 1 are needed.* see to n1/],
  ['the only one stays', 'n3@3', '.', /only one of etcd that votes/],
  ['also beside a learner', 'n1*@1 n3@3', 'a.', /only one of etcd that votes/],
  ['of four one other may be away', 'n1@1 n2@2 n4@4 n3@3', 'aa..', undefined],
  ['two may not', 'n1@1 n2@2 n4@4 n3@3', 'a...', /1 of the other 3 .* 2 are needed .*: see to n2, n4 first/],
  ['of five one other may be away', 'n1@1 n2@2 n4@4 n5@5 n3@3', 'aaa..', undefined],
  ['two may not', 'n1@1 n2@2 n4@4 n5@5 n3@3', 'aa...', /2 of the other 4 .* 3 are needed/],
  ['a learner has no vote among the others', 'n1@1 n2*@2 n3@3', 'a..', undefined],
  ['a learner that is silent goes', 'n1@1 n2@2 n3*@3', 'aa.', undefined],
  ['but not where nobody could agree to it', 'n1@1 n2@2 n3*@3', 'a..', /1 of the other 2/],
  ['one that never started goes', 'n1@1 n2@2 @3', 'aa.', undefined],
  ['one that never started and answers stays', 'n1@1 n2@2 @3', 'aa+', /the member 13 of etcd still answers/],
]

const meanings: Readonly<Record<string, MemberWord>> = { a: 'agrees', '+': 'answers', '.': 'silent' }

t.test('a member goes only where it is silent and more than half of the others agree', async (t) => {
  for (const [claim, drawn, said, wanted] of removals) {
    const all = members(drawn)
    const words = new Map<string, MemberWord>()
    for (const [index, { id }] of all.entries()) {
      const word = meanings[said[index] ?? '']
      if (word !== undefined) words.set(id, word)
    }
    const because = whyMemberStays(all.at(-1)!, all, words)
    const name = `${claim}: ${drawn} ${said}`
    if (wanted === undefined) t.equal(because, undefined, name)
    else t.match(because, wanted, name)
  }
})

t.test(
  'a member is asked where it says and where kubeadm puts it, and nowhere by a name or in the clear',
  async (t) => {
    t.strictSame(clientUrlsOf(aMember('n3@3')), ['https://10.0.0.3:2379'])
    t.strictSame(clientUrlsOf(aMember('@3')), ['https://10.0.0.3:2379'])
    const clientUrls = [
      'http://10.0.0.3:2379',
      'https://evil.example:2379',
      'https://10.0.0.3:9/x',
      'https://10.0.0.4:1',
    ]
    t.strictSame(clientUrlsOf({ ...aMember('n3@3'), clientUrls }), [
      'https://10.0.0.4:1',
      'https://10.0.0.3:2379',
    ])
  },
)

t.test('a list of members is read as etcd writes it, and nothing else', async (t) => {
  const id = '10276657743932975437'
  const urls = { peerURLs: ['https://10.0.0.1:2380'], clientURLs: ['https://10.0.0.1:2379'] }
  t.strictSame(
    etcdMembers({
      header: {},
      members: [
        { ID: id, name: 'n1', ...urls },
        { ID: '2', isLearner: true },
      ],
    }),
    [
      { id, name: 'n1', peerUrls: urls.peerURLs, clientUrls: urls.clientURLs, isLearner: false },
      { id: '2', name: '', peerUrls: [], clientUrls: [], isLearner: true },
    ],
  )
  t.equal(memberIdText(id), '8e9e05c52164694d')
  for (const wrong of [
    undefined,
    {},
    { members: [] },
    { members: [{ ID: 1 }] },
    { members: [{ ID: '0x1' }] },
    { members: [{ ID: '1', name: 'n'.repeat(301) }] },
    { members: Array.from({ length: 65 }, (_, index) => ({ ID: String(index) })) },
  ])
    t.equal(etcdMembers(wrong), undefined)
})
