// What GnuPG signs we read, and what it would refuse we refuse; what the tests sign, GnuPG reads.
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { checkDetached, openClearSigned } from '../../server/images/check-signature.ts'
import { readKeyring, type Keyring } from '../../server/images/keyring.ts'
import { UpstreamFault } from '../../server/images/upstream-fault.ts'
import { aSigner } from '../images/a-signer.ts'
import { needs } from './needs.ts'

const run = promisify(execFile)
const text = '{"format": "index:1.0",\n- "a line with a dash":   \n"index": {}}\n'

const needed = needs('gpg', 'gpgv', 'gpgconf')

type GnuPg = AsyncDisposable & {
  readonly folder: string
  readonly make: (name: string, algorithm: string, words?: readonly string[]) => Promise<Keyring>
  readonly sign: (by: string, words: readonly string[], input: string) => Promise<Buffer>
}

/** A home of its own for gpg, and for the agent that it starts. */
async function openGnuPg(): Promise<GnuPg> {
  const folder = await mkdtemp(join(tmpdir(), 'ironwake-gpg-'))
  const common = ['--homedir', folder, '--batch', '--yes', '--quiet', '--pinentry-mode', 'loopback']
  return {
    folder,
    async make(name, algorithm, words = []) {
      await run('gpg', [
        ...common,
        ...words,
        '--passphrase',
        '',
        '--quick-generate-key',
        name,
        algorithm,
        'sign',
        'never',
      ])
      const { stdout } = await run('gpg', [...common, '--export', name], { encoding: 'buffer' })
      return await readKeyring(stdout, `${name}.gpg`, [])
    },
    async sign(by, words, input) {
      const child = spawn('gpg', [...common, '--local-user', by, ...words, '--output', '-'], {
        stdio: ['pipe', 'pipe', 'ignore'],
      })
      child.stdin.end(input)
      const parts: Buffer[] = []
      for await (const part of child.stdout) parts.push(part)
      return Buffer.concat(parts)
    },
    async [Symbol.asyncDispose]() {
      await run('gpgconf', ['--homedir', folder, '--kill', 'all'])
      await rm(folder, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

async function kindOf(of: Promise<unknown>): Promise<string> {
  try {
    await of
    return 'accepted'
  } catch (error) {
    if (!(error instanceof UpstreamFault)) throw error
    return error.kind
  }
}

t.test('signatures of GnuPG', needed, async (t) => {
  await using gnupg = await openGnuPg()
  const strong = await gnupg.make('strong', 'rsa3072')
  const short = await gnupg.make('short', 'rsa1024')
  const curve = await gnupg.make('curve', 'ed25519')
  const now = Date.now()

  await t.test('are read, clear-signed and detached, by RSA and by a curve', async (t) => {
    for (const [name, ring] of [
      ['strong', strong],
      ['curve', curve],
    ] as const) {
      const signed = await gnupg.sign(name, ['--clear-sign'], text)
      const opened = await openClearSigned(signed.toString(), ring, now, 'the index')
      // White space at the end of a line is no part of what is signed (RFC 9580 §7.2).
      t.equal(opened.trimEnd(), text.replace('   \n', '\n').trimEnd())
      const detached = await gnupg.sign(name, ['--detach-sign'], text)
      await checkDetached(Buffer.from(text), detached, ring, now, 'SHA256SUMS')
      const armored = await gnupg.sign(name, ['--detach-sign', '--armor'], text)
      await checkDetached(Buffer.from(text), armored, ring, now, 'SHA256SUMS')
    }
  })

  const cases: readonly (readonly [string, string, readonly string[], Keyring, string])[] = [
    ['SHA-1 as the digest', 'strong', ['--digest-algo', 'SHA1'], strong, 'signature-weak'],
    ['a key of 1024 bits', 'short', [], short, 'signature-weak'],
    [
      'a signature that lasted a day',
      'strong',
      ['--default-sig-expire', '1', '--faked-system-time', String(Math.floor(now / 1000) + 60)],
      strong,
      'signature-expired',
    ],
    ['another key', 'curve', [], strong, 'signature-foreign'],
  ]
  for (const [claim, by, words, ring, kind] of cases) {
    await t.test(`are refused: ${claim}`, async (t) => {
      const late = kind === 'signature-expired' ? now + 3 * 86_400_000 : now
      const signed = await gnupg.sign(by, [...words, '--clear-sign'], text)
      t.equal(await kindOf(openClearSigned(signed.toString(), ring, late, 'the index')), kind)
      const detached = await gnupg.sign(by, [...words, '--detach-sign'], text)
      t.equal(await kindOf(checkDetached(Buffer.from(text), detached, ring, late, 'SHA256SUMS')), kind)
    })
  }
})

t.test('GnuPG accepts what the signer of the tests signs', needed, async (t) => {
  await using gnupg = await openGnuPg()
  const signer = await aSigner('images')
  const at = (name: string) => join(gnupg.folder, name)
  await writeFile(at('ring.gpg'), signer.keyringFile)
  await writeFile(at('index.sjson'), await signer.clearSign(text))
  await writeFile(at('SHA256SUMS'), text)
  await writeFile(at('SHA256SUMS.gpg'), await signer.detach(Buffer.from(text)))
  const verify = async (...files: readonly string[]) =>
    await run('gpgv', ['--homedir', gnupg.folder, '--keyring', at('ring.gpg'), ...files.map(at)])
  t.match((await verify('index.sjson')).stderr, /Good signature/)
  t.match((await verify('SHA256SUMS.gpg', 'SHA256SUMS')).stderr, /Good signature/)
  await writeFile(at('SHA256SUMS'), `${await readFile(at('SHA256SUMS'), 'utf8')} `)
  await t.rejects(verify('SHA256SUMS.gpg', 'SHA256SUMS'), /BAD signature/)
})
