import type { Ipv4 } from '../wire/ipv4.ts'
import { printable } from '../wire/text.ts'
import { memberIdText, type EtcdMember } from './etcd-member.ts'

/** A control plane whose system is lost, as its member of etcd knows it. */
export type LostControlPlane = {
  /** The name of its Node, which kubeadm makes that of its member. */
  readonly node: string
  /** Where it stands, and where it stood before. */
  readonly addresses: readonly Ipv4[]
}

/**
 * What a member has said that was asked. `agrees`: it read what a majority agrees on. `answers`: something answered at its address, be it in
 * other words. `silent`: nobody did.
 */
export type MemberWord = 'agrees' | 'answers' | 'silent'

export type FoundMember =
  | { readonly kind: 'none' }
  | { readonly kind: 'member'; readonly member: EtcdMember }
  /** There is one that may be it, and may be another's. */
  | { readonly kind: 'unclear'; readonly because: string }

/** kubeadm's `EtcdListenPeerPort` and `EtcdListenClientPort`. */
const peerPort = 2_380
const clientPort = 2_379

/** Which member of etcd is that of a lost control plane: by its name and by where it stands, as either alone may be another's by now. */
export function memberOf(lost: LostControlPlane, members: readonly EtcdMember[]): FoundMember {
  const { node, addresses } = lost
  const urls = addresses.map((address) => `https://${address}:${peerPort}`)
  const isThere = ({ peerUrls }: EtcdMember): boolean => peerUrls.some((url) => urls.includes(url))
  // One that has not started yet has no name.
  const found = members.filter((one) => isThere(one) && (one.name === node || one.name === ''))
  const other = members.find((one) => !found.includes(one) && (isThere(one) || one.name === node))
  if (other !== undefined) {
    const { id, name, peerUrls } = other
    const [where, known] = [printable(peerUrls.join(', '), 200), addresses.join(' and ')]
    const because =
      name === node
        ? `etcd has a member ${node} at ${where}, and ${known === '' ? `where ${node} stood is not known here` : `${node} stands at ${known}`}`
        : `etcd has a member ${printable(name, 80)} at ${where}, where ${node} stands`
    return { kind: 'unclear', because: `${because}: ${byHand('if that is lost, take it out', id)}` }
  }
  const [member] = found
  return member === undefined ? { kind: 'none' } : { kind: 'member', member }
}

/** Where a member is asked: where it says that clients reach it, and where kubeadm would have it serve them. */
export function clientUrlsOf({ clientUrls, peerUrls }: EtcdMember): readonly string[] {
  const usual = peerUrls.flatMap((url) => {
    const host = hostIn(url)
    return host === undefined ? [] : [`https://${host}:${clientPort}`]
  })
  const told = clientUrls.filter((url) => hostIn(url) !== undefined)
  return [...new Set([...told, ...usual])]
}

function hostIn(url: string): string | undefined {
  return /^https:\/\/([0-9.]{7,15}):[0-9]{1,5}$/.exec(url)?.[1]
}

/**
 * Why a member must stay in etcd; `undefined` where it may be taken out. It must not answer, as one that does may be alive, and of the others
 * more than half must agree, without which etcd takes nobody out and answers nobody.
 */
export function whyMemberStays(
  member: EtcdMember,
  members: readonly EtcdMember[],
  words: ReadonlyMap<string, MemberWord>,
): string | undefined {
  const { id } = member
  const name = member.name === '' ? `the member ${memberIdText(id)}` : `the member ${member.name}`
  const others = members.filter((one) => one.id !== id && !one.isLearner)
  if (others.length === 0) {
    return `${name} is the only one of etcd that votes, and all that the cluster knows is lost with it: bring its system back, or restore etcd from a snapshot`
  }
  const word = words.get(id) ?? 'answers'
  if (word !== 'silent') {
    const where = clientUrlsOf(member).join(', ')
    return `${name} of etcd still answers at ${where}, so that a system of it seems to run: switch that off; or ${byHand('take it out', id)}`
  }
  const away = others.filter((one) => words.get(one.id) !== 'agrees')
  const needed = Math.floor(others.length / 2) + 1
  const agreeing = others.length - away.length
  if (agreeing >= needed) return undefined
  const named = away.map((one) => (one.name === '' ? memberIdText(one.id) : printable(one.name, 80)))
  return `${agreeing} of the other ${others.length} members of etcd that vote agree, and ${needed} are needed without ${name}: see to ${named.join(', ')} first`
}

/** The next step of a person. */
export function byHand(what: string, id: string): string {
  return `${what} on another control plane (etcdctl member remove ${memberIdText(id)})`
}
