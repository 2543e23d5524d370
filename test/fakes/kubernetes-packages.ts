import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const material = fileURLToPath(new URL('kubernetes', import.meta.url))

/** What the packages of Kubernetes depend on (pkgs.k8s.io, 1.35); cri-tools comes with them, and is left out here. */
const names = { kubelet: 'iptables, socat, ethtool, conntrack', kubeadm: 'kubelet', kubectl: '' } as const

/** Makes packages with the names and versions of those of Kubernetes in a folder. */
export function kubernetesPackages(folder: string, version: string): void {
  for (const [name, depends] of Object.entries(names)) {
    const root = join(folder, `building-${name}`)
    const program = join(root, 'usr/bin', name)
    mkdirSync(join(root, 'DEBIAN'), { recursive: true })
    mkdirSync(join(root, 'usr/bin'), { recursive: true })
    const text = readFileSync(join(material, 'program'), 'utf8')
    writeFileSync(program, text.replaceAll('@VERSION@', version), { mode: 0o755 })
    if (name === 'kubelet') {
      mkdirSync(join(root, 'usr/lib/systemd/system'), { recursive: true })
      cpSync(join(material, 'kubelet.service'), join(root, 'usr/lib/systemd/system/kubelet.service'))
    }
    const fields = [
      `Package: ${name}`,
      `Version: ${version}-1.1`,
      'Architecture: all',
      'Maintainer: Ironwake tests <tests@ironwake.example>',
      ...(depends === '' ? [] : [`Depends: ${depends}`]),
      `Description: stand-in for ${name}`,
    ]
    writeFileSync(join(root, 'DEBIAN/control'), `${fields.join('\n')}\n`)
    execFileSync('dpkg-deb', ['--root-owner-group', '--build', root, folder], { stdio: 'pipe' })
    rmSync(root, { recursive: true })
  }
}
