/** What Kubernetes keeps: any object, by its name. */
export type KubeObject = {
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid: string
    readonly resourceVersion: string
    readonly creationTimestamp: string
    readonly [key: string]: unknown
  }
  readonly [key: string]: unknown
}

export type KubeChange = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject }

/** A refusal with its status, as a `Status` of the API. */
export class KubeRefusal extends Error {
  readonly code: number
  readonly reason: string

  constructor(code: number, reason: string, message: string) {
    super(message)
    this.code = code
    this.reason = reason
  }
}

type Kept = { readonly change: KubeChange; readonly version: number }

/** The version of a whole cluster; and while a turn is under way, what it wrote, which nobody is told before it is kept. */
export type KubeVersions = { now: number; turn?: KubeWrite[] }

export type KubeWrite = {
  readonly objects: KubeObjects
  readonly change: KubeChange
  /** What was there before it. */
  readonly before: KubeObject | undefined
}

/**
 * Objects of one kind with the semantics of the API: one version that grows with each write of the whole cluster, writes
 * that fail when they rest on an older one, and a history from which a watch goes on until it is forgotten.
 */
export class KubeObjects {
  readonly #objects = new Map<string, KubeObject>()
  readonly #versions: KubeVersions
  readonly #resource: string
  readonly #historyLength: number
  /** What follows from a change in the same write. */
  readonly #follow: ((change: KubeChange) => void) | undefined
  #history: Kept[] = []
  /** Changes up to this one are forgotten. */
  #forgotten = 0
  readonly #listeners = new Set<(change: KubeChange) => void>()

  constructor(
    resource: string,
    versions: KubeVersions,
    historyLength: number,
    follow?: (change: KubeChange) => void,
  ) {
    this.#resource = resource
    this.#follow = follow
    this.#versions = versions
    this.#historyLength = historyLength
    this.#forgotten = versions.now
  }

  all(): readonly KubeObject[] {
    return [...this.#objects.values()].toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  }

  has(name: string): boolean {
    return this.#objects.has(name)
  }

  get(name: string): KubeObject {
    const found = this.#objects.get(name)
    if (found === undefined) throw new KubeRefusal(404, 'NotFound', `${this.#resource} "${name}" not found`)
    return found
  }

  create(wanted: { readonly metadata: { readonly name: string } }): KubeObject {
    const { name } = wanted.metadata
    if (this.#objects.has(name)) {
      throw new KubeRefusal(409, 'AlreadyExists', `${this.#resource} "${name}" already exists`)
    }
    const metadata = {
      ...wanted.metadata,
      uid: crypto.randomUUID(),
      creationTimestamp: new Date().toISOString(),
    }
    return this.#write('ADDED', { ...wanted, metadata: { ...metadata, resourceVersion: '' } })
  }

  /** RFC 7396. A version in the patch must be the present one. */
  merge(name: string, patch: Readonly<Record<string, unknown>>): KubeObject {
    const before = this.get(name)
    const asked = (patch['metadata'] as { resourceVersion?: unknown } | undefined)?.resourceVersion
    if (asked !== undefined && asked !== before.metadata.resourceVersion) {
      throw new KubeRefusal(
        409,
        'Conflict',
        `Operation cannot be fulfilled on ${this.#resource} "${name}": the object has been modified`,
      )
    }
    return this.#write('MODIFIED', merged(before, patch) as KubeObject)
  }

  delete(name: string): KubeObject {
    return this.#write('DELETED', this.get(name))
  }

  /** What happened after a version; one that is forgotten, or that was never, is refused. */
  since(version: string): readonly KubeChange[] {
    const after = Number(version)
    if (!Number.isSafeInteger(after)) throw new KubeRefusal(400, 'BadRequest', 'invalid resource version')
    if (after < this.#forgotten) {
      throw new KubeRefusal(410, 'Expired', `too old resource version: ${version} (${this.#forgotten})`)
    }
    return this.#history.filter((kept) => kept.version > after).map(({ change }) => change)
  }

  subscribe(listener: (change: KubeChange) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Forgets the history, as etcd does when it is compacted. */
  compact(): void {
    this.#forgotten = this.#versions.now
    this.#history = []
  }

  /** What another server has written, as it is kept: with its version in it. */
  take(change: KubeChange): void {
    this.#put(change)
    this.tell(change)
  }

  /** As if it had not been written. */
  undo({ change, before }: KubeWrite): void {
    if (before === undefined) this.#objects.delete(change.object.metadata.name)
    else this.#objects.set(change.object.metadata.name, before)
  }

  /** To those who watch, now and later. */
  tell(change: KubeChange): void {
    this.#history.push({ change, version: Number(change.object.metadata.resourceVersion) })
    const [oldest] = this.#history
    if (this.#history.length > this.#historyLength && oldest !== undefined) {
      this.#forgotten = oldest.version
      this.#history.shift()
    }
    for (const listener of this.#listeners) listener(change)
  }

  #write(type: KubeChange['type'], object: KubeObject): KubeObject {
    const version = ++this.#versions.now
    const written = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }
    const before = this.#objects.get(written.metadata.name)
    const change = { type, object: written }
    this.#put(change)
    const { turn } = this.#versions
    if (turn === undefined) this.tell(change)
    else turn.push({ objects: this, change, before })
    this.#follow?.(change)
    return written
  }

  #put({ type, object }: KubeChange): void {
    if (type === 'DELETED') this.#objects.delete(object.metadata.name)
    else this.#objects.set(object.metadata.name, object)
  }
}

function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const before = typeof target === 'object' && target !== null && !Array.isArray(target) ? target : {}
  const result = new Map<string, unknown>(Object.entries(before))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key)
    else result.set(key, merged(result.get(key), value))
  }
  return Object.fromEntries(result)
}
