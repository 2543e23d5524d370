import { execFileSync } from 'node:child_process'
import { cpSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import t from 'tap'
import { readNodeTemplates } from '../../server/appliance/boot-material.ts'
import { nodeCloudConfig } from '../../server/cloud-init/node-cloud-config.ts'
import { chooseKubernetes } from '../../server/clusters/kubernetes-versions.ts'
import { debianDisk } from '../../server/demo/debian-disk.ts'
import { aptRepository } from './apt-repository.ts'
import { imageCache, mac, patience, startRig } from './rig.ts'
import { gib, inRoot, plugged } from './test-disks.ts'

// A machine starts from its disk with the cloud-config of a node for its seed, and fetches what that asks for from a signed
// repository: containerd 2 as Debian has it, and packages that stand in for those of Kubernetes.

/** Debian's containerd is of the line 2.1, which is the one for this version. */
const wanted = '1.35'

void t.test(
  'bios: the cloud-config of a node brings containerd 2 and the kubelet from a signed repository',
  async (t) => {
    t.testdir()
    const chosen = chooseKubernetes(wanted)
    if (chosen.kind === 'refused') throw new Error(chosen.because)
    const { version, minor } = chosen
    await using packages = await aptRepository(version)
    const config = nodeCloudConfig(
      {
        kubernetes: version,
        containerdOldest: minor.containerd,
        pauseImage: minor.pauseImage,
        cgroupV1: minor.cgroupV1,
        packages: packages.kubernetes,
        packagesKey: { kind: 'key', armored: packages.key },
      },
      readNodeTemplates(),
    )
    if (config.kind === 'refused') throw new Error(config.because)

    const path = join(t.testdirName, 'IW-NODE.img')
    const disk = { serial: 'IW-NODE', path }
    cpSync(await debianDisk({ cacheFolder: imageCache }), path)
    grow(path, 2 * gib)
    const put = (to: string, text: string) => {
      const from = join(t.testdirName, 'put')
      writeFileSync(from, text)
      inRootFileSystem(path, `cd ${dirname(to)}`, `write ${from} ${basename(to)}`)
      // debugfs ends well even when it could not.
      if (inRoot(disk, `cat ${to}`) !== text) throw new Error(`${to} could not be put on the disk`)
    }
    for (const folder of ['/var/lib/cloud', '/var/lib/cloud/seed', '/var/lib/cloud/seed/nocloud']) {
      inRootFileSystem(path, `mkdir ${folder}`)
    }
    put('/etc/apt/keyrings/tests.asc', packages.key)
    put('/etc/apt/sources.list', `deb [signed-by=/etc/apt/keyrings/tests.asc] ${packages.debian} /\n`)
    const seed = '/var/lib/cloud/seed/nocloud'
    put(`${seed}/meta-data`, 'instance-id: node-software\nlocal-hostname: node-1\n')
    put(`${seed}/user-data`, config.text)
    put(
      `${seed}/network-config`,
      `version: 2\nethernets: {boot: {match: {macaddress: "${mac}"}, dhcp4: true}}\n`,
    )

    await using rig = await startRig({
      name: 'node-software',
      firmware: 'bios',
      disk: 'empty',
      settings: [`approve: ["${mac}"]`, 'defaults: {method: local}'],
      others: packages.plugIn,
      machineWords: plugged([disk]),
    })
    const tookMs = await rig.machine.waitForSerial(/ironwake: (fit to become|.*\.$)/m, patience)
    t.comment(`${(tookMs / 1_000).toFixed(1)} s from power-on until it is fit to become a node`)
    const said = await rig.machine.serialText()
    t.match(said, new RegExp(`ironwake: fit to become a node of Kubernetes ${version}, with containerd 2\\.`))
    await rig.machine.pullPlug()
    t.match(inRoot(disk, 'cat /var/lib/ironwake/node-prepared'), new RegExp(`^${version}$`, 'm'))
    t.match(inRoot(disk, 'cat /var/lib/dpkg/status'), /^Package: kubeadm\nStatus: hold ok installed$/m)
  },
)

/** The disk becomes larger, and its root partition with it; the file system follows at the first start. */
function grow(path: string, bytes: number): void {
  truncateSync(path, bytes)
  execFileSync('sgdisk', ['--move-second-header', path], { stdio: 'pipe' })
  execFileSync('sfdisk', ['--quiet', '-N', '1', path], { input: ', +\n', stdio: 'pipe' })
}

function inRootFileSystem(path: string, ...commands: readonly string[]): void {
  execFileSync('debugfs', ['-w', '-f', '-', `${path}?offset=${18 * 1024 * 1024}`], {
    input: commands.map((command) => `${command}\n`).join(''),
    stdio: 'pipe',
  })
}
