import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'

/** AES-256. */
export const keyLength = 32
/** NIST SP 800-38D §8.2: 96 bits, by chance. */
const nonceLength = 12
const tagLength = 16
const form = 'aes256gcm'

export type Opened =
  { readonly kind: 'opened'; readonly text: string } | { readonly kind: 'refused'; readonly because: string }

/**
 * The keys by which secrets are kept on disk. The first seals; all of them open, so that one can be replaced by writing a
 * new one before it.
 */
export class KeyRing {
  readonly #keys: ReadonlyMap<string, Uint8Array>
  /** Of the key that seals. */
  readonly currentId: string

  constructor(keys: readonly [Uint8Array, ...(readonly Uint8Array[])]) {
    this.#keys = new Map(keys.map((key) => [idOf(key), key]))
    this.currentId = idOf(keys[0])
  }

  /** `place` says whose secret it is: what is sealed opens there, and nowhere else. */
  seal(text: string, place: string): string {
    const key = this.#keys.get(this.currentId)
    if (key === undefined) throw new Error('A key ring has its first key.')
    const nonce = randomBytes(nonceLength)
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength })
    cipher.setAAD(Buffer.from(`${form} ${this.currentId} ${place}`))
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
    return [form, this.currentId, nonce.toString('base64url'), sealed.toString('base64url')].join('.')
  }

  open(sealed: string, place: string): Opened {
    const [name, id = '', nonceText = '', bodyText = ''] = sealed.split('.')
    const nonce = Buffer.from(nonceText, 'base64url')
    const body = Buffer.from(bodyText, 'base64url')
    if (name !== form || nonce.length !== nonceLength || body.length < tagLength) {
      return refused('it was not sealed by this program, or is damaged')
    }
    const key = this.#keys.get(id)
    if (key === undefined) return refused(`the key ${id} that sealed it is not there`)
    const cipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength })
    cipher.setAAD(Buffer.from(`${form} ${id} ${place}`))
    cipher.setAuthTag(body.subarray(-tagLength))
    try {
      const text = Buffer.concat([cipher.update(body.subarray(0, -tagLength)), cipher.final()])
      return { kind: 'opened', text: text.toString('utf8') }
    } catch {
      // OpenSSL tells no more than that the tag does not fit.
      return refused('it was changed, or belongs to another record')
    }
  }

  /** Whether this was sealed by the key that seals now. */
  isCurrent(sealed: string): boolean {
    return sealed.split('.')[1] === this.currentId
  }
}

/** Tells keys apart and says nothing of what is in them. */
function idOf(key: Uint8Array): string {
  return createHash('sha256').update('ironwake store key').update(key).digest('hex').slice(0, 12)
}

function refused(because: string): Opened {
  return { kind: 'refused', because }
}
