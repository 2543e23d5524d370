import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fetchedPackages } from '../../server/demo/debian-packages.ts'
import { thisDistribution } from '../../server/demo/distribution.ts'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'
import { kubernetesPackages, type KubernetesRelease } from '../fakes/kubernetes-packages.ts'
import { imageCache } from './rig.ts'

/** Debian 12 and 13 have a containerd of the first line; the release after them has one of the second, and it runs on both. */
const withContainerd2: ReadonlyMap<string, string> = new Map([
  ['bookworm', 'forky'],
  ['trixie', 'forky'],
])

/** Where it stands on the network of the rig. */
const address = '10.78.0.5'

export type AptRepository = AsyncDisposable & {
  readonly debian: string
  readonly kubernetes: string
  /** The key of both, in ASCII armor. */
  readonly key: string
  /** Puts it on the network. */
  readonly plugIn: (box: NetworkNamespace) => Promise<AsyncDisposable>
}

/** A mirror of Debian's packages for nodes and of those of Kubernetes, signed by a key that is made here. */
export async function aptRepository(release: KubernetesRelease): Promise<AptRepository> {
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-apt-'))
  const keyring = join(folder, 'keyring')
  mkdirSync(keyring, { mode: 0o700 })
  const gpg = (...words: readonly string[]) =>
    execFileSync('gpg', ['--homedir', keyring, '--batch', '--quiet', '--yes', ...words], { stdio: 'pipe' })
  gpg(
    '--passphrase',
    '',
    '--quick-generate-key',
    'Packages of the tests <tests@ironwake.example>',
    'ed25519',
    'sign',
    '1d',
  )
  const key = gpg('--armor', '--export').toString('utf8')
  const sign = (place: string) => {
    writeFileSync(join(place, 'Packages'), indexOf(place))
    writeFileSync(join(place, 'Release'), releaseOf(place))
    gpg('--output', join(place, 'InRelease'), '--clear-sign', join(place, 'Release'))
  }

  const debian = join(folder, 'served/debian')
  mkdirSync(debian, { recursive: true })
  for (const part of await packagesForNodes()) {
    // An escaped colon in a name would be read as an escape of the URL.
    for (const name of readdirSync(part)) cpSync(join(part, name), join(debian, name.replaceAll('%3a', '.')))
  }
  sign(debian)
  const ofKubernetes = join(folder, 'served/kubernetes')
  mkdirSync(ofKubernetes)
  kubernetesPackages(ofKubernetes, release)
  sign(ofKubernetes)

  return {
    debian: `http://${address}/debian/`,
    kubernetes: `http://${address}/kubernetes/`,
    key,
    async plugIn(box) {
      const mirror = await box.addNeighbour('lab')
      await mirror.run(['ip', 'address', 'add', `${address}/24`, 'dev', 'eth0'])
      const words = ['-m', 'http.server', '80', '--bind', address, '--directory', join(folder, 'served')]
      mirror.start(['python3', ...words], { stdio: 'ignore' })
      while (!(await answers(mirror))) await pause(100)
      // It ends with its namespace.
      return { [Symbol.asyncDispose]: async () => await mirror[Symbol.asyncDispose]() }
    },
    async [Symbol.asyncDispose]() {
      execFileSync('gpgconf', ['--homedir', keyring, '--kill', 'all'], { stdio: 'pipe' })
      await Promise.resolve(rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
    },
  }
}

/** Folders with Debian's packages that a node is made with. */
export async function packagesForNodes(): Promise<readonly string[]> {
  const { codename } = await thisDistribution()
  const order = { cacheFolder: imageCache, processor: 'amd64' } as const
  return [
    await fetchedPackages({
      ...order,
      names: ['containerd'],
      codename: withContainerd2.get(codename) ?? codename,
      dependencies: 'left-out',
    }),
    await fetchedPackages({
      ...order,
      names: ['runc', 'conntrack', 'ethtool', 'iptables', 'socat'],
      dependencies: 'too',
    }),
  ]
}

async function answers(mirror: NetworkNamespace): Promise<boolean> {
  const asked = mirror.run(['curl', '-fsS', '--max-time', '20', `http://${address}/debian/Release`])
  return await asked.then(
    () => true,
    () => false,
  )
}

/** The index of a folder of packages, as `dpkg-scanpackages` writes it. */
function indexOf(folder: string): string {
  const packages = readdirSync(folder).filter((name) => name.endsWith('.deb'))
  const entries = packages.map((name) => {
    const path = join(folder, name)
    const control = execFileSync('dpkg-deb', ['--field', path], { encoding: 'utf8' }).trimEnd()
    return `${control}\nFilename: ${name}\nSize: ${statSync(path).size}\nSHA256: ${sha256(path)}\n`
  })
  return entries.join('\n')
}

function releaseOf(folder: string): string {
  const index = join(folder, 'Packages')
  return [
    'Origin: Ironwake tests',
    `Date: ${new Date().toUTCString()}`,
    'SHA256:',
    ` ${sha256(index)} ${statSync(index).size} Packages`,
    '',
  ].join('\n')
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
