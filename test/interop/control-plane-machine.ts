import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'
import type { NetworkNamespace } from '../../server/demo/network-namespace.ts'

// Machines for clusters of several control planes, without a virtual machine for each: a network stack, processes and a root
// of their own over the programs of this host. What leads them in is what the box gives: script, seed, node agent, orders.

/** Where the stand-ins of Kubernetes stand on each. */
export const programs = '/opt/kubernetes'

export type MachinePlan = {
  readonly number: number
  /** The boot listener, as `http://10.0.0.1:8080`. */
  readonly boot: string
  readonly namespace: NetworkNamespace
  /** A folder for this machine alone. */
  readonly folder: string
  /** The folder of the stand-ins. */
  readonly programs: string
  readonly kubernetes: string
  readonly mac: string
  readonly address: string
}

export type ControlPlaneMachine = {
  readonly name: string
  readonly address: string
  readonly namespace: NetworkNamespace
  /** Its disk, as this host sees it. */
  readonly root: string
  /** Asks for its script and its seed as firmware and cloud-init do, and starts. */
  readonly powerOn: () => Promise<void>
  /** All that runs on it ends at once, with its network. */
  readonly pullPlug: () => Promise<void>
  /** What its agent, its kubelet and kubeadm said. */
  readonly log: () => string
}

/** What stands for systemd and containerd, and for what kubeadm wants to be there; `kubeadm` and the kubelet are the stand-ins of the tests. */
const stands: Readonly<Record<string, string>> = {
  init: `export PATH=${programs}:/usr/sbin:/usr/bin:/sbin:/bin
ip link set lo up
containerd &
sh /run/cloud-init >>/var/log/machine 2>&1
while :; do /bin/sleep 600; done`,
  containerd: `[ "\${1:-}" != --version ] || { echo containerd github.com/containerd/containerd/v2 2.2.1 0123456; exit 0; }
exec /usr/bin/python3 -c '
import socket
s = socket.socket(socket.AF_UNIX)
s.bind("/run/containerd/containerd.sock")
s.listen()
while True: s.accept()[0].close()'`,
  systemctl: `case "$*" in
daemon-reload | 'enable ironwake-node.service') ;;
'start --no-block ironwake-node.service')
  setsid sh -c 'until /usr/local/lib/ironwake/node-agent; do /bin/sleep 1; done' >>/var/log/machine 2>&1 </dev/null & ;;
'stop kubelet')
  [ -e /run/kubelet.pid ] || exit 0
  kill -KILL -- "-$(cat /run/kubelet.pid)"
  rm /run/kubelet.pid ;;
'restart kubelet')
  "$0" stop kubelet
  setsid sh -c 'while :; do . /var/lib/kubelet/kubeadm-flags.env; kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf \\
    --kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml $KUBELET_KUBEADM_ARGS; /bin/sleep 1; done' \\
    >>/var/log/machine 2>&1 </dev/null &
  echo $! >/run/kubelet.pid ;;
*) exit 1 ;;
esac`,
  // The agent asks each minute.
  sleep: 'exec /bin/sleep 0.5',
  ...Object.fromEntries(
    ['ctr', 'modprobe', 'conntrack', 'iptables', 'socat', 'ethtool'].map((name) => [name, 'exit 0']),
  ),
}

export function putStands(folder: string): void {
  for (const [name, text] of Object.entries(stands)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  }
}

