import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

/** Where the stand-ins keep what they are made of and share, below `usr`. */
const shared = 'lib/kubernetes-stand-in'
const parts = readdirSync(material).filter((name) => name.endsWith('.py'))

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
    const own =
      name === 'kubelet' ? ['kube.py'] : name === 'kubeadm' ? parts.filter((part) => part !== 'kube.py') : []
    for (const part of own) put(join(root, 'usr', shared, part), standIn(part, version))
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
  if (programs === undefined) images(folder, version)
}

/** The stand-in of kubeadm, for this machine; it finds what it is made of beside itself. */
export function putKubeadm(folder: string, version: string): void {
  for (const name of ['kubeadm', ...parts]) put(join(folder, name), standIn(name, version), 0o755)
}

/** Those of a control plane that has installed its packages, with what it would pull; in a folder that stands at `place` there. */
export function putControlPlane(folder: string, place: string, version: string): void {
  putKubeadm(folder, version)
  put(join(folder, 'kubelet'), standIn('kubelet', version), 0o755)
  putApiServer(folder, place, folder, version)
}

/** The programs that a control plane pulls, as an archive of what comes below `/usr`: in place of images. */
function images(folder: string, version: string): void {
  const root = join(folder, 'building-images')
  putApiServer(join(root, 'bin'), `/usr/${shared}`, join(root, shared), version)
  copyFileSync(programAt('etcd'), join(root, 'bin/etcd'))
  chmodSync(join(root, 'bin/etcd'), 0o755)
  const words = ['--create', '--owner=0', '--group=0', '--directory', root, '--file']
  execFileSync('tar', [...words, join(folder, 'control-plane.tar'), 'bin', 'lib'])
  rmSync(root, { recursive: true })
}

/** The API server with what runs it, and the word that starts it; `place` is where that finds it. */
function putApiServer(bin: string, place: string, folder: string, version: string): void {
  for (const name of ['kube-apiserver', 'kube-api-server', 'kube-bootstrap', 'kube-etcd', 'kube-objects']) {
    const text = stripTypeScriptTypes(readFileSync(join(fakes, `${name}.ts`), 'utf8'))
    put(join(folder, `${name}.mjs`), text.replaceAll(/(from '\.\/[a-z-]+)\.ts'/g, "$1.mjs'"))
  }
  copyFileSync(process.execPath, join(folder, 'node'))
  chmodSync(join(folder, 'node'), 0o755)
  const start = `KUBE_STAND_IN_VERSION=v${version} exec ${place}/node ${place}/kube-apiserver.mjs "$@"`
  put(join(bin, 'kube-apiserver'), `#!/bin/sh\n${start}\n`, 0o755)
}

function programAt(name: string): string {
  return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim()
}

function standIn(name: string, version: string): string {
  return readFileSync(join(material, name), 'utf8').replaceAll('@VERSION@', version)
}

function put(path: string, text: string | Buffer, mode = 0o644): void {
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text, { mode })
}
