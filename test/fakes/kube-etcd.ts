import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { json } from 'node:stream/consumers'

export type EtcdPlace = {
  /** As `https://127.0.0.1:2379`. */
  readonly server: string
  readonly ca: string
  readonly certificate: string
  readonly privateKey: string
}

/** What others have written since the last look, by the paths of the objects. */
export type KubeNews = {
  /** That of the whole cluster. */
  readonly version: number
  readonly changed: readonly { readonly path: string; readonly text: string }[]
  readonly gone: readonly string[]
}

const folder = '/registry'
/** The version of the cluster: whoever writes anything writes this too, and only where nobody else has meanwhile. */
const guard = `${folder}-version`
const patienceMs = 20_000

/**
 * The objects of a cluster in a real etcd, by its JSON gateway over mutual TLS: read as all its members agree, and written
 * when nothing was written since that.
 */
export class KubeEtcd {
  readonly #place: EtcdPlace
  readonly #agent: Agent
  #known = new Set<string>()
  /** Of etcd, up to which everything is known. */
  #revision = 0
  #guardRevision = '0'

  constructor(place: EtcdPlace) {
    this.#place = place
    const { ca, certificate: cert, privateKey: key } = place
    this.#agent = new Agent({ keepAlive: true, ca, cert, key })
  }

  async read(): Promise<KubeNews> {
    const all = { key: encoded(`${folder}/`), range_end: encoded(`${folder}0`) }
    const { header, responses = [] } = await this.#ask({
      success: [
        { request_range: { key: encoded(guard) } },
        { request_range: { ...all, keys_only: true } },
        { request_range: { ...all, min_mod_revision: String(this.#revision + 1) } },
      ],
    })
    const [guards = [], present = [], fresh = []] = responses.map((one) => one.response_range?.kvs ?? [])
    const there = new Set(present.map(({ key }) => decoded(key)))
    const gone = [...this.#known].filter((key) => !there.has(key))
    this.#known = there
    this.#revision = Number(header.revision)
    this.#guardRevision = guards[0]?.mod_revision ?? '0'
    return {
      version: Number(decoded(guards[0]?.value ?? '')),
      changed: fresh.map(({ key, value = '' }) => ({ path: pathOf(decoded(key)), text: decoded(value) })),
      gone: gone.map(pathOf),
    }
  }

  /** Whether it is kept; it is not where somebody has written since it was read last. */
  async write(
    version: number,
    puts: ReadonlyMap<string, string>,
    deletes: readonly string[],
  ): Promise<boolean> {
    const { header, succeeded } = await this.#ask({
      compare: [{ key: encoded(guard), target: 'MOD', result: 'EQUAL', mod_revision: this.#guardRevision }],
      success: [
        { request_put: { key: encoded(guard), value: encoded(String(version)) } },
        ...[...puts].map(([path, text]) => ({
          request_put: { key: encoded(folder + path), value: encoded(text) },
        })),
        ...deletes.map((path) => ({ request_delete_range: { key: encoded(folder + path) } })),
      ],
    })
    if (succeeded !== true) return false
    this.#revision = Number(header.revision)
    this.#guardRevision = header.revision
    for (const path of puts.keys()) this.#known.add(folder + path)
    for (const path of deletes) this.#known.delete(folder + path)
    return true
  }

  async #ask(transaction: unknown): Promise<Answered> {
    const asking = request(`${this.#place.server}/v3/kv/txn`, {
      method: 'POST',
      agent: this.#agent,
      signal: AbortSignal.timeout(patienceMs),
    })
    asking.end(JSON.stringify(transaction))
    const [answer] = (await once(asking, 'response')) as [Parameters<typeof json>[0]]
    const value = (await json(answer)) as Answered
    if (value.error !== undefined) throw new Error(value.error)
    return value
  }
}

type Pair = { readonly key: string; readonly value?: string; readonly mod_revision: string }
type Answered = {
  readonly error?: string
  readonly header: { readonly revision: string }
  readonly succeeded?: boolean
  readonly responses?: readonly { readonly response_range?: { readonly kvs?: readonly Pair[] } }[]
}

function pathOf(key: string): string {
  return key.slice(folder.length)
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64')
}

function decoded(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8')
}