export function controlPlaneMachine(plan: MachinePlan): ControlPlaneMachine {
  const { number, boot, namespace, folder, mac, address } = plan
  const name = `node-${number}`
  const root = join(folder, 'root')
  const uuid = `4c4c4544-0000-4000-8000-00000000000${number}`
  const write = (path: string, text: string, mode = 0o644): void => {
    // The place of local programs is not that of this host.
    const place = join(root, path.replace(/^\/usr\/local\//, 'usr-local/'))
    mkdirSync(dirname(place), { recursive: true })
    writeFileSync(place, text)
    chmodSync(place, mode)
  }
  const fetched = async (url: string, ...more: readonly string[]): Promise<string> =>
    (await namespace.run(['curl', '-fsS', '--max-time', '120', ...more, url])).stdout
  let running: ChildProcess | undefined

  return {
    name,
    address,
    namespace,
    root,
    async powerOn() {
      layOut()
      const query = `mac=${mac.replaceAll(':', '-')}&ip=${address}&uuid=${uuid}&platform=pcbios&buildarch=x86_64`
      const script = await fetched(`${boot}/boot.ipxe?${query}`)
      const [, seed] = /ds=nocloud;s=(\S+\/)/.exec(script) ?? []
      if (seed === undefined) throw new Error(`no image in memory for ${name}: ${script}`)
      const meta = parse(await fetched(`${seed}meta-data`), { version: '1.1' }) as MetaData
      const user = parse(await fetched(`${seed}user-data`), { version: '1.1' }) as UserData
      const vendor = parse(await fetched(`${seed}vendor-data`), { version: '1.1' }) as VendorData
      for (const { path, content, permissions } of vendor.write_files) {
        write(path, content, Number.parseInt(permissions, 8))
      }
      // In place of the packages of Kubernetes, which stand there already.
      write(
        '/usr/local/lib/ironwake/prepare-node',
        `#!/bin/sh\necho ${plan.kubernetes} >/var/lib/ironwake/node-prepared\n`,
        0o755,
      )
      write('run/cloud-init', cloudInit(meta, user, vendor))
      running = namespace.start(['sh', '-c', starts(), 'sh', root, plan.programs, name], { stdio: 'ignore' })
    },
    async pullPlug() {
      if (running !== undefined && running.exitCode === null && running.signalCode === null) {
        const exited = once(running, 'exit')
        running.kill('SIGKILL')
        await exited
      }
      await namespace[Symbol.asyncDispose]()
    },
    log: () =>
      existsSync(join(root, 'var/log/machine')) ? readFileSync(join(root, 'var/log/machine'), 'utf8') : '',
  }

  /** A disk with an installed system, whose programs are those of this host. */
  function layOut(): void {
    rmSync(root, { recursive: true, force: true })
    const folders = 'usr usr-local proc dev tmp etc run/containerd var/log var/lib/ironwake sys/fs/cgroup'
    for (const one of `${folders} ${programs.slice(1)}`.split(' '))
      mkdirSync(join(root, one), { recursive: true })
    for (const one of ['bin', 'sbin', 'lib', 'lib64']) {
      if (existsSync(`/${one}`) && lstatSync(`/${one}`).isSymbolicLink())
        symlinkSync(readlinkSync(`/${one}`), join(root, one))
    }
    for (const one of ['passwd', 'group', 'nsswitch.conf', 'ld.so.cache', 'alternatives', 'ssl']) {
      if (existsSync(`/etc/${one}`))
        cpSync(`/etc/${one}`, join(root, 'etc', one), { recursive: true, verbatimSymlinks: true })
    }
    write('etc/hosts', `127.0.0.1 localhost\n${address} ${name}\n`)
    write('etc/machine-id', `${uuid.replaceAll('-', '')}\n`)
    write('sys/class/dmi/id/product_uuid', `${uuid}\n`)
    write('sys/fs/cgroup/cgroup.controllers', 'cpu memory\n')
    write('swaps', 'Filename\tType\tSize\tUsed\tPriority\n')
  }

  /** What cloud-init tells the box, and runs at its end. */
  function cloudInit(
    meta: MetaData,
    { reporting, phone_home: home }: UserData,
    { runcmd }: VendorData,
  ): string {
    const { endpoint } = reporting.ironwake
    const report = (stage: string, type: string): string => {
      const result = type === 'finish' ? { result: 'SUCCESS' } : {}
      const body = JSON.stringify({
        name: stage,
        description: stage,
        event_type: type,
        origin: 'cloudinit',
        ...result,
      })
      return `curl -fsS --data-binary ${quoted(body)} ${quoted(endpoint)}`
    }
    const form = new URLSearchParams({ instance_id: meta['instance-id'], hostname: name }).toString()
    const stages = ['init-local', 'init-network', 'modules-config']
    return [
      'set -eu',
      ...stages.flatMap((stage) => [report(stage, 'start'), report(stage, 'finish')]),
      report('modules-final', 'start'),
      ...runcmd.map((words) => words.map(quoted).join(' ')),
      `curl -fsS --data ${quoted(form)} ${quoted(home.url)}`,
      report('modules-final', 'finish'),
    ].join('\n')
  }
}

type MetaData = { readonly 'instance-id': string }
type UserData = {
  readonly reporting: { readonly ironwake: { readonly endpoint: string } }
  readonly phone_home: { readonly url: string }
}
type VendorData = {
  readonly write_files: readonly {
    readonly path: string
    readonly content: string
    readonly permissions: string
  }[]
  readonly runcmd: readonly (readonly string[])[]
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

/** ROOT PROGRAMS NAME: in namespaces of its own, so that mounts and processes end with it. */
function starts(): string {
  const mounts = `
set -eu
mount --bind "$1" "$1"
mount --bind /usr "$1/usr"
mount -o remount,bind,ro "$1/usr"
mount --bind "$1/usr-local" "$1/usr/local"
mount --bind "$2" "$1${programs}"
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
mount --bind "$1/swaps" "$1/proc/swaps"
mount -t tmpfs net "$1/proc/sys/net"
mkdir -p "$1/proc/sys/net/bridge" "$1/proc/sys/net/ipv4"
echo 1 >"$1/proc/sys/net/bridge/bridge-nf-call-iptables"
echo 1 >"$1/proc/sys/net/ipv4/ip_forward"
hostname "$3"
exec chroot "$1" ${programs}/init`
  // Of the environment of the test nothing: what tells Node.js how to run a test would reach the API server.
  return `exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin unshare --mount --pid --uts --fork --kill-child sh -c ${quoted(mounts)} sh "$@"`
}
