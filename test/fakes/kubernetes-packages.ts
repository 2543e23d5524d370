import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const material = fileURLToPath(new URL('kubernetes', import.meta.url))
const fakes = fileURLToPath(new URL('.', import.meta.url))

/** What the packages of Kubernetes depend on (pkgs.k8s.io, 1.35); cri-tools comes with them, and is left out here. */
const packages = {
  kubelet: { depends: 'iptables, socat, ethtool, conntrack', unit: 'kubelet.service' },
  kubeadm: { depends: 'kubelet', unit: 'kubelet.service.d/10-kubeadm.conf' },
  kubectl: { depends: '', unit: undefined },
} as const

/** Where the stand-ins keep what they share, below `usr`. */
const shared = 'lib/kubernetes-stand-in'

export type KubernetesRelease = {
  /** As `1.35.8`. */
  readonly version: string
  /** A folder with its programs for Linux; left out, stand-ins of them. */
  readonly programs?: string
}

/** What `KUBE_BIN_DIR` names; where it names nothing, stand-ins of a version. */
export function kubernetesAtHand(version: string): KubernetesRelease {
  const programs = process.env['KUBE_BIN_DIR']
  if (programs === undefined || programs === '') return { version }
  const said = execFileSync(join(programs, 'kubeadm'), ['version', '-o', 'short'], { encoding: 'utf8' })
  return { version: said.trim().slice(1), programs }
}

/** Makes packages with the names and versions of those of Kubernetes in a folder, and what `kubeadm init` fetches. */
export function kubernetesPackages(folder: string, { version, programs }: KubernetesRelease): void {
  for (const [name, { depends, unit }] of Object.entries(packages)) {
    const root = join(folder, `building-${name}`)
    const program = programs === undefined ? standIn(name, version) : readFileSync(join(programs, name))
    put(join(root, 'usr/bin', name), program, 0o755)
    if (name === 'kubelet') put(join(root, 'usr', shared, 'kube.py'), standIn('kube.py', version))
    if (unit !== undefined) {
      const text = standIn(unit.split('/').at(-1) ?? '', version)
      put(join(root, 'usr/lib/systemd/system', unit), text)
    }
    const fields = [
      `Package: ${name}`,
      `Version: ${version}-1.1`,
      'Architecture: all',
      'Maintainer: Ironwake tests <tests@ironwake.example>',
      ...(depends === '' ? [] : [`Depends: ${depends}`]),
      `Description: stand-in for ${name}`,
    ]
    put(join(root, 'DEBIAN/control'), `${fields.join('\n')}\n`)
    execFileSync('dpkg-deb', ['--root-owner-group', '--build', root, folder], { stdio: 'pipe' })
    rmSync(root, { recursive: true })
  }
  if (programs === undefined) apiServer(folder, version)
}

/** The stand-in of kubeadm, for this machine; it finds what it shares with others beside itself. */
export function putKubeadm(folder: string, version: string): void {
  for (const name of ['kubeadm', 'kube.py']) put(join(folder, name), standIn(name, version), 0o755)
}

/** The program of the API server with what runs it, as an archive of what comes below `/usr`: in place of an image. */
function apiServer(folder: string, version: string): void {
  const root = join(folder, 'building-kube-apiserver')
  const place = join(root, shared)
  for (const name of ['kube-apiserver', 'kube-api-server', 'kube-bootstrap', 'kube-objects']) {
    const text = stripTypeScriptTypes(readFileSync(join(fakes, `${name}.ts`), 'utf8'))
    put(join(place, `${name}.mjs`), text.replaceAll(/(from '\.\/[a-z-]+)\.ts'/g, "$1.mjs'"))
  }
  copyFileSync(process.execPath, join(place, 'node'))
  chmodSync(join(place, 'node'), 0o755)
  const start = `KUBE_STAND_IN_VERSION=v${version} exec /usr/${shared}/node /usr/${shared}/kube-apiserver.mjs "$@"`
  put(join(root, 'bin/kube-apiserver'), `#!/bin/sh\n${start}\n`, 0o755)
  const words = ['--create', '--owner=0', '--group=0', '--directory', root, '--file']
  execFileSync('tar', [...words, join(folder, 'kube-apiserver.tar'), 'bin', 'lib'])
  rmSync(root, { recursive: true })
}

function standIn(name: string, version: string): string {
  return readFileSync(join(material, name), 'utf8').replaceAll('@VERSION@', version)
}

function put(path: string, text: string | Buffer, mode = 0o644): void {
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text, { mode })
}
